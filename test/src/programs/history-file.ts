import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Delivery, ProducerHistory, RecordId } from "./history.js";

/**
 * A producer's own account of what it did, one line each: `tried <key> <counter>` before the attempt, `acked <key>
 * <counter>` after the acknowledgement. What it calls acknowledged is synced, so it never knows less than it says.
 */
export class HistoryFile {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, "a");
  }

  tried(ids: readonly RecordId[]): void {
    writeSync(this.#fd, lines("tried", ids));
  }

  acked(ids: readonly RecordId[]): void {
    writeSync(this.#fd, lines("acked", ids));
    fdatasyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Reads it back; a last line that a kill cut off counts as not written. */
export function readHistory(path: string, producer: string, delivery: Delivery): ProducerHistory {
  const attempted: RecordId[] = [];
  const acknowledged: RecordId[] = [];
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  for (const line of text.split("\n").slice(0, -1)) {
    const [what, key = "", counter] = line.split(" ");
    (what === "acked" ? acknowledged : attempted).push({ producer, key, counter: Number(counter) });
  }
  return { producer, delivery, attempted, acknowledged };
}

/** Where each key's counter stood: the next attempt takes the next number, whatever became of the last. */
export function lastCounters({ attempted }: ProducerHistory): Map<string, number> {
  return new Map(attempted.map(({ key, counter }) => [key, counter]));
}

function lines(what: "tried" | "acked", ids: readonly RecordId[]): string {
  return ids.map(({ key, counter }) => `${what} ${key} ${counter}\n`).join("");
}
