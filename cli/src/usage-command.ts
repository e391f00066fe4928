import { Command, Option } from "commander";
import type { UsageReporter } from "./part.js";
import { isBug } from "./run/start-failure.js";

/** `headwater usage`: asks a running cloud, and ends with 1 where that fails. */
export function usageCommand(reporter: UsageReporter): Command {
  const command = new Command("headwater usage")
    .description(reporter.summary)
    .usage("[flags]")
    .exitOverride()
    .helpCommand(false)
    .addOption(
      new Option("--endpoint <url>", "address of the cloud").env("HEADWATER_ENDPOINT").default("http://127.0.0.1:4567"),
    )
    .addOption(new Option("--region <region>", "region that the cloud asks for").env("AWS_REGION").default("us-east-1"))
    .option("--data <directory>", "the cloud's data directory, whose keys sign; without it, the environment's")
    .option(
      "--from <time>",
      "first hour, such as 2026-01-31 or 2026-01-31T12:00Z; the beginning of this month if absent",
    )
    .option("--to <time>", "end of the last hour; now if absent")
    .option("--prices <file>", "JSON file of prices that differ from AWS's for us-east-1")
    .option("--json", "the same as JSON", false);
  return command.action(async () => {
    try {
      await reporter.run(command.opts(), { environment: process.env, stdout: process.stdout });
    } catch (error) {
      if (isBug(error)) throw error;
      process.stderr.write(`headwater usage: ${(error as Error).message}\n`);
      process.exitCode = 1;
    }
  });
}
