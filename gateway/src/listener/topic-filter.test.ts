import { expect, test } from "vitest";
import { isTopicFilter, matchesFilter } from "./topic-filter.js";

test.each([
  ["a/b", "a/b", true],
  ["a/b", "a/c", false],
  ["a/+", "a/b", true],
  ["a/+", "a", false],
  ["a/+", "a/b/c", false],
  ["a/+/c", "a/b/c", true],
  ["a/#", "a", true],
  ["a/#", "a/b/c", true],
  ["a/#", "ab", false],
  ["#", "a/b", true],
  ["#", "$SYS/uptime", false],
  ["+/uptime", "$SYS/uptime", false],
  ["$SYS/#", "$SYS/uptime", true],
  ["streams/s/+", "streams/s/", true],
])("filter %s and topic %s: %s (MQTT 3.1.1, section 4.7)", (filter, topic, expected) => {
  expect(matchesFilter(filter, topic)).toBe(expected);
});

test.each([
  ["a/#", true],
  ["+", true],
  ["a/+/b", true],
  ["a/#/b", false],
  ["a#", false],
  ["a+/b", false],
  ["", false],
])("%s is a topic filter: %s", (filter, expected) => {
  expect(isTopicFilter(filter)).toBe(expected);
});
