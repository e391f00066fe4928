import { expect, test } from "vitest";
import { judgeAnswer } from "./judge-answer.js";

const taken = { shardId: "shard-0" };
const error = (errorCode: string) => ({ errorCode, message: "why" });

test("tells what is taken, what goes again and what never will", () => {
  const results = [
    taken,
    error("ProvisionedThroughputExceededException"),
    error("ValidationException"),
    error("InternalFailure"),
    error("ProducerRequestForgottenException"),
    error("SomethingNew"),
  ];
  const judgement = judgeAnswer(results, "shard-0");
  expect(judgement).toMatchObject({ accepted: 1, rejected: [1, 3, 4, 5], forgotten: 1, isElsewhere: false });
  expect(judgement.refused).toEqual([{ index: 2, detail: "ValidationException: why" }]);
  expect(judgement.codes.get("SomethingNew")).toBe(1);
});

test.each([
  [
    "nothing but throttling",
    [error("ProvisionedThroughputExceededException"), error("KMSThrottlingException")],
    undefined,
  ],
  [
    "a failure of its own",
    [error("ProvisionedThroughputExceededException"), error("InternalFailure")],
    "InternalFailure: why",
  ],
  ["records that it never takes", [error("ValidationException")], "ValidationException: why"],
  ["a failure beside something taken", [error("InternalFailure"), taken], undefined],
])("%s: why nothing was taken", (_, results, failure) => {
  expect(judgeAnswer(results, "shard-0").failure).toBe(failure);
});

test("another shard than the one meant is noticed", () => {
  expect(judgeAnswer([taken, { shardId: "shard-1" }], "shard-0").isElsewhere).toBe(true);
});
