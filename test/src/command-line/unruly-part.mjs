// A part that misbehaves as its argument says, run as `headwater` runs any part.
import { runPart } from "../../../cli/dist/run/run-part.js";

const fault = process.argv[2];

const part = {
  name: "unruly",
  summary: "misbehaves",
  async start() {
    if (fault === "start-bug") throw new TypeError("x is not a function");
    if (fault === "start-failure") throw new Error("the directory is in use\nby somebody");
    if (fault === "throws-later") setImmediate(() => void decodeURI("%"));
    if (fault === "rejects-later") void Promise.reject(new Error("nobody waits for this"));
    if (fault === "warns") process.emitWarning("mind the gap");
    const forever = setInterval(() => undefined, 1_000);
    return {
      addresses: { http: "http://127.0.0.1:1" },
      health: () => ({ ok: true }),
      metrics: () => Promise.resolve(""),
      stop() {
        if (fault === "never-stops") return new Promise(() => undefined);
        if (fault === "stop-failure") return Promise.reject(new Error("the state could not be stored"));
        clearInterval(forever);
        return Promise.resolve();
      },
    };
  },
};

await runPart(part, {}, { logLevel: "info" });
