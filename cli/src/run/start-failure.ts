import { portHolder } from "./port-holder.js";

/** Mistakes of ours rather than of the machine or the operator: they deserve a stack. */
export function isBug(error: unknown): boolean {
  return (
    !(error instanceof Error) ||
    [TypeError, ReferenceError, RangeError, SyntaxError].some((bug) => error instanceof bug) ||
    ("code" in error && error.code === "ERR_ASSERTION")
  );
}

/** Why a part could not start, in one line; a taken port names its holder. */
export async function describeStartFailure(error: Error): Promise<string> {
  const line = error.message.replaceAll(/\s*\n\s*/g, "; ");
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code, port } = cause as NodeJS.ErrnoException & { port?: number };
    if (code !== "EADDRINUSE" || port === undefined) continue;
    const holder = await portHolder(port);
    return cause === error
      ? `port ${port} is taken${holder === undefined ? "" : ` by ${holder}`}`
      : line + (holder === undefined ? "" : `; it is held by ${holder}`);
  }
  return line;
}
