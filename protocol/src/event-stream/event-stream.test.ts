import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32 } from "node:zlib";
import {
  type EventMessage,
  eventMessageWriter,
  EventStreamError,
  EventStreamReader,
  headerText,
  type HeaderValue,
} from "./index.js";

const message = (headers: readonly (readonly [string, HeaderValue])[], payload = ""): EventMessage => ({
  headers: new Map(headers),
  payload: Buffer.from(payload),
});

/** Its payload is given in two pieces. */
function encode({ headers, payload }: EventMessage): Buffer {
  const middle = payload.length >> 1;
  return eventMessageWriter(headers)([payload.subarray(0, middle), payload.subarray(middle)]);
}

/** What AWS's own clients are tested with. Source: aws-c-event-stream and botocore, test vectors. */
const vectors: readonly [string, EventMessage, string][] = [
  ["nothing in it", message([]), "000000100000000005c248eb7d98c8ff"],
  ["a payload", message([], "{'foo':'bar'}"), "0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936"],
  [
    "a number in a header",
    message([["event-type", { type: "integer", value: 40_972 }]], "{'foo':'bar'}"),
    "0000002d0000001041c424b80a6576656e742d74797065040000a00c7b27666f6f273a27626172277d36f480a0",
  ],
];

test.each(vectors)("a message with %s is as AWS writes it, and read as such", (_, value, hex) => {
  expect(encode(value).toString("hex")).toBe(hex);
  expect(plain(new EventStreamReader().push(Buffer.from(hex, "hex")))).toEqual(plain([value]));
});

const int = (bits: number): fc.Arbitrary<number> => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ maxLength, unit: "grapheme" });
const header: fc.Arbitrary<HeaderValue> = fc.oneof(
  fc.record({ type: fc.constant("boolean" as const), value: fc.boolean() }),
  fc.record({ type: fc.constant("byte" as const), value: int(8) }),
  fc.record({ type: fc.constant("short" as const), value: int(16) }),
  fc.record({ type: fc.constant("integer" as const), value: int(32) }),
  fc.record({ type: fc.constant("long" as const), value: int64 }),
  fc.record({ type: fc.constant("timestamp" as const), value: int64 }),
  fc.record({ type: fc.constant("bytes" as const), value: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ type: fc.constant("string" as const), value: text(40) }),
  fc.record({ type: fc.constant("uuid" as const), value: fc.uuid() }),
);
const anyMessage: fc.Arbitrary<EventMessage> = fc.record({
  headers: fc
    .array(
      fc.tuple(
        text(20).filter((name) => name !== "" && Buffer.byteLength(name) < 256),
        header,
      ),
      { maxLength: 6 },
    )
    .map((pairs) => new Map(pairs)),
  payload: fc.uint8Array({ maxLength: 500 }),
});

test("any messages come back, however their bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 5 }), fc.array(fc.nat(700), { minLength: 1 }), (messages, sizes) => {
      const bytes = Buffer.concat(messages.map(encode));
      const reader = new EventStreamReader();
      const read: EventMessage[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = Math.max(1, sizes[i % sizes.length] ?? 1);
        read.push(...reader.push(bytes.subarray(at, at + size)));
        at += size;
      }
      reader.end();
      expect(plain(read)).toEqual(plain(messages));
    }),
  );
});

