import { type Disk, openLog } from "@headwater/log";
import { FaultDisk, ManualClock } from "@headwater/log/testing";
import { expect, test, vi } from "vitest";
import { type Answer, TestService, texts } from "../../testing/test-service.js";

test("a record is pushed once it is synced, and not before, without reading it back from the disk", async () => {
  const clock = new ManualClock();
  const disk = new SlowDisk(new FaultDisk(1));
  const log = await openLog({ directory: "/log", disk, clock });
  const it = await TestService.start({ on: { log, clock } });
  await it.createStream("s");
  const StreamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
  const { Consumer } = await it.call("RegisterStreamConsumer", { StreamARN, ConsumerName: "c" });
  const { ConsumerARN } = Consumer as { ConsumerARN: string };
  const StartingPosition = { Type: "LATEST" };
  const { events } = await it.subscribe({ ConsumerARN, ShardId: "0", StartingPosition });
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { content } of events) {
      seen.push(...texts(content.toValues() as Answer));
      if (seen.length === 2) return;
    }
  })();

  await it.put("s", "one");
  await vi.waitFor(() => expect(seen).toEqual(["one"]), { interval: 1 });
  const syncing = disk.holdSyncs();
  const putting = it.put("s", "two");
  await syncing; // written, and readable by whoever would look at the file
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual(["one"]);
  disk.letSync();
  await putting;
  await reading;
  expect(seen).toEqual(["one", "two"]);
  expect(disk.reads).toBe(0);
  await it.close();
  await log.close();
});

/** A disk whose syncs can be held, and that counts reads. */
class SlowDisk implements Disk {
  reads = 0;
  readonly #disk: Disk;
  #held: { readonly until: Promise<void>; readonly isAsked: () => void } | undefined;
  letSync = (): void => undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Resolves once somebody waits for a sync. */
  holdSyncs(): Promise<void> {
    return new Promise((isAsked) => {
      const until = new Promise<void>((resolve) => {
        this.letSync = resolve;
      });
      this.#held = { until, isAsked };
    });
  }

  async open(...args: Parameters<Disk["open"]>): ReturnType<Disk["open"]> {
    const file = await this.#disk.open(...args);
    return {
      write: (...given) => file.write(...given),
      read: (...given) => {
        this.reads += 1;
        return file.read(...given);
      },
      truncate: (bytes) => file.truncate(bytes),
      size: () => file.size(),
      close: () => file.close(),
      sync: async () => {
        this.#held?.isAsked();
        await this.#held?.until;
        await file.sync();
      },
    };
  }

  makeDirectory(path: string): Promise<void> {
    return this.#disk.makeDirectory(path);
  }

  list(directory: string): Promise<string[]> {
    return this.#disk.list(directory);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#disk.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#disk.remove(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#disk.syncDirectory(path);
  }
}
