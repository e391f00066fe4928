import { createServer } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { portHolder } from "./port-holder.js";
import { describeStartFailure, isBug } from "./start-failure.js";

test("names the process that listens on a port, and nobody once it is free", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  expect(await portHolder(address.port)).toContain(`(pid ${process.pid})`);

  const second = createServer().listen(address.port, "127.0.0.1");
  const [taken] = (await once(second, "error").catch((error: unknown) => [error])) as [Error];
  expect(await describeStartFailure(taken)).toMatch(
    new RegExp(`^port ${address.port} is taken by .*pid ${process.pid}`),
  );
  const wrapped = new Error("cannot listen for MQTT", { cause: taken });
  expect(await describeStartFailure(wrapped)).toMatch(/^cannot listen for MQTT; it is held by .*pid/);

  server.close();
  await once(server, "close");
  expect(await portHolder(address.port)).toBeUndefined();
});

test("a failed start is one line, and a bug is told from the machine's or the operator's", async () => {
  expect(await describeStartFailure(new Error("directory /data is in use\nby pid 7"))).toBe(
    "directory /data is in use; by pid 7",
  );
  expect(isBug(new TypeError("x is not a function"))).toBe(true);
  expect(isBug("a string")).toBe(true);
  expect(isBug(new Error("directory in use"))).toBe(false);
});
