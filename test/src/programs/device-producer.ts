import { Device } from "@headwater/device/sdk";
import { payloadOf, type RecordId } from "./history.js";
import { HistoryFile, lastCounters, readHistory } from "./history-file.js";

/**
 * A program that a customer could have written: puts numbered records through the SDK, several at a time, and keeps its own
 * history. May be killed at any moment and started again. SIGUSR2 ends the putting, SIGTERM the program.
 * stdout: `ready`, `acked <count>` as it goes, `finished` once every put settled after SIGUSR2.
 */
interface Settings {
  readonly id: string;
  readonly gateway: string;
  readonly data: string;
  readonly history: string;
  readonly stream: string;
  readonly keys: readonly string[];
  readonly everyMs: number;
}

const [, , argument = ""] = process.argv;
const settings = JSON.parse(argument) as Settings;
const PUTS_AT_ONCE_MAX = 64;
/** Puts a key at each round: enough of them at once that a kill finds some in flight. */
const PUTS_PER_KEY = 4;

const counters = lastCounters(readHistory(settings.history, settings.id, "exactly-once"));
const history = new HistoryFile(settings.history);
const device = await Device.open({ id: settings.id, gateway: settings.gateway, data: settings.data });

let inFlight = 0;
let acked = 0;
let isFinishing = false;

const timer = setInterval(() => {
  // Not awaited one by one: the order of the calls alone has to give the order of the records.
  for (let i = 0; i < PUTS_PER_KEY; i++) {
    for (const key of settings.keys) if (inFlight < PUTS_AT_ONCE_MAX) put(key).catch(fail);
  }
}, settings.everyMs);

process.on("SIGUSR2", () => {
  isFinishing = true;
  clearInterval(timer);
  if (inFlight === 0) say("finished");
});
process.on("SIGTERM", () => {
  clearInterval(timer);
  device
    .close()
    .then(() => history.close())
    .catch(fail);
});
// Whoever reads it may send a signal at once.
say("ready");

async function put(key: string): Promise<void> {
  const id: RecordId = { producer: settings.id, key, counter: (counters.get(key) ?? 0) + 1 };
  counters.set(key, id.counter);
  history.tried([id]);
  inFlight += 1;
  await device.putRecord({ stream: settings.stream, partitionKey: key, data: payloadOf(id) });
  history.acked([id]);
  inFlight -= 1;
  acked += 1;
  say(`acked ${acked}`);
  if (isFinishing && inFlight === 0) say("finished");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
