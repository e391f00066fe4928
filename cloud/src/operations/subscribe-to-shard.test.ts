import { afterEach, beforeEach, expect, test } from "vitest";
import type { AnswerEvent } from "../codec/event-stream-answer.js";
import { type Answer, TestService } from "../testing/test-service.js";

let it: TestService;

beforeEach(async () => {
  it = await TestService.start();
  await it.createStream("s");
  for (const size of [300_000, 1]) await it.put("s", "x".repeat(size));
});
afterEach(async () => {
  it.context.fanOut.stop();
  await it.close();
});

/** The first event that a new consumer is sent. */
async function firstEvent(ConsumerName: string): Promise<AnswerEvent> {
  const StreamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
  const { Consumer } = await it.call("RegisterStreamConsumer", { StreamARN, ConsumerName });
  const { ConsumerARN } = Consumer as { ConsumerARN: string };
  const StartingPosition = { Type: "TRIM_HORIZON" };
  const { events } = await it.subscribe({ ConsumerARN, ShardId: "0", StartingPosition });
  const { value } = await events[Symbol.asyncIterator]().next();
  return value as AnswerEvent;
}

const behindMs = ({ content }: AnswerEvent): unknown => (content.toValues() as Answer)["MillisBehindLatest"];

test("who catches up side by side is sent the same event; who comes later is told how late it is", async () => {
  it.clock.advance(10_000);
  const first = await firstEvent("first");
  it.clock.advance(250);
  const beside = await firstEvent("beside");
  it.clock.advance(1);
  const later = await firstEvent("later");
  expect(beside.content).toBe(first.content);
  expect(later.content).not.toBe(first.content);
  expect([first, beside, later].map(behindMs)).toEqual([10_000, 10_000, 10_251]);
});

test("only who has caught up is told 0", async () => {
  expect(behindMs(await firstEvent("behind"))).toBe(1);
});
