import { Command, Option } from "commander";
import type { StreamReplayer } from "./part.js";
import { isBug } from "./run/start-failure.js";

/** `headwater replay`: ends with 1 where it fails or is interrupted. */
export function replayCommand(replayer: StreamReplayer): Command {
  const command = new Command("headwater replay")
    .description(replayer.summary)
    .exitOverride()
    .helpCommand(false)
    .argument("<from>", "stream to read")
    .argument("<to>", "stream to put into; it is not made")
    .requiredOption("--start <time>", "records that arrived then or later, such as 2026-01-31T12:00Z")
    .option("--end <time>", "and before then; now if absent")
    .addOption(
      new Option("--endpoint <url>", "address of the cloud").env("HEADWATER_ENDPOINT").default("http://127.0.0.1:4567"),
    )
    .option("--to-endpoint <url>", "address of the cloud that has the other stream, where that is another")
    .addOption(
      new Option("--region <region>", "region that the clouds ask for").env("AWS_REGION").default("us-east-1"),
    );
  return command.action(async (from: string, to: string) => {
    const stop = new AbortController();
    const interrupt = (): void => stop.abort(new Error("interrupted: what was read until then has been put"));
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    try {
      const { stdout, stderr } = process;
      await replayer.run(from, to, command.opts(), { stdout, stderr, signal: stop.signal });
    } catch (error) {
      if (isBug(error)) throw error;
      process.stderr.write(`headwater replay: ${(error as Error).message}\n`);
      process.exitCode = 1;
    } finally {
      process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    }
  });
}
