import { request } from "node:http";
import { expect, test } from "vitest";
import { TestFront } from "../testing/test-front.js";
import { AnswerShares } from "./answer-shares.js";

const MEBIBYTE = 1 << 20;
const mebibytes = (shares: readonly { bytes: number }[]): number[] => shares.map(({ bytes }) => bytes / MEBIBYTE);

test("the more answers are under way, the shorter they are, down to 1 MiB", () => {
  const shares = new AnswerShares(10 * MEBIBYTE);
  const taken = Array.from({ length: 20 }, () => shares.take());
  expect(mebibytes(taken.slice(0, 6))).toEqual([10, 7, 3.5, 1.75, 1, 1]);
  expect(taken.at(-1)?.bytes).toBe(MEBIBYTE);
});

test("thousands of clients that take nothing do not hold 1 MiB each", () => {
  const shares = new AnswerShares(10 * MEBIBYTE);
  const taken = Array.from({ length: 10_000 }, () => shares.take());
  expect(taken.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(700 * MEBIBYTE);
  expect(taken.at(-1)?.bytes).toBeGreaterThan(0);
});

test("what is given back is there for the next, and only once", () => {
  const shares = new AnswerShares(10 * MEBIBYTE);
  const taken = Array.from({ length: 20 }, () => shares.take());
  expect(shares.take().bytes).toBe(MEBIBYTE);
  for (const share of taken) share.giveBack();
  for (const share of taken) share.giveBack();
  expect(mebibytes([shares.take(), shares.take(), shares.take()])).toEqual([10, 6.5, 3.25]);
});

test("calls give theirs back when they are answered, and when their client leaves", async () => {
  const front = await TestFront.start();
  await front.it.createStream("s");
  for (let i = 0; i < 4; i++) await front.it.put("s", "x".repeat(700 << 10));
  const shard = { StreamName: "s", ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" };
  const { ShardIterator } = await front.it.call("GetShardIterator", shard);
  const sent = { operation: "GetRecords", body: JSON.stringify({ ShardIterator }) };
  const recordsOf = async (): Promise<number> => ((await front.send(sent)).body["Records"] as unknown[]).length;
  for (let i = 0; i < 10; i++) expect(await recordsOf()).toBe(4);

  const { headers } = await front.sign(sent);
  const leave = (): Promise<void> =>
    new Promise((resolve) => {
      const outgoing = request({ host: "127.0.0.1", port: front.port, method: "POST", headers }, (incoming) => {
        incoming.on("error", () => undefined).destroy();
        resolve();
      });
      outgoing.on("error", () => undefined).end(sent.body);
    });
  await Promise.all(Array.from({ length: 10 }, leave));
  await expect.poll(recordsOf).toBe(4);
  await front.close();
});
