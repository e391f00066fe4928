import { connect, type Socket } from "node:net";
import type { Report } from "./load-generator.js";
import { ResponseReader } from "./response-reader.js";
import { call, signedRequest, type Target } from "./signed-request.js";

// A process of its own, as load-generator.ts: reads shards from TRIM_HORIZON to their end, each on a connection of its own,
// and once more from the start. Answers are counted, not parsed, so that the server is what is measured.

export interface Reading {
  readonly target: Target;
  readonly shardIds: readonly string[];
  /** What each shard is read for before it counts. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

const SEQUENCE_NUMBER = '"SequenceNumber":"';
const NEXT_ITERATOR = '"NextShardIterator":"';

process.once("message", (reading: Reading) => {
  run(reading).then(
    () => process.disconnect(),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});

async function run({ target, shardIds, warmUpMs, measureMs }: Reading): Promise<void> {
  const count = new CountedTime(warmUpMs, measureMs);
  await Promise.all(
    shardIds.map(async (ShardId) => {
      const { hostname, port } = new URL(target.endpoint);
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      while (!count.hasEnded) {
        const { ShardIterator } = await call(target, "GetShardIterator", {
          StreamName: target.stream,
          ShardId,
          ShardIteratorType: "TRIM_HORIZON",
        });
        let iterator = String(ShardIterator);
        for (let records = 1; records > 0 && !count.hasEnded;) {
          const sentAt = performance.now();
          const body = await exchange(socket, await signedRequest(target, "GetRecords", { ShardIterator: iterator }));
          records = occurrences(body, SEQUENCE_NUMBER);
          iterator = textAfter(body, NEXT_ITERATOR);
          count.answered(records, performance.now() - sentAt);
        }
      }
      socket.destroy();
    }),
  );
  await report(count.result());
}

/** What was answered between the warm-up and the end. */
class CountedTime {
  hasEnded = false;
  readonly #beginsAt: number;
  readonly #measureMs: number;
  readonly #callMs: number[] = [];
  #beganAt: number | undefined;
  #elapsedMs = 0;
  #records = 0;

  constructor(warmUpMs: number, measureMs: number) {
    this.#beginsAt = performance.now() + warmUpMs;
    this.#measureMs = measureMs;
  }

  answered(records: number, callMs: number): void {
    if (this.hasEnded) return;
    const now = performance.now();
    if (this.#beganAt === undefined) {
      if (now < this.#beginsAt) return;
      this.#beganAt = now;
      void report({ at: "began" });
      return;
    }
    this.#records += records;
    this.#callMs.push(callMs);
    this.#elapsedMs = now - this.#beganAt;
    if (this.#elapsedMs < this.#measureMs) return;
    this.hasEnded = true;
    void report({ at: "ended" });
  }

  result(): Report {
    return { at: "result", records: this.#records, elapsedMs: this.#elapsedMs, callMs: this.#callMs };
  }
}

function exchange(socket: Socket, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const reader = new ResponseReader();
    const done = (error?: Error): void => {
      socket.off("data", onData).off("error", done);
      if (error !== undefined) reject(error);
    };
    const onData = (chunk: Buffer): void => {
      const response = reader.push(chunk);
      if (response === undefined) return;
      done(
        response.status === 200 ? undefined : new Error(`${response.status} ${response.body.toString("utf8", 0, 500)}`),
      );
      resolve(response.body);
    };
    socket.on("data", onData).on("error", done);
    socket.write(request);
  });
}

function occurrences(body: Buffer, text: string): number {
  let count = 0;
  for (let at = body.indexOf(text); at >= 0; at = body.indexOf(text, at + text.length)) count += 1;
  return count;
}

/** The string that follows, up to its quote. */
function textAfter(body: Buffer, text: string): string {
  const from = body.lastIndexOf(text) + text.length;
  return body.toString("latin1", from, body.indexOf('"', from));
}

/** Resolves once it is on its way: a large message would not survive a disconnection before. */
function report(message: Report): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
}
