"use strict";
const { spawn } = require("node:child_process");
const { createInterface } = require("node:readline");

/** The repository's root, where every command runs. */
const root = require("node:path").resolve(__dirname, "../..");

/** Something an operator has to put right; its message says how. No stack is printed. */
class SetupError extends Error {}

/** Commands that run now, and what has to be put back if they are interrupted. */
/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
/** @type {Set<() => void>} */
const cleanups = new Set();

/**
 * Runs a command to its end.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, onLine?: (line: string) => void, show?: boolean }} [options] `show` passes
 * its output through instead of collecting it.
 * @returns {Promise<{ code: number, output: string }>} `output` holds the last 200 lines.
 */
function run(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: root,
      env: { ...process.env, ...options.env },
      stdio: options.show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
      // In a group of its own, so that an interruption reaches all of it, once, from `interrupt` below.
      detached: true,
    });
    running.add(child);
    /** @type {string[]} */
    const lines = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        if (lines.length > 200) lines.shift();
        options.onLine?.(line);
      });
    }
    child.once("error", (error) => {
      running.delete(child);
      reject(new SetupError(`cannot run ${file}: ${error.message}`));
    });
    child.once("close", (code, signal) => {
      running.delete(child);
      if (signal !== null) lines.push(`ended by ${signal}`);
      resolve({ code: code ?? 1, output: lines.join("\n") });
    });
  });
}

/**
 * Like {@link run}, but a failure is an error that carries the end of the output.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, onLine?: (line: string) => void }} [options]
 */
async function mustRun(file, args, options) {
  const { code, output } = await run(file, args, options);
  if (code === 0) return output;
  const tail = output.split("\n").slice(-40).join("\n");
  throw new SetupError(`${tail}\n\nfailed with code ${code}: ${[file, ...args].join(" ")}`);
}

/**
 * Runs `restore` after `work`, also when the process is interrupted meanwhile.
 * @template T
 * @param {() => Promise<T>} work
 * @param {() => void} restore
 */
async function thenRestore(work, restore) {
  cleanups.add(restore);
  try {
    return await work();
  } finally {
    cleanups.delete(restore);
    restore();
  }
}

/** Ctrl-C and its like during set-up: ends what runs, waits for it, puts back what was changed. */
function endOnSignals() {
  for (const signal of SIGNALS) process.on(signal, interrupt);
}

/** From here on, somebody else answers signals. */
function leaveSignals() {
  for (const signal of SIGNALS) process.off(signal, interrupt);
}

/** @type {readonly NodeJS.Signals[]} */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** @param {NodeJS.Signals} signal */
function interrupt(signal) {
  let left = running.size;
  const finish = () => {
    if (left > 0) return;
    for (const restore of cleanups) restore();
    process.exit(130);
  };
  for (const child of running) {
    child.once("close", () => {
      left -= 1;
      finish();
    });
    // The group may be gone already while its output is still being read.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, signal);
  }
  finish();
}

module.exports = { root, SetupError, run, mustRun, thenRestore, endOnSignals, leaveSignals };
