import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import type { Running } from "../part.js";
import { serveOperatorHttp, type OperatorHttp } from "./operator-http.js";

let http: OperatorHttp | undefined;
afterEach(() => http?.close());

async function serve(running: Partial<Running>): Promise<string> {
  const none: Running = {
    addresses: {},
    health: () => ({ ok: true }),
    metrics: () => Promise.resolve(""),
    stop: () => Promise.resolve(),
  };
  http = await serveOperatorHttp(0, { ...none, ...running }, pino({ level: "silent" }));
  return http.url;
}

test("health is 200 or 503, with the details", async () => {
  let ok = true;
  const url = await serve({ health: () => ({ ok, spoolBytes: 12 }) });
  const well = await fetch(`${url}/healthz`);
  expect([well.status, await well.json()]).toEqual([200, { ok: true, spoolBytes: 12 }]);
  ok = false;
  const ill = await fetch(`${url}/healthz?verbose`);
  expect([ill.status, await ill.json()]).toEqual([503, { ok: false, spoolBytes: 12 }]);
});

test("metrics are Prometheus text", async () => {
  const url = await serve({ metrics: () => Promise.resolve("headwater_records_total 3\n") });
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await response.text()).toBe("headwater_records_total 3\n");
});

test("metrics that fail are an error to the one who asked, not to the part", async () => {
  const url = await serve({ metrics: () => Promise.reject(new Error("no")) });
  expect((await fetch(`${url}/metrics`)).status).toBe(500);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test("anything else is refused", async () => {
  const url = await serve({});
  expect((await fetch(url)).status).toBe(404);
  expect((await fetch(`${url}/healthz`, { method: "POST" })).status).toBe(405);
  const head = await fetch(`${url}/healthz`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("listens on loopback only", async () => {
  expect(new URL(await serve({})).hostname).toBe("127.0.0.1");
});
