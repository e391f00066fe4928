import { expect, test } from "vitest";
import type { Shard } from "../kinesis/stream-api.js";
import type { Lease } from "./lease.js";
import { planSync } from "./plan-sync.js";

const shard = (shardId: string, ...parents: string[]): Shard => ({
  shardId,
  parents,
  startingHashKey: 0n,
  endingHashKey: 1n,
  isOpen: true,
});

/** What shards get, each with the parents that are listed. */
const leasesOf = (...shards: readonly Shard[]): Lease[] => planSync(shards, [], null).create.flat();
const keys = (leases: readonly Lease[]): string[] => leases.map(({ leaseKey }) => leaseKey);

const tree = [shard("0"), shard("1"), shard("2", "0"), shard("3", "0"), shard("4", "1", "2"), shard("5", "4")];

test("leases are made generation by generation, for those that have none", () => {
  const { create, remove } = planSync(tree, leasesOf(shard("1")), null);
  expect(create.map(keys)).toEqual([["0"], ["2", "3"], ["4"], ["5"]]);
  expect(remove).toEqual([]);
});

test("leases of shards that are gone go, oldest first", () => {
  expect(keys(planSync(tree.slice(2), leasesOf(...tree), null).remove)).toEqual(["0", "1"]);
  expect(keys(planSync(tree.slice(5), leasesOf(...tree), null).remove)).toEqual(["0", "1", "2", "3", "4"]);
});

test("a listing that is older than the leases takes none of the young ones, nor does one of nothing at all", () => {
  // With the two that the stream began with at least.
  for (let known = 2; known < tree.length; known++) {
    expect(keys(planSync(tree.slice(0, known), leasesOf(...tree), null).remove)).toEqual([]);
  }
  expect(planSync([], leasesOf(...tree), null).remove).toEqual([]);
});
