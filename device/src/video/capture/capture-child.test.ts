import { expect, onTestFinished, test } from "vitest";
import { hurriedClock } from "../../testing/hurried-clock.js";
import { type CaptureChild, startChild, terminate } from "./capture-child.js";

async function shell(script: string): Promise<CaptureChild> {
  const child = await startChild("sh", ["-c", script]);
  onTestFinished(() => child.kill("SIGKILL"));
  return child;
}

async function text(child: CaptureChild): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("a program's output, its standard error and its end", async () => {
  const child = await shell("echo picture; echo complaint >&2; exit 3");
  let complaint = "";
  child.onStderr((said) => (complaint += said));
  expect(await text(child)).toBe("picture\n");
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(complaint).toBe("complaint\n");
});

test("arguments are nobody's commands, and standard input is empty", async () => {
  const child = await startChild("sh", ["-c", 'cat; echo "$1"', "sh", "$(echo pwned); x"]);
  expect(await text(child)).toBe("$(echo pwned); x\n");
});

test("a program that ends when it is asked", async () => {
  const child = await shell("echo ready; exec sleep 20");
  await terminate(child, await hurriedClock());
  expect(await child.exited).toEqual({ code: null, signal: "SIGTERM" });
});

test("a program that does not listen is killed, though a child of its own holds its pipes", async () => {
  const child = await shell("trap '' TERM; sleep 4 & echo ready; wait; wait");
  const { value } = await child.stdout[Symbol.asyncIterator]().next();
  expect(String(value)).toBe("ready\n");
  await terminate(child, await hurriedClock());
  expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
});

test.each(["no-such-program", "/no/such/program"])("%s is not installed", async (program) => {
  await expect(startChild(program, [])).rejects.toMatchObject({
    name: "CaptureError",
    fault: "program-missing",
    message: `${program} is not installed`,
  });
});
