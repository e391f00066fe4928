import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { passwd } from "./passwd.js";
import { verifyPassword } from "./scrypt-hash.js";

/** A terminal, or a pipe: what is typed goes in, what is shown comes out. */
function terminal(typed: string, isTTY: boolean) {
  const shown = { stdout: "", stderr: "" };
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: () => stdin });
  const stdout = new PassThrough().on("data", (chunk: Buffer) => (shown.stdout += chunk.toString()));
  const stderr = new PassThrough().on("data", (chunk: Buffer) => (shown.stderr += chunk.toString()));
  // Each prompt gets its line, as a person would give it.
  const lines = typed.split("|");
  if (isTTY) stderr.on("data", (chunk: Buffer) => chunk.toString().includes(": ") && stdin.write(lines.shift() ?? ""));
  else stdin.end(typed);
  return { io: { stdin: stdin as unknown as NodeJS.ReadStream, stdout, stderr }, shown };
}

test("from a pipe: the first line is the password", async () => {
  const { io, shown } = terminal("s3cret\nrest\n", false);
  await passwd(io);
  expect(await verifyPassword(Buffer.from("s3cret"), shown.stdout.trim())).toBe(true);
});

test("from a terminal: twice, corrected by backspace, and never shown", async () => {
  const { io, shown } = terminal("s3crex\u007ft\r|s3cret\r", true);
  await passwd(io);
  expect(await verifyPassword(Buffer.from("s3cret"), shown.stdout.trim())).toBe(true);
  expect(shown.stderr).not.toContain("s3cre");
});

test.each([
  ["two that differ", "one\r|two\r", true, "differ"],
  ["Ctrl-C", "one\u0003", true, "interrupted"],
  ["an empty line", "\n", false, "empty"],
  ["nothing", "", false, "empty"],
  ["too much", "x".repeat(2000), false, "more than 1024"],
])("%s: an error, and no hash", async (_, typed, isTTY, message) => {
  const { io, shown } = terminal(typed, isTTY);
  await expect(passwd(io)).rejects.toThrow(message);
  expect(shown.stdout).toBe("");
});
