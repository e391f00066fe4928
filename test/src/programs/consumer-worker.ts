import { Consumer, type ConsumerEvent } from "@headwater/client";

/**
 * One worker of an application: says of each record that it has seen it, and asks for the next once that is in the pipe. May be
 * killed at any moment. SIGTERM ends it in order, SIGUSR2 shows its status.
 * stdout: `ready`, then `seen <monotonic ns> <shard> <partition key> <data>`.
 */
interface Settings {
  readonly endpoint: string;
  readonly stream: string;
  readonly application: string;
  readonly failoverTimeMs: number;
  readonly read: "poll" | "fan-out";
}

const [, , argument = ""] = process.argv;
const { endpoint, ...options } = JSON.parse(argument) as Settings;

const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
/** What an investigator wants to see of a failure. */
const report = (event: ConsumerEvent): void => {
  const message = "error" in event ? event.error.message : undefined;
  process.stderr.write(`${JSON.stringify({ ...event, error: message, atMs: performance.now() })}\n`);
};
const aws = { endpoint };
const consumer = await Consumer.open({ ...options, aws, shardSyncMs: 5_000, signal: stop.signal, report });
process.on("SIGUSR2", () => process.stderr.write(`${JSON.stringify(consumer.status())}\n`));
await say("ready");
try {
  for await (const { shardId, partitionKey, data } of consumer) {
    // The monotonic clock is the machine's, the same for all processes.
    await say(`seen ${process.hrtime.bigint()} ${shardId} ${partitionKey} ${Buffer.from(data).toString()}`);
  }
} finally {
  await consumer.close();
}

function say(line: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${line}\n`, () => resolve());
  });
}
