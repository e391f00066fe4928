import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { z } from "zod";
import { loadReplayer, loadUsage, parts } from "./parts.js";
import { partCommand } from "./part-command.js";
import { replayCommand } from "./replay-command.js";
import { usageCommand } from "./usage-command.js";

const { version } = z.object({ version: z.string() }).parse(createRequire(import.meta.url)("../package.json"));

/**
 * The `headwater` command.
 * @param argv what follows the command's name.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const [name = "", ...rest] = argv;
  const load = Object.hasOwn(parts, name) ? parts[name] : undefined;
  try {
    if (load !== undefined) await partCommand(await load(), rest, { environment: process.env, readFile });
    else if (name === "usage") await usageCommand(await loadUsage()).parseAsync(rest, { from: "user" });
    else if (name === "replay") await replayCommand(await loadReplayer()).parseAsync(rest, { from: "user" });
    else await topCommand().then((command) => command.parseAsync([...argv], { from: "user" }));
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has said why. Its 1 for mistakes becomes 2, the code of every mistake in how a command was given.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}

/** Only `--help` and `--version` get here, and names that are no command. */
async function topCommand(): Promise<Command> {
  const command = new Command("headwater")
    .description("Kinesis from the camera to the lake, on hardware you own.")
    .version(version)
    .exitOverride();
  for (const [name, load] of Object.entries(parts))
    command
      .command(name)
      .summary((await load()).summary)
      .exitOverride();
  command
    .command("usage")
    .summary((await loadUsage()).summary)
    .exitOverride();
  command
    .command("replay")
    .summary((await loadReplayer()).summary)
    .exitOverride();
  command.addHelpText("after", "\n`headwater <part> --help` shows the settings of each.");
  return command.helpCommand(false);
}
