import { type ChildProcess, spawn } from "node:child_process";

/** A server that is measured, in a process of its own. */
export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  /** SIGTERM; resolves at its end. */
  stop(): Promise<void>;
  /** SIGKILL, for an end of our own that cannot wait. */
  kill(): void;
}

/**
 * Starts Node on the arguments and waits for a line on stdout with `http=<url>`.
 * @throws {Error} with what it wrote to stderr, if it ends before.
 */
export async function startServer(args: readonly string[], env: Record<string, string> = {}): Promise<ServerProcess> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-10_000)));
  const url = await new Promise<string>((resolve, reject) => {
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const [, found] = /\bhttp=(\S+)/.exec(stdout) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${args.join(" ")} ended with ${code}: ${stderr}`)));
  });
  return { pid: child.pid ?? Number.NaN, url, stop: () => stop(child), kill: () => child.kill("SIGKILL") };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}
