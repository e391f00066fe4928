import { createRequire } from "node:module";
import { DynamoDbLeaseStore, type Lease, type LeaseStore, MemoryLeaseStore } from "@headwater/client";
import { expect, onTestFinished, test } from "vitest";
import { Child } from "../harness/child.js";
import { credentials, region } from "../harness/credentials.js";
import { freePort } from "../harness/free-port.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";

const signal = new AbortController().signal;

const lease: Lease = {
  leaseKey: "shardId-000000000003",
  leaseOwner: null,
  leaseCounter: 0,
  checkpoint: "AT_TIMESTAMP",
  checkpointSubSequenceNumber: 0,
  checkpointOwner: null,
  ownerSwitchesSinceCheckpoint: 0,
  parentShardIds: ["shardId-000000000001", "shardId-000000000002"],
  startingHashKey: "0",
  endingHashKey: "340282366920938463463374607431768211455",
  startingTimestampMs: 1_700_000_000_123,
};

function tableAt(scope: Scope, endpoint: string): DynamoDbLeaseStore {
  const store = new DynamoDbLeaseStore({ endpoint, region, credentials, table: "application" });
  scope.defer(() => store.close());
  return store;
}

/** A DynamoDB that is not of this project. */
async function dynaliteEndpoint(scope: Scope): Promise<string> {
  const program = createRequire(import.meta.url).resolve("dynalite/cli.js");
  const port = await freePort();
  const options = ["--host", "127.0.0.1", "--port", String(port), "--createTableMs", "20"];
  const child = await Child.start(scope, "dynalite", [process.execPath, program, ...options]);
  await child.line("dynalite to listen", /listening/i);
  return `http://127.0.0.1:${port}`;
}

const stores: Readonly<Record<string, (scope: Scope) => Promise<LeaseStore>>> = {
  "in memory": () => Promise.resolve(new MemoryLeaseStore()),
  "Headwater's cloud": async (scope) => tableAt(scope, (await startCloud(scope)).url),
  dynalite: async (scope) => tableAt(scope, await dynaliteEndpoint(scope)),
};

test.each(Object.keys(stores))("leases in a table: %s", async (name) => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  const store = await stores[name]?.(scope);
  if (store === undefined) throw new Error(name);
  await Promise.all([store.open(signal), store.open(signal)]);
  await store.open(signal);
  expect(await store.list(signal)).toEqual([]);
  expect(await store.get(lease.leaseKey, signal)).toBeUndefined();

  // Made once, and read as it was made.
  const other = { ...lease, leaseKey: "other", parentShardIds: [], startingTimestampMs: null };
  const made = await Promise.all([store.create(lease, signal), store.create({ ...lease, leaseCounter: 9 }, signal)]);
  expect(made.filter(Boolean)).toHaveLength(1);
  expect(await store.create(other, signal)).toBe(true);
  const [{ leaseCounter } = lease] = (await store.list(signal)).filter(({ leaseKey }) => leaseKey === lease.leaseKey);
  expect(await store.get(lease.leaseKey, signal)).toEqual({ ...lease, leaseCounter });
  expect(await store.get("other", signal)).toEqual(other);

  // Of two who take it, one gets it.
  const takes = ["a", "b"].map((leaseOwner) =>
    store.update(lease.leaseKey, { leaseOwner: null, leaseCounter }, { leaseOwner, leaseCounter: 10 }, signal),
  );
  const [taken, ...rest] = (await Promise.all(takes)).filter((one) => one !== undefined);
  expect(rest).toEqual([]);
  expect(taken).toMatchObject({ leaseCounter: 10, parentShardIds: lease.parentShardIds });

  // What is not as expected stays, and so does what nobody has made.
  const owner = taken?.leaseOwner ?? "";
  const refused = { leaseOwner: owner, leaseCounter: 9 };
  expect(await store.update(lease.leaseKey, refused, { checkpoint: "1" }, signal)).toBeUndefined();
  expect(await store.update("absent", {}, { checkpoint: "1" }, signal)).toBeUndefined();
  expect(await store.get("absent", signal)).toBeUndefined();

  // A checkpoint with its renewal; an owner that goes; nothing at all.
  const checkpoint = { checkpoint: "49" + "1".repeat(54), checkpointSubSequenceNumber: 7 };
  const expected = { leaseOwner: owner, leaseCounter: 10 };
  expect(await store.update(lease.leaseKey, expected, { ...checkpoint, leaseCounter: 11 }, signal)).toMatchObject({
    ...checkpoint,
    leaseCounter: 11,
  });
  expect(await store.update(lease.leaseKey, { leaseOwner: owner }, { leaseOwner: null }, signal)).toEqual({
    ...lease,
    ...checkpoint,
    leaseCounter: 11,
  });
  expect(await store.update(lease.leaseKey, { checkpointOwner: null }, {}, signal)).toMatchObject(checkpoint);

  await store.remove(lease.leaseKey, 10, signal);
  expect(await store.get(lease.leaseKey, signal)).toBeDefined();
  await store.remove(lease.leaseKey, 11, signal);
  await store.remove(lease.leaseKey, 11, signal);
  expect(await store.list(signal)).toEqual([other]);
});
