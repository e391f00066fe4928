import { createServer } from "node:net";
import { portHolder } from "../run/port-holder.js";
import { QuickstartError } from "./quickstart-error.js";

/**
 * The port asked for, or, where nobody asked and the usual one is taken, a free one.
 * @param say told when it is not the usual one.
 * @throws {QuickstartError} naming the holder, if the port that was asked for is taken.
 */
export async function choosePort(
  flag: string,
  asked: number | undefined,
  usual: number,
  say: (line: string) => void,
): Promise<number> {
  const wanted = asked ?? usual;
  const problem = await tryPort(wanted);
  if (typeof problem === "number") return problem;
  const holder = await portHolder(wanted);
  const why =
    problem.code === "EADDRINUSE"
      ? `taken${holder === undefined ? "" : ` by ${holder}`}`
      : `refused: ${problem.message}`;
  if (asked !== undefined) throw new QuickstartError(`${flag} ${asked}: the port is ${why}`);
  const free = await tryPort(0);
  if (typeof free !== "number") throw free;
  say(`Port ${usual} is ${why}; using ${free} (${flag} chooses one)`);
  return free;
}

/** The port if it could be listened on, else why not. */
function tryPort(port: number): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
    });
  });
}
