import { PassThrough } from "node:stream";
import type { CaptureChild, ChildExit, StartChild } from "../capture/capture-child.js";
import { deferred } from "../../testing/deferred.js";

/** A program that writes and ends as a test says. */
export class ScriptedChild implements CaptureChild {
  readonly stdout = new PassThrough();
  readonly signals: NodeJS.Signals[] = [];
  /** Signals that end it. */
  deadly: readonly NodeJS.Signals[] = ["SIGTERM", "SIGKILL"];
  readonly #exited = deferred<ChildExit>();
  #stderr: (text: string) => void = () => undefined;

  readonly exited = this.#exited.promise;

  onStderr(listener: (text: string) => void): void {
    this.#stderr = listener;
  }

  say(text: string): void {
    this.#stderr(text);
  }

  kill(signal: NodeJS.Signals): void {
    this.signals.push(signal);
    this.stdout.destroy();
    if (this.deadly.includes(signal)) this.#exited.resolve({ code: null, signal });
  }

  exit(code: number): void {
    this.stdout.end();
    this.#exited.resolve({ code, signal: null });
  }
}

/** Starts the children of a script, and notes with what arguments. */
export class ScriptedPrograms {
  readonly children: ScriptedChild[] = [];
  readonly commands: string[] = [];

  readonly start: StartChild = (program, args) => {
    this.commands.push([program, ...args].join(" "));
    const child = new ScriptedChild();
    this.children.push(child);
    return Promise.resolve(child);
  };
}
