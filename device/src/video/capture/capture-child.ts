import { type ChildProcess, spawn } from "node:child_process";
import type { DeviceClock } from "../../clock/device-clock.js";
import { CaptureError } from "./capture-source.js";
import { findCaptureProgram, findProgram } from "./find-program.js";

/** A program that captures, as {@link ChildCapture} needs it; tests have a scripted one. */
export interface CaptureChild {
  readonly stdout: AsyncIterable<Buffer>;
  /** Calls back with what comes on standard error. */
  onStderr(listener: (text: string) => void): void;
  kill(signal: NodeJS.Signals): void;
  /** Settles when it has ended and its output is closed. */
  readonly exited: Promise<ChildExit>;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** @throws {CaptureError} `program-missing`. */
export type StartChild = (program: string, args: readonly string[]) => Promise<CaptureChild>;

/** A program that ignores SIGTERM for so long gets SIGKILL; and is left to itself where that does not end it as soon. */
const TERMINATE_MS_MAX = 2_000;

/** Starts the real thing, without a shell. Where there is `setpriv` (Linux), the kernel ends it with the agent. */
export const startChild: StartChild = async (name, args) => {
  const program = await findCaptureProgram(name);
  const setpriv = await findProgram("setpriv");
  const [command, ...rest] = setpriv === undefined ? [program] : [setpriv, "--pdeathsig", "KILL", "--", program];
  const child = spawn(command ?? program, [...rest, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) => reject(new CaptureError("program-missing", `${name} does not start`, { cause })));
  });
  return asCaptureChild(child);
};

function asCaptureChild(child: ChildProcess): CaptureChild {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new TypeError("a child without pipes");
  return {
    stdout,
    onStderr: (listener) => void stderr.setEncoding("utf8").on("data", listener),
    kill(signal) {
      // What it still has to say is not wanted, and it must not wait for somebody to read it. Its own children may hold
      // the pipes too; its end must not wait for theirs.
      stdout.destroy();
      stderr.destroy();
      child.kill(signal);
    },
    exited: new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal }))),
  };
}

/**
 * Ends a program: asks, waits, insists. Resolves when it is gone; or when it does not go, since a driver holds it, for
 * which nobody must wait.
 */
export async function terminate(child: CaptureChild, clock: DeviceClock): Promise<void> {
  const gone = new AbortController();
  void child.exited.then(() => gone.abort());
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (gone.signal.aborted) return;
    child.kill(signal);
    await clock.sleep(TERMINATE_MS_MAX, gone.signal);
  }
}
