import { afterAll, beforeAll, expect, test } from "vitest";
import { sumOf } from "../harness/metrics.js";
import type { Part } from "../harness/part.js";
import { startCloud, startGateway } from "../harness/parts.js";
import { Bystander, createStream, kinesisClient } from "../harness/kinesis.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { RawControl } from "./raw-control.js";

const scope = new Scope();
let cloud: Part;
let bystander: Bystander;

/** Checks no signatures, so that what comes after the upgrade can be tried by hand. */
beforeAll(async () => {
  cloud = await startCloud(scope, { flags: { "accept-any-credentials": true } });
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "beside", 1);
  bystander = new Bystander(client, "beside");
  await startGateway(scope, cloud.url, { flags: { id: "honest" } });
  await until("the honest gateway", async () => (await connected()) === 1);
});
afterAll(() => scope.close());

async function connected(): Promise<number> {
  return sumOf(await cloud.metrics(), /^headwater_control_gateways_connected$/);
}

async function closedBy(cause: string): Promise<number> {
  return sumOf(await cloud.metrics(), new RegExp(`^headwater_control_closed_total\\{cause="${cause}"\\}$`));
}

const frame = (...bytes: readonly number[]): ((control: RawControl) => void) => {
  return ({ socket }) => void socket.write(Buffer.from(bytes));
};

const hostile: Readonly<Record<string, { does: (control: RawControl) => void; cause: string }>> = {
  "no JSON": { does: (control) => control.say("{"), cause: "malformed" },
  "JSON a thousand levels deep": { does: (control) => control.say("[".repeat(1000)), cause: "malformed" },
  "another version": { does: (control) => control.say({ v: 2, id: 1, type: "hello" }), cause: "unsupported-version" },
  "a state before hello": { does: (control) => control.say({ v: 1, id: 1, type: "state" }), cause: "malformed" },
  "a name that is a path": { does: (control) => control.hello("../../etc/passwd"), cause: "malformed" },
  "a message of 2 MiB": { does: (control) => control.say("x".repeat(2 << 20)), cause: "oversize" },
  "a header that promises 2^62 bytes": {
    does: frame(0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    cause: "(oversize|malformed)",
  },
  "an unmasked frame": { does: frame(0x81, 0x01, 0x41), cause: "malformed" },
  "a frame of a reserved kind": { does: frame(0x83, 0x80, 0, 0, 0, 0), cause: "malformed" },
  "text that is no UTF-8": { does: frame(0x81, 0x81, 0, 0, 0, 0, 0xff), cause: "malformed" },
};

test.each(Object.entries(hostile))("%s ends its own connection, is counted, and harms nobody", async (_, given) => {
  const before = await closedBy(given.cause);
  const control = await RawControl.open(scope, cloud.port("http"));
  given.does(control);
  await control.closed();
  await until("it to be counted", async () => (await closedBy(given.cause)) === before + 1);
  expect(await connected()).toBe(1);
  await bystander.progresses();
});

test("a flood of large states from one gateway leaves the others served", async () => {
  const control = await RawControl.open(scope, cloud.port("http"));
  control.hello("flood");
  await control.says(/welcome/);
  const spool = { spoolRecords: 0, spoolBytes: 0, spoolBytesMax: 1 };
  const device = { connected: true, lastSeenMs: 0, records: 0, bytes: 0 };
  const devices = Array.from({ length: 5000 }, (__, i) => ({ ...device, device: `d-${i}` }));
  const gateway = { ...spool, upstream: "idle", forwardedRecords: 0, deadLetters: 0 };
  for (let id = 2; id < 52; id++) control.say({ v: 1, id, type: "state", gateway, devices });
  await bystander.progresses();
  await until("the last state", async () => {
    const { gateways } = JSON.parse(await cloud.get("/console/state")) as { gateways: Seen[] };
    const seen = gateways.find(({ name }) => name === "flood");
    return seen !== undefined && seen.devices.length + seen.devicesOmitted === 5000;
  });
  expect(await connected()).toBe(2);
});

interface Seen {
  readonly name: string;
  readonly devices: readonly unknown[];
  readonly devicesOmitted: number;
}

test("where signatures are checked, an upgrade without one gets 403", async () => {
  const strict = await startCloud(scope);
  const control = RawControl.dial(scope, strict.port("http"));
  expect(await control.closed()).toMatch(/^HTTP\/1\.1 403 [^]*"__type":"MissingAuthenticationTokenException"/);
  const forged = RawControl.dial(scope, strict.port("http"), [
    "X-Amz-Date: 20250101T000000Z",
    "Authorization: AWS4-HMAC-SHA256 Credential=A/20250101/us-east-1/kinesis/aws4_request, " +
      `SignedHeaders=host;x-amz-date, Signature=${"0".repeat(64)}`,
  ]);
  expect(await forged.closed()).toMatch(/^HTTP\/1\.1 403 /);
});

test("a page in a browser gets 403, even where no signatures are checked", async () => {
  const control = RawControl.dial(scope, cloud.port("http"), ["Origin: http://127.0.0.1:8080"]);
  expect(await control.closed()).toMatch(/^HTTP\/1\.1 403 /);
});

test("the bystander saw no error through all of this", async () => {
  await bystander.finish();
  expect(await connected()).toBeGreaterThanOrEqual(1);
});
