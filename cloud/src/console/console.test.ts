import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Registry } from "../prometheus.js";
import { expect, onTestFinished, test, vi } from "vitest";
import { encodeRecordHead } from "../streams/stored-record.js";
import { loadAssets } from "./assets.js";
import { Console } from "./console.js";
import { StateGatherer } from "./console-state.js";
import type { ShardView } from "./live-tail.js";

/** What the tests' server answers where the console leaves a request to others. */
const NOT_THE_CONSOLES = 421;

test.each([
  ["the page", "/console", 200],
  ["the page's script", "/console/main.js", 200],
  ["the state", "/console/state", 200],
  ["the live video", "/console/video", 200],
  ["a page that there is none of", "/console/../credentials", 404],
  ["a stream that cannot be", "/console/events?stream=%3Cscript%3E", 400],
  ["the root", "/", 302],
])("%s is answered, with the headers that keep a page to itself", async (_, path, status) => {
  const { ask } = await startConsole();
  const { statusCode, headers } = await ask(path, { accept: "text/html,*/*;q=0.8" });
  expect(statusCode).toBe(status);
  expect(headers["content-security-policy"]).toContain("require-trusted-types-for 'script'");
  expect(headers["x-content-type-options"]).toBe("nosniff");
});

test.each([["//"], ["//["], ["/\\["], ["/console/events?stream=%"], ["/console/%00"], ["/?"]])(
  "the target %s harms nobody",
  async (path) => {
    const { ask } = await startConsole();
    await ask(path);
    expect((await ask("/console/state")).statusCode).toBe(200);
  },
);

test("what the page is made of does not depend on a build, and is not fetched twice", async () => {
  const { ask } = await startConsole();
  const { headers } = await ask("/console/main.js");
  const etag = String(headers.etag);
  expect((await ask("/console/main.js", { "if-none-match": etag })).statusCode).toBe(304);
});

const foreign: Readonly<Record<string, { headers: Record<string, string>; cause: string }>> = {
  "a name that was made to point here": { headers: { host: "evil.example:4566" }, cause: "foreign" },
  "a name that begins like ours": { headers: { host: "localhost.evil.example" }, cause: "foreign" },
  "a proxy": { headers: { "x-forwarded-for": "203.0.113.7" }, cause: "foreign" },
  "another site's page": { headers: { "sec-fetch-site": "cross-site" }, cause: "cross-site" },
  "another port's page": { headers: { "sec-fetch-site": "same-site" }, cause: "cross-site" },
  "another origin": { headers: { origin: "http://evil.example" }, cause: "cross-site" },
  "an origin that hides": { headers: { origin: "null" }, cause: "cross-site" },
};

test.each(Object.entries(foreign))("what comes by %s is refused and counted", async (_, { headers, cause }) => {
  const { ask, metric } = await startConsole();
  for (const path of ["/console/state", "/console/events", "/console/video"]) {
    const answer = await ask(path, headers);
    expect(answer.statusCode).toBe(403);
    expect(answer.headers["content-type"]).not.toContain("json");
  }
  expect(await metric("headwater_console_refused_total", cause)).toBe(3);
});

test("a cloud that listens beyond loopback shows how to tunnel, and nothing else", async () => {
  const { ask } = await startConsole({ listensOnLoopback: false });
  const answer = await ask("/console");
  expect(answer.statusCode).toBe(403);
  expect(answer.text).toContain("ssh -L");
  expect((await ask("/console/state")).statusCode).toBe(403);
});

test.each<Record<string, string>>([{}, { accept: "*/*" }, { accept: "text/html", authorization: "AWS4-HMAC-SHA256" }])(
  "the root is AWS's to whoever is no browser: %j",
  async (headers) => {
    const { ask } = await startConsole();
    expect((await ask("/", headers)).statusCode).toBe(NOT_THE_CONSOLES);
  },
);

test("its own page may ask", async () => {
  const { ask, port } = await startConsole();
  const headers = { origin: `http://127.0.0.1:${port}`, "sec-fetch-site": "same-origin" };
  expect((await ask("/console/state", headers)).statusCode).toBe(200);
});

test("pages over the bound are refused until one closes", async () => {
  const { ask, open } = await startConsole({ clientsMax: 2 });
  const pages = [await open(), await open()];
  expect((await ask("/console/events")).statusCode).toBe(503);
  pages[0]?.destroy();
  await vi.waitFor(async () => {
    const another = await open();
    expect(another.statusCode).toBe(200);
  });
});

test("a page sees the newest records and then each one as it comes", async () => {
  const { open, shard } = await startConsole();
  shard.put("before");
  const page = await open();
  await vi.waitFor(() => expect(page.seen()).toContain('"text":"before"'));
  shard.put("after");
  await vi.waitFor(() => expect(page.seen()).toContain('"text":"after"'));
  expect(page.seen()).toMatch(/^event: version\n/);
});