describe("bytes that are none", () => {
  test("a message with any one byte changed is refused", () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, change) => {
        const bytes = encode(value);
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ change;
        expect(() => new EventStreamReader().push(bytes)).toThrow(EventStreamError);
      }),
    );
  });

  test("headers of any bytes are read or refused, and nothing else is thrown", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (headers) => {
        expect(outcomeOf(() => new EventStreamReader().push(sealed(headers)))).toMatch(/^(1|malformed)$/);
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, Uint8Array, string]>([
    ["an HTTP answer", Buffer.from("HTTP/1.1 500 Internal Server Error\r\n"), "checksum-wrong"],
    ["headers longer than the message", prelude(20, 5), "malformed"],
    ["a message shorter than a message", prelude(15, 0), "malformed"],
    ["headers over 128 KiB", prelude(200_000, 131_073), "too-large"],
    ["a payload over 16 MiB", prelude((16 << 20) + 17, 0), "too-large"],
    ["a header without a name", sealed(Buffer.from("0000", "hex")), "malformed"],
    ["a header twice", sealed(Buffer.from("016100016101", "hex")), "malformed"],
    ["a type that there is not", sealed(Buffer.from("01610a", "hex")), "malformed"],
    ["a value that runs over", sealed(Buffer.from("016107000561", "hex")), "malformed"],
    ["text that is no UTF-8", sealed(Buffer.from("0161070001ff", "hex")), "malformed"],
  ])("%s", (_, bytes, code) => {
    expect(() => new EventStreamReader().push(bytes)).toThrow(expect.objectContaining({ code }));
  });

  test("a stream that ends inside a message", () => {
    const reader = new EventStreamReader();
    reader.push(encode(message([], "x")).subarray(0, -1));
    expect(() => reader.end()).toThrow(expect.objectContaining({ code: "truncated" }));
  });
});

test("messages with the same headers are as if each were written by itself", () => {
  fc.assert(
    fc.property(anyMessage, fc.array(fc.array(fc.uint8Array({ maxLength: 50 }))), (first, payloads) => {
      const write = eventMessageWriter(first.headers);
      const written = payloads.map(write);
      const alone = payloads.map((pieces) => encode({ headers: first.headers, payload: Buffer.concat(pieces) }));
      expect(written).toEqual(alone);
    }),
  );
});

test("a payload over 16 MiB is not written, also in pieces", () => {
  const half = new Uint8Array(8 << 20);
  const write = eventMessageWriter(new Map());
  expect(write([half, half])).toHaveLength((16 << 20) + 16);
  expect(() => write([half, half, new Uint8Array(1)])).toThrow(expect.objectContaining({ code: "too-large" }));
});

test.each<[string, HeaderValue]>([
  ["a number over its type", { type: "byte", value: 128 }],
  ["half a number", { type: "integer", value: 0.5 }],
  ["a number of 65 bits", { type: "long", value: 2n ** 63n }],
  ["a UUID that is none", { type: "uuid", value: "1" }],
  ["a text over 32 KiB", { type: "string", value: "x".repeat(0x8000) }],
])("%s is not written", (_, value) => {
  expect(() => encode(message([["a", value]]))).toThrow(EventStreamError);
});

test("a header's text is told from other values", () => {
  const value = message([
    ["text", { type: "string", value: "a" }],
    ["number", { type: "byte", value: 1 }],
  ]);
  expect(["text", "number", "none"].map((name) => headerText(value, name))).toEqual(["a", undefined, undefined]);
});

/** How many messages came, or why none. */
function outcomeOf(read: () => readonly EventMessage[]): string {
  try {
    return String(read().length);
  } catch (error) {
    if (error instanceof EventStreamError) return error.code;
    throw error;
  }
}

/** A message of these headers with the right checksums. */
function sealed(headers: Uint8Array): Buffer {
  const bytes = Buffer.concat([prelude(headers.length + 16, headers.length), headers]);
  const end = Buffer.alloc(4);
  end.writeUInt32BE(crc32(bytes));
  return Buffer.concat([bytes, end]);
}

function prelude(totalBytes: number, headersBytes: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(totalBytes, 0);
  bytes.writeUInt32BE(headersBytes, 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8);
  return bytes;
}

/** As values that can be compared: Node's buffers and other bytes alike. */
function plain(messages: readonly EventMessage[]): unknown {
  return messages.map(({ headers, payload }) => [
    [...headers].map(([name, { type, value }]) => [name, type, value instanceof Uint8Array ? [...value] : value]),
    [...payload],
  ]);
}
