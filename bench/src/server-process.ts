import { type ChildProcess, spawn } from "node:child_process";

/** A server that is measured, in a process of its own. */
export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  /** Another address of its ready line, such as `mqtt`. @throws {Error} where there is none. */
  address(key: string): string;
  /** SIGTERM; resolves at its end. */
  stop(): Promise<void>;
  /** SIGKILL, for an end of our own that cannot wait. */
  kill(): void;
}

/**
 * Starts Node on the arguments and waits for a line on stdout with `http=<url>`, and perhaps more addresses.
 * @throws {Error} with what it wrote to stderr, if it ends before.
 */
export async function startServer(args: readonly string[], env: Record<string, string> = {}): Promise<ServerProcess> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-10_000)));
  const ready = await new Promise<string>((resolve, reject) => {
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const [line] = /^.*\bhttp=.*\n/m.exec(stdout) ?? [];
      if (line !== undefined) resolve(line);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${args.join(" ")} ended with ${code}: ${stderr}`)));
  });
  const address = (key: string): string => {
    const [, found] = new RegExp(`\\b${key}=(\\S+)`).exec(ready) ?? [];
    if (found === undefined) throw new Error(`no ${key}= in ${ready}`);
    return found;
  };
  const kill = (): void => void child.kill("SIGKILL");
  return { pid: child.pid ?? Number.NaN, url: address("http"), address, stop: () => stop(child), kill };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}
