import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Listener } from "./listener.js";
import { type RouterOptions, routeRequest, routeUpgrade } from "./request-router.js";

let listener: Listener;
let port: number;
let bugs: { error: unknown; url: string | undefined }[];
const bug = new TypeError("x is not a function");

function fail(): never {
  throw bug;
}

/** Every way to answer fails, each at its time; `/started` after its head is out. */
const failing: RouterOptions = {
  aws: {
    handle: async () => {
      await Promise.resolve();
      fail();
    },
  },
  leases: { handle: () => Promise.reject(bug) },
  metricData: { handle: () => Promise.reject(bug) },
  video: { handle: () => Promise.reject(bug) },
  console: {
    handle: ({ url }, response) => {
      if (url === "/console") fail();
      if (url !== "/started") return false;
      response.writeHead(200, { "content-length": 100 }).write("half");
      return fail();
    },
  },
  control: { handleUpgrade: fail },
  health: fail,
  metrics: () => Promise.reject(bug),
  onBug: (error, { url }) => void bugs.push({ error, url }),
};

beforeEach(async () => {
  bugs = [];
  listener = new Listener({
    onRequest: (request, response) => routeRequest(failing, request, response),
    onUpgrade: (request, socket, head) => routeUpgrade(failing, request, socket, head),
    onRefused: () => undefined,
  });
  ({ port } = await listener.listen(0, "127.0.0.1"));
});
afterEach(() => listener.stop());

const internalFailure = { __type: "InternalFailure", message: "Internal service failure." };

test.each([
  ["GET", "/healthz"],
  ["GET", "/metrics"],
  ["GET", "/console"],
  ["GET", "/"],
  ["POST", "/"],
])("%s %s: what a handler throws is a 500 to its client and told to the operator", async (method, url) => {
  const answer = await fetch(`http://127.0.0.1:${port}${url}`, { method });
  expect([answer.status, await answer.json()]).toEqual([500, internalFailure]);
  expect(answer.headers.get("x-amzn-requestid")).not.toBeNull();
  expect(bugs).toEqual([{ error: bug, url }]);
});

test("over HTTP/2 too, and the session's next request is answered", async () => {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  for (const url of ["/console", "/healthz"]) {
    const stream = session.request({ ":path": url });
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect([headers[":status"], JSON.parse(await text(stream))]).toEqual([500, internalFailure]);
  }
  session.close();
  expect(bugs.map(({ url }) => url)).toEqual(["/console", "/healthz"]);
});

test("an answer that had begun is cut short, so that nobody takes it for whole", async () => {
  const answer = await fetch(`http://127.0.0.1:${port}/started`);
  await expect(answer.text()).rejects.toThrow("terminated");
  expect(bugs).toHaveLength(1);
});

test("an upgrade ends with a 500", async () => {
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /u HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  expect(await text(socket)).toMatch(/^HTTP\/1.1 500 /);
  expect(bugs).toEqual([{ error: bug, url: "/u" }]);
});