test("a page that reads too slowly costs a bounded amount, misses records, and is told how many", async () => {
  const { open, shard, metric } = await startConsole();
  const slow = await open();
  const quick = await open();
  slow.pause();
  const dropped = async (): Promise<number> => (await metric("headwater_console_dropped_records_total")) ?? 0;
  await vi.waitFor(
    async () => {
      // A vertical tab takes six bytes of JSON: much, but no more at a time than a page may have waiting.
      for (let i = 0; i < 50; i++) shard.put("\v".repeat(1000));
      expect(await dropped()).toBeGreaterThan(100);
    },
    { timeout: 20_000, interval: 20 },
  );
  slow.resume();
  await vi.waitFor(() => expect(notShownTo(slow)).toBeGreaterThanOrEqual(100));
  shard.put("the last");
  for (const page of [slow, quick]) await vi.waitFor(() => expect(page.seen()).toContain("the last"));
});

test("closing ends the pages", async () => {
  const { ask, open, console } = await startConsole();
  const pages = [await open(), await open()];
  const ended = pages.map((page) => once(page, "end"));
  await console.close();
  await Promise.all(ended);
  expect((await ask("/console/events")).statusCode).toBe(503);
});

interface Page extends IncomingMessage {
  /** All that came so far. */
  readonly seen: () => string;
}

interface Running {
  readonly console: Console;
  readonly port: number;
  readonly shard: MemoryShard;
  readonly ask: (path: string, headers?: Record<string, string>) => Promise<IncomingMessage & { text: string }>;
  readonly open: () => Promise<Page>;
  readonly metric: (name: string, cause?: string) => Promise<number | undefined>;
}

/** A console behind a real HTTP server, with one stream of one shard. */
async function startConsole(options: { listensOnLoopback?: boolean; clientsMax?: number } = {}): Promise<Running> {
  const registry = new Registry();
  const shard = new MemoryShard();
  const streams = {
    listStreams: () => [{ name: "sensors", status: "ACTIVE", shardCount: 1 }],
    shardViews: (name: string) => (name === "sensors" ? [shard] : []),
  };
  const clock = { now: () => Date.now() };
  const facts = { region: "us-east-1", accountId: "000000000000", startedMs: clock.now() };
  const console = new Console({
    assets: await loadAssets(),
    streams,
    gatherer: new StateGatherer(facts, streams, { list: () => [] }),
    liveVideo: () => [{ name: "camera", path: "/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=x" }],
    clock,
    registry,
    listensOnLoopback: true,
    clientsMax: 16,
    readFailed: (_, error) => {
      throw error;
    },
    ...options,
  });
  const http = createServer((request, response) => {
    if (!console.handle(request, response)) response.writeHead(NOT_THE_CONSOLES).end();
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  onTestFinished(async () => {
    await console.close();
    http.closeAllConnections();
    http.close();
  });
  const request = async (path: string, headers: Record<string, string>): Promise<IncomingMessage> => {
    // `get` would tidy up the target, so it goes in as it is.
    const [response] = await once(get({ port, host: "127.0.0.1", path, headers, agent: false }), "response");
    return response as IncomingMessage;
  };
  return {
    console,
    port,
    shard,
    async ask(path, headers = {}) {
      const response = await request(path, headers);
      return Object.assign(response, { text: await text(response) });
    },
    async open() {
      const response = await request("/console/events?stream=sensors", {});
      let seen = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        seen += chunk;
      });
      // Pages end when the test does.
      response.on("error", () => undefined);
      return Object.assign(response, { seen: () => seen });
    },
    async metric(name, cause) {
      const metric = await registry.getSingleMetric(name)?.get();
      return metric?.values.find(({ labels }) => cause === undefined || labels["cause"] === cause)?.value;
    },
  };
}

/** What the page was told that it does not see. */
function notShownTo(page: Page): number {
  return [...page.seen().matchAll(/"notShown":(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}

class MemoryShard implements ShardView {
  readonly shardId = "shardId-000000000000";
  readonly #frames: Buffer[] = [];

  put(data: string): void {
    this.#frames.push(Buffer.concat([encodeRecordHead("key", undefined), Buffer.from(data)]));
  }

  bounds(): ReturnType<ShardView["bounds"]> {
    return { first: 0, next: this.#frames.length, bytes: 0, oldestArrivalMs: undefined, lastArrivalMs: undefined };
  }

  async read(position: number, { frames }: Parameters<ShardView["read"]>[1]): ReturnType<ShardView["read"]> {
    const found = this.#frames.slice(position, position + frames);
    return {
      frames: found.map((data, i) => ({ position: position + i, arrivalMs: Date.now(), data })),
      next: position + found.length,
    };
  }

  sequenceNumber(position: number): string {
    return String(position).padStart(56, "0");
  }
}
