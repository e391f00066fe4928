import { connect, type Socket } from "node:net";
import type { Report } from "./load-generator.js";
import { RecordsReader, type RecordsResponse } from "./records-reader.js";
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

/** What is read at a time, into memory that is used again. */
const READ_BYTES = 256 << 10;
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
      const connection = new Connection(hostname, Number(port));
      while (!count.hasEnded) {
        const { ShardIterator } = await call(target, "GetShardIterator", {
          StreamName: target.stream,
          ShardId,
          ShardIteratorType: "TRIM_HORIZON",
        });
        let iterator = String(ShardIterator);
        for (let records = 1; records > 0 && !count.hasEnded;) {
          const sentAt = performance.now();
          const request = await signedRequest(target, "GetRecords", { ShardIterator: iterator });
          const response = await connection.exchange(request);
          if (response.status !== 200) throw new Error(`${response.status} ${response.edges.slice(0, 500)}`);
          records = response.records;
          iterator = textAfter(response.edges, NEXT_ITERATOR);
          count.answered(records, performance.now() - sentAt);
        }
      }
      connection.close();
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

/** A connection of one reader, which asks when it has its answer. */
class Connection {
  readonly #reader = new RecordsReader();
  readonly #socket: Socket;
  #settle: { resolve: (response: RecordsResponse) => void; reject: (error: unknown) => void } | undefined;

  constructor(host: string, port: number) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const onread = { buffer, callback: (bytes: number): boolean => this.#read(buffer.subarray(0, bytes)) };
    this.#socket = connect({ host, port, noDelay: true, onread });
    this.#socket.on("error", (error) => this.#settle?.reject(error));
  }

  exchange(request: Buffer): Promise<RecordsResponse> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): boolean {
    try {
      const response = this.#reader.push(bytes);
      if (response !== undefined) this.#settle?.resolve(response);
    } catch (error) {
      this.#settle?.reject(error);
    }
    return true;
  }
}

/** The string that follows, up to its quote. */
function textAfter(text: string, before: string): string {
  const from = text.lastIndexOf(before) + before.length;
  return text.slice(from, text.indexOf('"', from));
}

/** Resolves once it is on its way: a large message would not survive a disconnection before. */
function report(message: Report): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
}
