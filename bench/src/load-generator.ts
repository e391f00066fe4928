import { connect } from "node:net";
import { buildPutRequests } from "./put-requests.js";
import { ResponseReader } from "./response-reader.js";
import type { Target } from "./signed-request.js";

// A process of its own, so that its work is not taken for the server's. Started by measure.ts, told what to do by a message.

export interface Load {
  readonly target: Target;
  readonly connections: number;
  /** A call. */
  readonly records: number;
  readonly recordBytes: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** `began` and `ended` frame the counted time; `result` follows. */
export type Report =
  | { readonly at: "began" }
  | { readonly at: "ended" }
  | { readonly at: "result"; readonly records: number; readonly elapsedMs: number; readonly callMs: readonly number[] };

const REQUESTS_PER_CONNECTION = 4;
/** What says in an answer that everything was stored. */
const allTaken = { putRecords: '"FailedRecordCount":0', putRecord: '"SequenceNumber":"' };

process.once("message", (load: Load) => {
  run(load).then(
    () => process.disconnect(),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});

async function run({ target, connections, warmUpMs, measureMs, ...shape }: Load): Promise<void> {
  const endsAt = { warmUp: 0, measuring: 0 };
  const callMs: number[] = [];
  let isCounting = false;
  const requestsOf = await Promise.all(
    Array.from({ length: connections }, () => buildPutRequests(target, REQUESTS_PER_CONNECTION, shape)),
  );

  const now = performance.now();
  endsAt.warmUp = now + warmUpMs;
  let beganAt = 0;
  let endedAt = 0;
  const tick = (): "go on" | "stop" => {
    const time = performance.now();
    if (!isCounting && endedAt === 0 && time >= endsAt.warmUp) {
      isCounting = true;
      beganAt = time;
      endsAt.measuring = time + measureMs;
      void report({ at: "began" });
    }
    if (isCounting && time >= endsAt.measuring) {
      isCounting = false;
      endedAt = time;
      void report({ at: "ended" });
    }
    return endedAt === 0 ? "go on" : "stop";
  };
  const expected = Buffer.from(shape.records === 1 ? allTaken.putRecord : allTaken.putRecords);
  await Promise.all(
    requestsOf.map((requests) =>
      drive(target.endpoint, requests, expected, (elapsedMs) => {
        const next = tick();
        if (isCounting) callMs.push(elapsedMs);
        return next;
      }),
    ),
  );
  await report({ at: "result", records: callMs.length * shape.records, elapsedMs: endedAt - beganAt, callMs });
}

/** Sends the requests round and round on one connection, each after the answer to the last, which has to contain `expected`. */
async function drive(
  endpoint: string,
  requests: readonly Buffer[],
  expected: Buffer,
  answered: (elapsedMs: number) => "go on" | "stop",
): Promise<void> {
  const { hostname, port } = new URL(endpoint);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const reader = new ResponseReader();
  await new Promise<void>((resolve, reject) => {
    let turn = 0;
    let sentAt = 0;
    const send = (): void => {
      const request = requests[turn++ % requests.length];
      if (request === undefined) throw new Error("no requests");
      sentAt = performance.now();
      socket.write(request);
    };
    socket.once("connect", send);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the server closed the connection")));
    socket.on("data", (chunk) => {
      try {
        const response = reader.push(chunk);
        if (response === undefined) return;
        if (response.status !== 200 || !response.body.includes(expected)) {
          throw new Error(`not all was taken: ${response.status} ${response.body.toString("utf8", 0, 500)}`);
        }
        if (answered(performance.now() - sentAt) === "go on") send();
        else resolve();
      } catch (error) {
        reject(error);
      }
    });
  }).finally(() => socket.destroy());
}

/** Resolves once it is on its way: a large message would not survive a disconnection before. */
function report(message: Report): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
}
