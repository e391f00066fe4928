import { SlabPool } from "@headwater/log";
import { expect, test } from "vitest";
import { CloudError } from "../cloud-error.js";
import { BodyBytes } from "../http/body-bytes.js";
import { RequestMemory } from "../request-memory.js";
import type { RecordBatch } from "../streams/record-batch.js";
import { operations } from "./index.js";
import type { OperationContext } from "./operation.js";

const memory = new RequestMemory(new SlabPool(0));
const facts = { producer: undefined, memory, answerBytesMax: () => 0, gone: () => new AbortController().signal };

/** Refuses whatever it gets with how much that is. */
const context = {
  service: {
    find: () => ({ settings: { maxRecordKib: 10_240 } }),
    putRecords(_: string, records: RecordBatch): Promise<never> {
      return Promise.reject(new CloudError("argument-invalid", `${records.limitBytesOfAll} bytes`));
    },
  },
} as unknown as OperationContext;

/** What a body is answered, and how many turns the event loop took meanwhile; undefined where it is left to be decoded. */
async function runPlain(body: Buffer): Promise<{ said: string; turns: number } | undefined> {
  let [turns, isOver] = [0, false];
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  try {
    const answer = operations.get("PutRecords")?.runPlain(new BodyBytes([body]), context, facts, memory);
    if (answer === undefined) return undefined;
    const refusal: unknown = await answer.catch((error: unknown) => error);
    return { said: refusal instanceof CloudError ? `${refusal.code} ${refusal.message}` : "no refusal", turns };
  } finally {
    isOver = true;
  }
}

function bodyOf(data: Buffer[], change: (json: string) => string = (json) => json): Buffer {
  const Records = data.map((Data) => ({ Data: Data.toString("base64"), PartitionKey: "k" }));
  return Buffer.from(change(JSON.stringify({ StreamName: "s", Records })));
}

const many = Array.from({ length: 100 }, () => Buffer.alloc(20_000, 0xff));
const asPhp = (json: string): string => json.replaceAll("/", "\\/");

test("a large body with escapes is read at once, by the kernel", async () => {
  expect(await runPlain(bodyOf(many, asPhp))).toEqual({ said: "argument-invalid 2000100 bytes", turns: 0 });
});

test.each([
  ["a long record", bodyOf([Buffer.alloc(4 << 20)]), "4194305 bytes"],
  ["a record with a null member", bodyOf(many, (json) => json.replace("{", '{"StreamARN":null,')), "2000100 bytes"],
  ["text beyond ASCII", bodyOf(many, (json) => json.replace("{", '{"Note":"€",')), "2000100 bytes"],
  ["a body that is cut off", bodyOf(many).subarray(0, -1), "body-malformed"],
])("%s is read over several turns of the event loop", async (_, body, said) => {
  const outcome = await runPlain(body);
  expect(outcome?.said).toContain(said);
  // Before it is decoded, once its structure is known, before and behind the parser; then its values, and its records.
  expect(outcome?.turns).toBeGreaterThanOrEqual(said === "body-malformed" ? 3 : 5);
});

test("a short one is left to be decoded at once", async () => {
  expect(await runPlain(bodyOf(many.slice(0, 5), (json) => json.replace("{", '{"StreamARN":null,')))).toBeUndefined();
});
