import { beforeEach, expect, test } from "vitest";
import { TestLeases } from "./testing/test-leases.js";

const TableName = "leases";
const put = (key: string, n: number): object => ({ TableName, Item: { k: { S: key }, n: { N: String(n) } } });
const get = (key: string): object => ({ TableName, Key: { k: { S: key } } });
let it: TestLeases;

beforeEach(async () => {
  it = await TestLeases.start();
  await it.call("CreateTable", {
    TableName,
    KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
  });
});

/** A gate that writes wait at. */
function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open: (() => void) | undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open: () => open?.(), passed };
}

/** Whether a promise has settled by the time that everything which could run has run. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): boolean => (settled = true);
  promise.then(note, note);
  await new Promise(setImmediate);
  return settled;
}

test("neither a write nor a read of it is answered before it is on disk", async () => {
  const { open, passed } = gate();
  it.store.beforeWrite = () => passed;
  const written = it.call("PutItem", put("a", 1));
  const read = it.call("GetItem", get("a"));
  expect(await hasSettled(written)).toBe(false);
  expect(await hasSettled(read)).toBe(false);
  open();
  await written;
  expect(await read).toMatchObject({ Item: { n: { N: "1" } } });
});

test("writes that come while the disk is busy are synced together, in their order", async () => {
  const { open, passed } = gate();
  it.store.beforeWrite = () => passed;
  const first = it.call("PutItem", put("a", 0));
  await new Promise(setImmediate);
  const others = [1, 2, 3].map((n) => it.call("PutItem", put("a", n)));
  open();
  await Promise.all([first, ...others]);
  expect(it.store.written.slice(1).map((changes) => changes.length)).toEqual([1, 3]);
  expect(await it.call("GetItem", get("a"))).toMatchObject({ Item: { n: { N: "3" } } });
});

test("where the disk fails, who was waiting hears it, and everybody goes on from what is on disk", async () => {
  await it.call("PutItem", put("a", 1));
  const { open, passed } = gate();
  it.store.beforeWrite = async () => {
    await passed;
    it.store.beforeWrite = () => Promise.resolve();
    throw new Error("disk full");
  };
  const failing = it.call("PutItem", put("a", 2));
  await new Promise(setImmediate);
  const onTop = it.call("UpdateItem", {
    ...get("a"),
    UpdateExpression: "SET n = n + :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
  });
  const reading = it.call("GetItem", get("a"));
  open();
  await expect(failing).rejects.toThrow("disk full");
  await expect(onTop).rejects.toThrow("disk full");
  await expect(reading).rejects.toThrow("disk full");
  expect(await it.call("GetItem", get("a"))).toMatchObject({ Item: { n: { N: "1" } } });
  await it.call("PutItem", put("a", 5));
  expect(await it.call("GetItem", get("a"))).toMatchObject({ Item: { n: { N: "5" } } });
});

test("what a call refuses changes nothing, all of a batch included", async () => {
  const before = it.store.written.length;
  const RequestItems = {
    [TableName]: [{ PutRequest: { Item: { k: { S: "b" } } } }, { PutRequest: { Item: { other: { S: "x" } } } }],
  };
  await expect(it.call("BatchWriteItem", { RequestItems })).rejects.toMatchObject({ code: "invalid" });
  await it.call("ListTables", {});
  expect(it.store.written.length).toBe(before);
  expect(await it.call("GetItem", get("b"))).toEqual({});
});
