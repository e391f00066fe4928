import { connect } from "node:net";
import { PutRecordCommand } from "@aws-sdk/client-kinesis";
import { expect, onTestFinished, test } from "vitest";
import { createStream, kinesisClient } from "../harness/kinesis.js";
import { gaugeOf } from "../harness/metrics.js";
import { startCloud, startDevice, startGateway } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { ConsolePage, startBrowser } from "./console-page.js";
import { RawControl } from "./raw-control.js";

function newScope(): Scope {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  return scope;
}

test("a live reading shows and changes; each hop that dies shows as gone, and as back when it is", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope);
  const gateway = await startGateway(scope, cloud.url, { flags: { id: "site", "create-streams": true } });
  const device = await startDevice(
    scope,
    { id: "probe", hostSensor: { stream: "sensors", intervalMs: 200 } },
    { flags: { gateway: gateway.address("mqtt") } },
  );
  const console = await ConsolePage.open(await startBrowser(scope), cloud.url);
  const memory = console.page.locator(".tile", { hasText: "Memory" });
  const readingsGoOn = async (): Promise<void> => {
    const before = await console.newestSequenceNumber();
    const drawn = await memory.locator(".line").getAttribute("d");
    await until("a new record on top", async () => (await console.newestSequenceNumber()) > before);
    await until("its reading in the chart", async () => (await memory.locator(".line").getAttribute("d")) !== drawn);
  };
  const allIsWell = async (): Promise<void> => {
    await console.connection("Live");
    await console.station("probe", "Connected");
    await console.link("MQTT", "Connected");
    await console.station("site", "Connected");
    await console.link("AWS API", "Delivering");
    await console.station("Cloud", "Running");
    await readingsGoOn();
  };

  await memory.waitFor();
  expect(await memory.locator(".value").textContent()).toMatch(/^[\d.]+( MiB)? of [\d.]+ [GM]iB$/);
  expect(await console.rows.first().textContent()).toMatch(/probe.*memoryTotalBytes/);
  await allIsWell();

  await gateway.kill("SIGKILL");
  await console.station("site", "Offline");
  await console.link("AWS API", "Broken");
  await console.station("probe", "Not known");
  await gateway.restart();
  await allIsWell();

  await device.kill("SIGKILL");
  await console.station("probe", "Offline");
  await console.link("MQTT", "Broken");
  await console.page.getByText(/^last reading \d+ s ago$/).waitFor();
  await device.restart();
  await allIsWell();
  expect(console.complaints).toEqual([]);

  await cloud.kill("SIGKILL");
  await console.connection("Reconnecting…");
  await console.station("Cloud", "No answer");
  await cloud.restart();
  await allIsWell();
  // The browser itself says so of each connection that ends or fails.
  expect(console.complaints.filter((text) => !text.includes("net::ERR_"))).toEqual([]);
});

const markup = (place: string): string => `<img src=x onerror="document.title='${place}'">`;

test("what devices and producers send stays text", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope, { flags: { "accept-any-credentials": true } });
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "sensors", 1);
  const gateway = await RawControl.open(scope, cloud.port("http"));
  gateway.hello("site");
  const spool = { spoolRecords: 1, spoolBytes: 1, spoolBytesMax: 0, oldestMs: 1e300 };
  const upstream = { upstream: "unreachable", upstreamError: markup("error"), forwardedRecords: 0, deadLetters: 1 };
  const device = { device: markup("device"), connected: true, lastSeenMs: -1, records: 0, bytes: 0 };
  const devices = [{ ...device, status: { ...spool, dropped: { [markup("cause")]: 1 } } }];
  gateway.say({ v: 1, id: 2, type: "state", gateway: { ...spool, ...upstream }, devices });
  const fields = { [markup("name")]: markup("value"), cpuPercent: 5 };
  for (const [key, data] of [
    [markup("key"), markup("text")],
    ["json", JSON.stringify(fields)],
    ["proto", '{"__proto__":{"x":1},"cpuPercent":1e999,"time":"2026-99-99T"}'],
    ["deep", "[".repeat(1000) + "]".repeat(1000)],
    [markup("sensor"), '{"cpuPercent":7,"memoryTotalBytes":-1,"memoryAvailableBytes":5}'],
    ["binary", "\0"],
    ["last", "last"],
  ] as const) {
    await client.send(
      new PutRecordCommand({ StreamName: "sensors", PartitionKey: key, Data: Buffer.from(data, "utf8") }),
    );
  }
  const console = await ConsolePage.open(await startBrowser(scope), cloud.url);
  await console.rows.getByText("last").first().waitFor();
  await console.station(markup("device"), "Connected");
  expect(await console.rows.count()).toBe(7);
  for (const place of ["key", "text", "name", "value"]) {
    await console.rows.getByText(markup(place)).first().waitFor();
  }
  for (const place of ["error", "cause"]) await console.page.locator(".card").getByText(markup(place)).waitFor();
  const summaries = console.rows.locator("summary");
  for (let i = 0; i < (await summaries.count()); i++) await summaries.nth(i).click();
  expect(await console.page.locator("img[src=x]").count()).toBe(0);
  expect(await console.page.title()).toBe("Headwater console");
  expect(console.complaints).toEqual([]);
});

test("a person with a keyboard reaches stream, pause and records", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope);
  const client = kinesisClient(scope, cloud.url);
  await createStream(client, "orders", 1);
  const put = async (text: string): Promise<void> => {
    await client.send(new PutRecordCommand({ StreamName: "orders", PartitionKey: "k", Data: Buffer.from(text) }));
  };
  await put("first");
  const { page, rows } = await ConsolePage.open(await startBrowser(scope), cloud.url);
  await rows.getByText("first").waitFor();
  for (const next of ["a.skip", "#stream", "#pause", "#rows summary"]) {
    await page.keyboard.press("Tab");
    await page.locator(`${next}:focus`).waitFor();
  }
  await page.keyboard.press("Enter");
  await rows.locator("pre", { hasText: "first" }).waitFor();
  await put("second");
  await page.getByRole("button", { name: "Go on (1 new)" }).press("Enter");
  await rows.getByText("second").waitFor();
  expect(await rows.allTextContents()).toEqual([expect.stringContaining("second"), expect.stringContaining("first")]);
});

test("SIGTERM ends the cloud within 10 s, with pages, dead pages and gateways connected", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope);
  await createStream(kinesisClient(scope, cloud.url), "sensors", 1);
  await startGateway(scope, cloud.url);
  const browser = await startBrowser(scope);
  for (let i = 0; i < 3; i++) await ConsolePage.open(browser, cloud.url);
  for (let i = 0; i < 5; i++) {
    const dead = connect(cloud.port("http"), "127.0.0.1");
    scope.defer(() => dead.destroy());
    dead.pause().write("GET /console/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  await until("all of them to be connected", async () => {
    const metrics = await cloud.metrics();
    const gateways = gaugeOf(metrics, /^headwater_control_gateways_connected$/);
    return gaugeOf(metrics, /^headwater_console_clients$/) === 8 && gateways === 1;
  });
  await cloud.stop();
  expect(cloud.child.exit).toEqual({ code: 0, signal: null });
});
