import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkHistories } from "./check-histories.js";
import {
  type Delivery,
  idOf,
  payloadOf,
  type ProducerHistory,
  type ReadRecord,
  type RecordId,
} from "../programs/history.js";

const ids = (producer: string, key: string, count: number): RecordId[] =>
  Array.from({ length: count }, (_, i) => ({ producer, key, counter: i + 1 }));

const a = ids("sdk", "key-a", 5);
const b = ids("sdk", "key-b", 5);

function history(delivery: Delivery, attempted: RecordId[], acknowledged = attempted): ProducerHistory {
  return { producer: "sdk", delivery, attempted, acknowledged };
}

function asRead(sent: readonly RecordId[], shard = "shard-0"): ReadRecord[] {
  return sent.map((id, i) => ({
    shard,
    sequenceNumber: String(100 + i),
    partitionKey: id.key,
    data: payloadOf(id),
  }));
}

const kinds = (histories: ProducerHistory[], read: ReadRecord[]): string[] =>
  checkHistories(histories, read).map(({ kind }) => kind);

test("a record's bytes tell its name, and nothing else's", () => {
  const [id] = a;
  if (id === undefined) throw new Error("no record");
  const bytes = payloadOf({ ...id, counter: 7 });
  expect(idOf(bytes)).toEqual({ ...id, counter: 7 });
  for (let i = 0; i < bytes.length; i++) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(i) ^ 1, i);
    expect(idOf(flipped), `byte ${i} flipped`).toBeUndefined();
  }
  expect(idOf(bytes.subarray(0, -1))).toBeUndefined();
});

test("keys may interleave, an unacknowledged record may be there or not", () => {
  const interleaved = asRead([...a.slice(0, 2), ...b.slice(0, 3), ...a.slice(2), ...b.slice(3)]);
  expect(checkHistories([history("exactly-once", [...a, ...b])], interleaved)).toEqual([]);
  expect(checkHistories([history("exactly-once", a, a.slice(0, 4))], asRead(a))).toEqual([]);
  expect(checkHistories([history("exactly-once", a, a.slice(0, 4))], asRead(a.slice(0, 4)))).toEqual([]);
});

test("at least once: a repeat is fine, if the first occurrences are in order", () => {
  const repeated = [...a.slice(0, 3), ...a.slice(1, 3), ...a.slice(3)];
  expect(checkHistories([history("at-least-once", a)], asRead(repeated))).toEqual([]);
});

describe("it catches", () => {
  const cases: [string, ProducerHistory, ReadRecord[], string[]][] = [
    ["a lost record", history("exactly-once", a), asRead([...a.slice(0, 2), ...a.slice(3)]), ["lost"]],
    ["a lost record at least once", history("at-least-once", a), asRead(a.slice(1)), ["lost"]],
    ["a doubled record", history("exactly-once", a), asRead([...a, ...a.slice(4)]), ["doubled"]],
    [
      "a swapped pair",
      history("exactly-once", a),
      asRead([0, 2, 1, 3, 4].flatMap((i) => a.slice(i, i + 1))),
      ["reordered"],
    ],
    [
      "a swapped pair at least once",
      history("at-least-once", a),
      asRead([1, 0, 1, 2, 3, 4].flatMap((i) => a.slice(i, i + 1))),
      ["reordered"],
    ],
    ["a record that nobody attempted", history("exactly-once", a.slice(0, 4)), asRead(a), ["invented"]],
    [
      "foreign bytes",
      history("exactly-once", a),
      [...asRead(a), { shard: "s", sequenceNumber: "1", partitionKey: "key-a", data: Buffer.from("x") }],
      ["invented"],
    ],
    [
      "altered bytes",
      history("exactly-once", a.slice(0, 1)),
      asRead(a.slice(0, 1)).map((r) => ({ ...r, data: Buffer.concat([r.data, Buffer.from("!")]) })),
      ["invented", "lost"],
    ],
    [
      "another partition key",
      history("exactly-once", a.slice(0, 1)),
      asRead(a.slice(0, 1)).map((r) => ({ ...r, partitionKey: "key-b" })),
      ["misplaced"],
    ],
    [
      "one key in two shards",
      history("exactly-once", a),
      [...asRead(a.slice(0, 2)), ...asRead(a.slice(2), "shard-1")],
      ["misplaced"],
    ],
    [
      "sequence numbers that do not rise",
      history("exactly-once", a.slice(0, 2)),
      asRead(a.slice(0, 2)).map((r) => ({ ...r, sequenceNumber: "9" })),
      ["sequence"],
    ],
  ];
  test.each(cases)("%s", (_, producer, read, expected) => {
    expect([...new Set(kinds([producer], read))].sort()).toEqual(expected);
  });
});

test("any one record taken out, doubled or moved is found", () => {
  const sent = [...a, ...b, ...ids("sdk", "key-c", 20)];
  fc.assert(
    fc.property(fc.nat(sent.length - 1), fc.constantFrom("take out", "double", "move"), (at, fault) => {
      const good = asRead(sent);
      const bad = good.filter((_, i) => i !== at);
      if (fault === "double") bad.push(...good.slice(at, at + 1), ...good.slice(at, at + 1));
      if (fault === "move") bad.splice(at === 0 ? 1 : 0, 0, ...good.slice(at, at + 1));
      const numbered = bad.map((record, i) => ({ ...record, sequenceNumber: String(100 + i) }));
      const found = kinds([history("exactly-once", sent)], numbered);
      // Moved to the front, a record is out of order only if it was not the first of its key.
      const isFirstOfKey = at === 0 || sent[at]?.key !== sent[at - 1]?.key;
      const isHarmless = fault === "move" && isFirstOfKey && at !== 0;
      expect(found.length === 0, `${fault} ${at}`).toBe(isHarmless);
    }),
  );
});
