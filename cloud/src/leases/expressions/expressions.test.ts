import { describe, expect, test } from "vitest";
import { toWire } from "../values/attribute-value.js";
import { readItem } from "../values/read-value.js";
import { holds } from "./condition.js";
import { readCondition } from "./read-condition.js";
import { readUpdate } from "./read-update.js";
import { Placeholders } from "./tokens.js";
import { updated } from "./update.js";

const item = readItem({
  s: { S: "text" },
  n: { N: "5" },
  b: { B: "AAEC" },
  flag: { BOOL: true },
  none: { NULL: true },
  set: { SS: ["x", "y"] },
  list: { L: [{ N: "1" }, { S: "two" }, { M: { deep: { N: "3" } } }] },
  map: { M: { "a.b": { N: "1" }, inner: { M: { v: { S: "w" } } } } },
});
const placeholders = new Placeholders(
  new Map([
    ["#dotted", "a.b"],
    ["#s", "s"],
  ]),
  readItem({
    ":text": { S: "text" },
    ":te": { S: "te" },
    ":z": { S: "z" },
    ":five": { N: "5.0" },
    ":one": { N: "1" },
    ":nine": { N: "9" },
    ":bytes": { B: "AAE=" },
    ":yx": { SS: ["y", "x"] },
    ":x": { SS: ["x"] },
    ":all": { SS: ["x", "y"] },
    ":xs": { S: "x" },
    ":S": { S: "S" },
    ":L": { S: "L" },
    ":list": { L: [{ S: "more" }] },
    ":empty": { L: [] },
  }),
);

describe("conditions", () => {
  test.each([
    ["s = :text", true],
    ["#s <> :text", false],
    ["n = :five", true],
    ["n > :one AND n < :nine", true],
    ["n BETWEEN :one AND :nine AND s = :z", false],
    ["n BETWEEN :one AND :nine OR s = :z", true],
    ["s = :z AND s = :z OR s = :text", true],
    ["s = :z AND (s = :z OR s = :text)", false],
    ["NOT s = :z AND s = :text", true],
    ["not (s = :text or n = :five)", false],
    ["s IN (:z, :text)", true],
    ["s < :five", false],
    ["missing = :text", false],
    ["missing <> :text", true],
    ["missing < :five", false],
    ["attribute_exists(map.#dotted)", true],
    ["attribute_exists(map.inner.v) AND attribute_not_exists(map.inner.w)", true],
    ["attribute_exists(list[2].deep) AND attribute_not_exists(list[3])", true],
    ["attribute_type(s, :S)", true],
    ["attribute_type(list, :S)", false],
    ["begins_with(s, :te)", true],
    ["begins_with(b, :bytes)", true],
    ["begins_with(n, :te)", false],
    ["contains(s, :te)", true],
    ["contains(set, :xs)", true],
    ["contains(set, :z)", false],
    ["contains(list, :one)", true],
    ["set = :yx", true],
    ["size(s) = size(missing)", false],
    ["size(list) > size(set)", true],
    ["size(b) < :nine", true],
  ])("%s is %s", (expression, expected) => {
    expect(holds(readCondition(expression, "ConditionExpression", placeholders), item)).toBe(expected);
  });

  test.each([
    ["", "can not be empty"],
    ["s =", "Syntax error"],
    ["s = :text extra", "Syntax error"],
    ["s = = :text", "Syntax error"],
    ["(s = :text", "Syntax error"],
    ["s ? :text", "Syntax error"],
    ["s = :unknown", "not defined"],
    ["#unknown = :text", "not defined"],
    ["nonsense(s)", "Invalid function name"],
    ["ATTRIBUTE_EXISTS(s)", "Syntax error"],
    [`${"(".repeat(2000)}s = :text${")".repeat(2000)}`, "too many levels"],
    [`${"NOT ".repeat(1000)}s = :text`, "too many levels"],
    [`s = :text${" OR s = :text".repeat(400)}`, "maximum allowed size"],
  ])("%s is refused: %s", (expression, message) => {
    expect(() => readCondition(expression, "ConditionExpression", placeholders)).toThrow(message);
  });
});

const after = (expression: string): Record<string, unknown> =>
  toWire(updated(item, readUpdate(expression, placeholders)));

describe("updates", () => {
  test.each([
    ["SET n = n + :one", { n: { N: "6" } }],
    ["SET n = :one - n", { n: { N: "-4" } }],
    ["SET fresh = if_not_exists(fresh, :one) + :one", { fresh: { N: "2" } }],
    ["SET s = if_not_exists(s, :z)", { s: { S: "text" } }],
    ["SET n = :nine, copy = n", { n: { N: "9" }, copy: { N: "5" } }],
    ["SET set = :x REMOVE s ADD n :one", { set: { SS: ["x"] }, s: undefined, n: { N: "6" } }],
    ["ADD set :x, fresh :x", { set: { SS: ["x", "y"] }, fresh: { SS: ["x"] } }],
    ["DELETE set :x", { set: { SS: ["y"] } }],
    ["DELETE set :all", { set: undefined }],
    ["DELETE missing :x", { missing: undefined }],
    [
      "SET list[1] = :one, list[9] = :nine",
      { list: { L: [{ N: "1" }, { N: "1" }, { M: { deep: { N: "3" } } }, { N: "9" }] } },
    ],
    ["REMOVE list[0], list[1]", { list: { L: [{ M: { deep: { N: "3" } } }] } }],
    [
      "REMOVE missing, list[7], map.nothing.at.all",
      { list: { L: [{ N: "1" }, { S: "two" }, { M: { deep: { N: "3" } } }] } },
    ],
    ["SET list = list_append(list, :list) REMOVE map", { map: undefined }],
    ["SET map.inner.v = :z REMOVE map.#dotted", { map: { M: { inner: { M: { v: { S: "z" } } } } } }],
  ])("%s", (expression, expected) => {
    for (const [name, value] of Object.entries(expected)) expect(after(expression)[name]).toEqual(value);
  });

  test("leave the item that they start from as it is", () => {
    const before = JSON.stringify(toWire(item));
    after("SET map.inner.v = :z, list[0] = :z REMOVE map.#dotted ADD n :one");
    expect(JSON.stringify(toWire(item))).toBe(before);
  });

  test.each([
    ["SET n = missing", "does not exist in the item"],
    ["SET s = s + :one", "incorrect data type"],
    ["SET missing.inner = :one", "document path provided"],
    ["ADD s :one", "incorrect data type"],
    ["ADD n :text", "Incorrect operand type"],
    ["DELETE n :one", "Incorrect operand type"],
    ["SET n = :one SET s = :z", "only be used once"],
    ["SET map.inner = :one REMOVE map.inner.v", "overlap"],
    ["SET n = :one, n = :nine", "overlap"],
    ["SET s = s + + :one", "Syntax error"],
    ["n = :one", "Syntax error"],
    ["SET n = avg(n, :one)", "Invalid function name"],
  ])("%s is refused: %s", (expression, message) => {
    expect(() => after(expression)).toThrow(message);
  });
});

test("what is given and not used is refused", () => {
  const given = new Placeholders(new Map([["#a", "a"]]), readItem({ ":v": { N: "1" }, ":w": { N: "2" } }));
  readCondition("#a = :v", "ConditionExpression", given);
  expect(() => given.checkAllUsed()).toThrow("ExpressionAttributeValues unused in expressions: keys: {:w}");
});
