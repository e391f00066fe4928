import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Child } from "../harness/child.js";
import { Part } from "../harness/part.js";
import { startCloud } from "../harness/parts.js";
import { Scope } from "../harness/scope.js";
import { within } from "../harness/until.js";

const unrulyPart = fileURLToPath(new URL("./unruly-part.mjs", import.meta.url));

function newScope(): Scope {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  return scope;
}

function startUnruly(fault: string): Promise<Child> {
  return Child.start(newScope(), fault, [process.execPath, unrulyPart, fault]);
}

/** Every line that is not JSON would break whoever reads the log. */
function logOf(child: Child): Record<string, unknown>[] {
  const lines = child.stderr.toString().trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("a start that fails is one line and code 1", async () => {
  const child = await startUnruly("start-failure");
  expect((await child.exited).code).toBe(1);
  expect(child.stderr.toString()).toBe("headwater unruly: the directory is in use; by somebody\n");
  expect(child.stdout.toString()).toBe("");
});

test.each([
  ["start-bug", "could not start", "x is not a function"],
  ["throws-later", "uncaught exception", "URI malformed"],
  ["rejects-later", "unhandled rejection", "nobody waits for this"],
])("%s: code 1, with the stack in the log", async (fault, message, error) => {
  const child = await startUnruly(fault);
  expect((await child.exited).code).toBe(1);
  const fatal = logOf(child).find(({ level }) => level === "fatal");
  expect(fatal).toMatchObject({
    msg: message,
    err: { message: error, stack: expect.stringContaining("unruly-part.mjs") },
  });
});

test("a part that does not stop is ended within 10 s, with code 1 and the reason in the log", async () => {
  const child = await startUnruly("never-stops");
  await child.line("the ready line", /^headwater unruly ready http=http:\/\/127\.0\.0\.1:1$/m);
  expect(await child.kill("SIGTERM", 10_000)).toEqual({ code: 1, signal: null });
  expect(logOf(child).at(-1)).toMatchObject({ level: "fatal", msg: "did not stop in time" });
});

test("a part whose stop fails ends with code 1, and the log says that it was the stop", async () => {
  const child = await startUnruly("stop-failure");
  await child.line("the ready line", /ready/);
  expect(await child.kill("SIGTERM", 5_000)).toEqual({ code: 1, signal: null });
  const error = {
    message: "the state could not be stored",
    stack: expect.stringContaining("unruly-part.mjs") as unknown,
  };
  expect(logOf(child).at(-1)).toMatchObject({ level: "fatal", msg: "could not stop in good order", err: error });
});

test.each<NodeJS.Signals>(["SIGTERM", "SIGINT"])("%s ends a part with code 0", async (signal) => {
  const child = await startUnruly("none");
  await child.line("the ready line", /ready/);
  expect(await child.kill(signal, 5_000)).toEqual({ code: 0, signal: null });
  expect(logOf(child).map(({ msg }) => msg)).toEqual(["ready", "stopping", "stopped"]);
});

test("Node's warnings are log lines", async () => {
  const child = await startUnruly("warns");
  await child.line("the ready line", /ready/);
  await child.kill("SIGTERM");
  expect(logOf(child)).toContainEqual(expect.objectContaining({ level: "warn", msg: "warning of Node" }));
});

test("a part ends when the channel to the process that started it closes", async () => {
  const child = fork(unrulyPart, ["none"], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  newScope().defer(() => void child.kill("SIGKILL"));
  if (child.stdout) await once(child.stdout, "data");
  child.disconnect();
  const [code] = (await within("the part to end", 5_000, once(child, "exit"))) as [number | null];
  expect(code).toBe(0);
});

test("a taken port names its holder", async () => {
  const scope = newScope();
  const first = await startCloud(scope);
  const port = first.port("http");
  const second = await Part.launch(scope, "cloud", { flags: { data: await scope.directory("second"), port } });
  expect((await second.exited).code).toBe(1);
  expect(second.stderr.toString()).toMatch(new RegExp(`${port}.*\\(pid ${first.pid}\\)\\n$`));
});

test("a directory in use names its holder", async () => {
  const scope = newScope();
  const data = await scope.directory("cloud");
  const first = await startCloud(scope, { flags: { data } });
  const second = await Part.launch(scope, "cloud", { flags: { data } });
  expect((await second.exited).code).toBe(1);
  expect(second.stderr.toString()).toMatch(new RegExp(`^headwater cloud: .*\\b${first.pid}\\b.*\\n$`));
});
