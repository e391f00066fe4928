"use strict";
// Progress: one line that changes on a terminal, plain lines elsewhere.

/** @type {{ title: string, seconds: number, ok: boolean }[]} */
const finished = [];

/** How often a line is written where there is no terminal. */
const PLAIN_INTERVAL_MS = 10_000;

/**
 * Runs one step of a set-up and shows how it gets on.
 * @template T
 * @param {string} title
 * @param {(show: (detail: string) => void) => Promise<T>} work
 * @param {{ printsItself?: boolean }} [options] where the work's own output is progress enough
 */
async function stage(title, work, options = {}) {
  const startedMs = Date.now();
  const seconds = () => (Date.now() - startedMs) / 1000;
  let detail = "";
  const line = () => `${title}${detail === "" ? "" : `: ${detail}`} (${Math.round(seconds())} s)`;
  const { stdout } = process;
  const isTerminal = stdout.isTTY && !options.printsItself;

  if (!isTerminal) stdout.write(`${title} …\n`);
  const timer = isTerminal
    ? setInterval(() => stdout.write(`\r\x1b[K${line().slice(0, stdout.columns - 1)}`), 100)
    : setInterval(() => options.printsItself || stdout.write(`${line()}\n`), PLAIN_INTERVAL_MS);
  /** @param {boolean} ok */
  const end = (ok) => {
    clearInterval(timer);
    finished.push({ title, seconds: seconds(), ok });
    stdout.write(`${isTerminal ? "\r\x1b[K" : ""}${title}: ${ok ? "done" : "failed"} in ${seconds().toFixed(1)} s\n`);
  };
  try {
    const result = await work((text) => (detail = text.trim()));
    end(true);
    return result;
  } catch (error) {
    end(false);
    throw error;
  }
}

/**
 * `[######----] 60 of 100`
 * @param {number} done
 * @param {number} total
 */
function bar(done, total) {
  const width = 24;
  const full = total === 0 ? width : Math.round((width * done) / total);
  return `[${"#".repeat(full)}${"-".repeat(width - full)}] ${done} of ${total}`;
}

module.exports = { stage, bar, finished };
