import { Command } from "commander";
import { expect, test } from "vitest";
import { z } from "zod";
import { fieldsOf } from "./field.js";
import { addFlags, flagsGiven } from "./flags.js";

const fields = fieldsOf(
  z.strictObject({
    port: z.number().default(4567).describe("port of the APIs"),
    allowAnonymous: z.boolean().default(false),
    noShardLimits: z.boolean().default(false),
    compress: z.boolean().default(true),
    rootSecretKey: z.string().optional().meta({ secret: true }),
    users: z.array(z.string()).default([]),
  }),
);

function given(...words: string[]): { flags: Record<string, string | boolean>; problems: string[] } {
  const command = new Command("x").exitOverride();
  addFlags(command, fields);
  command.action(() => undefined).parse(words, { from: "user" });
  const { flags, problems } = flagsGiven(command, fields);
  return { flags: Object.fromEntries(flags), problems: problems.map(({ key, message }) => `${key}: ${message}`) };
}

test.each<[string[], Record<string, string | boolean>]>([
  [[], {}],
  [["--port", "1"], { port: "1" }],
  [["--port=1", "--port=2"], { port: "2" }],
  [["--allow-anonymous"], { allowAnonymous: true }],
  [["--no-allow-anonymous"], { allowAnonymous: false }],
  [["--no-shard-limits"], { noShardLimits: true }],
  [["--shard-limits"], { noShardLimits: false }],
  [["--no-compress"], { compress: false }],
  // No value: the schema's reader says that it needs one.
  [["--port", "--allow-anonymous"], { port: true, allowAnonymous: true }],
])("%j", (words, flags) => {
  expect(given(...words)).toEqual({ flags, problems: [] });
});

test("every word that is no flag of the part is reported", () => {
  expect(
    given("--prot", "1", "extra", "--port", "2", "--nonsense=3", "more", "--root-secret-key", "x", "--users").problems,
  ).toEqual([
    "--prot: no such flag; did you mean --port?",
    "extra: a word too many: settings are given as flags",
    "--nonsense: no such flag",
    "more: a word too many: settings are given as flags",
    "--root-secret-key: is no flag; give it as HEADWATER_ROOT_SECRET_KEY or rootSecretKey: in the file",
    "--users: is no flag; give it as users: in the file",
  ]);
});
