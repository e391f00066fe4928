import { maskCredentials } from "./mask-credentials.js";

const CHARACTERS_MAX = 4096;

/** The last lines that a program wrote to its standard error, for the message when it ends. */
export class StderrTail {
  #text = "";
  #isCut = false;

  append(text: string): void {
    this.#text += text;
    if (this.#text.length <= CHARACTERS_MAX) return;
    this.#text = this.#text.slice(-CHARACTERS_MAX);
    this.#isCut = true;
  }

  /** Whole lines without credentials. A line that lost its start is left out: its mask could not be told any more. */
  lines(): string[] {
    const lines = maskCredentials(this.#text).split("\n");
    return lines.slice(this.#isCut ? 1 : 0).filter((line) => line.trim() !== "");
  }
}
