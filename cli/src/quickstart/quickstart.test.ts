import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { missingPackages } from "../../setup/npm-packages.cjs";
import { isEnough } from "../../setup/node-version.cjs";
import { BoundedLogFile } from "./bounded-log-file.js";
import { choosePort } from "./choose-port.js";
import { claimDirectory } from "./claim-directory.js";
import { sshFrom, welcome } from "./welcome.js";

let directory = "";
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "headwater-quickstart-"))));
afterEach(() => rmSync(directory, { recursive: true }));

describe("ports", () => {
  let server: Server;
  let taken = 0;
  beforeEach(async () => {
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address !== null && typeof address === "object") taken = address.port;
  });
  afterEach(() => server.close());

  test("one that was asked for and is taken names its holder", async () => {
    await expect(choosePort("--port", taken, 4567, () => undefined)).rejects.toThrow(
      new RegExp(`--port ${taken}: the port is taken by .*\\(pid ${process.pid}\\)`),
    );
  });

  test("the usual one, taken, gives way to another, which is said", async () => {
    const said: string[] = [];
    const port = await choosePort("--port", undefined, taken, (line) => said.push(line));
    expect(port).not.toBe(taken);
    expect(said.join()).toMatch(new RegExp(`Port ${taken} is taken by .*; using ${port} \\(--port chooses one\\)`));
  });

  test("a free one is taken as it is", async () => {
    server.close();
    await once(server, "close");
    expect(await choosePort("--port", taken, 4567, () => undefined)).toBe(taken);
  });
});

describe("one start at a time on a directory", () => {
  test("the second names the first; after the first, it is free", async () => {
    const release = await claimDirectory(directory);
    await expect(claimDirectory(directory)).rejects.toThrow(new RegExp(`in use by .*pid ${process.pid}`));
    release();
    (await claimDirectory(directory))();
  });

  test("a holder that was killed holds nothing, even if its pid was used again", async () => {
    for (const left of [`${process.pid} 1`, ""]) {
      writeFileSync(join(directory, "start.pid"), left);
      await expect(claimDirectory(directory)).resolves.toBeTypeOf("function");
      rmSync(join(directory, "start.pid"));
    }
  });
});

test("a log keeps two files of bounded size, and a start goes on where the last one ended", () => {
  const path = join(directory, "cloud.log");
  for (let run = 0; run < 3; run++) {
    const log = new BoundedLogFile(path, 100);
    for (let line = 0; line < 3; line++) log.write(Buffer.from(`${run}.${line} ${"x".repeat(15)}\n`));
    log.close();
  }
  // Nine lines of 20 bytes: five fill the first file.
  expect(readFileSync(`${path}.1`, "utf8").split("\n")[0]).toMatch(/^0\.0/);
  expect(readFileSync(path, "utf8").split("\n").at(-2)).toMatch(/^2\.2/);
  expect(existsSync(`${path}.2`)).toBe(false);
});

describe("what is said at the end", () => {
  const where = {
    endpoint: "http://127.0.0.1:4567",
    mqtt: "mqtt://127.0.0.1:1883",
    data: "/srv/it's here",
    credentialsFile: "/srv/it's here/cloud/credentials",
    region: "us-east-1",
    camera: undefined,
    ssh: undefined,
  };

  test("names the console, and what to paste for an AWS client", () => {
    const text = welcome(where);
    expect(text).toContain("http://127.0.0.1:4567/console");
    expect(text).toContain("AWS_SHARED_CREDENTIALS_FILE='/srv/it'\\''s here/cloud/credentials'");
    expect(text).not.toContain("ssh");
  });

  test("names the camera, without its password", () => {
    expect(welcome({ ...where, camera: "test-pattern" })).toContain('stream "camera": test-pattern');
    const text = welcome({ ...where, camera: "rtsp://ada:secret@192.0.2.7/main" });
    expect(text).toContain("rtsp://…@192.0.2.7/main");
    expect(text).not.toContain("secret");
    expect(welcome(where)).not.toContain("video");
  });

  test("over ssh there is the tunnel", () => {
    const ssh = sshFrom("198.51.100.7 52044 192.0.2.10 22", "ada");
    expect(welcome({ ...where, ssh })).toContain("ssh -N -L 4567:127.0.0.1:4567 ada@192.0.2.10");
    expect(sshFrom(undefined, "ada")).toBeUndefined();
  });
});

describe("what is installed already", () => {
  const locked = {
    "": {},
    log: { version: "0.1.0" },
    "node_modules/@headwater/log": { link: true },
    "node_modules/ws": { version: "8.0.0" },
    "cloud/node_modules/ws": { version: "7.0.0" },
    "node_modules/vitest": { version: "4.0.0", dev: true },
    "node_modules/fsevents": { version: "2.0.0", optional: true },
  };

  test("nothing at first", () => {
    expect(missingPackages(locked, {}, false)).toEqual([
      "node_modules/@headwater/log",
      "node_modules/ws",
      "cloud/node_modules/ws",
    ]);
    expect(missingPackages(locked, {}, true)).toContain("node_modules/vitest");
  });

  test("an install without tools is enough to run, not to test", () => {
    const { "node_modules/vitest": _tool, "node_modules/fsevents": _other, ...installed } = locked;
    expect(missingPackages(locked, installed, false)).toEqual([]);
    expect(missingPackages(locked, installed, true)).toEqual(["node_modules/vitest"]);
  });

  test("another version is missing", () => {
    const installed = { ...locked, "node_modules/ws": { version: "8.0.1" } };
    expect(missingPackages(locked, installed, true)).toEqual(["node_modules/ws"]);
  });
});

test.each([
  ["v0.10.48", false],
  ["v18.20.0", false],
  ["v20.18.3", false],
  ["v20.19.0", true],
  ["v22.0.0", true],
])("Node %s is enough: %s", (version, enough) => {
  expect(isEnough(version)).toBe(enough);
});
