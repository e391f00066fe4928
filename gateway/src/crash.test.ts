import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ExactUpstream, type Fault } from "./testing/exact-upstream.js";
import { RamDisk } from "./testing/ram-disk.js";
import { openSpool, readDeadLetters, type SpoolOnDisk } from "./testing/spool-on-disk.js";
import { type DeviceRecord, SpooledDevice } from "./testing/spooled-device.js";

const SPOOL_ID = "3f1c0f2e-6d0a-4c2b-9a51-0d7c5a6b7c8d";

/** Numbers from 0 up to below 1 that a seed decides. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

function recordsOf(count: number, poisonEvery: number): DeviceRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    stream: i % 7 === 3 ? "t" : "s",
    partitionKey: `key-${i % 5}`,
    data: i % poisonEvery === poisonEvery - 1 ? `poison ${i}` : `record ${i}`,
  }));
}

function faultOf(random: () => number): Fault {
  const roll = random();
  if (roll < 0.1) return { kind: "lost-request" };
  if (roll < 0.25) return { kind: "lost-answer" };
  if (roll < 0.45) return { kind: "rejected", from: Math.floor(random() * 6) };
  return { kind: "none" };
}

/** Opens the gateway, sends and forwards, until all is done or the power goes. */
async function live(disk: RamDisk, upstream: ExactUpstream, device: SpooledDevice, random: () => number) {
  let gateway: SpoolOnDisk | undefined;
  const isOff = (): boolean => disk.isOff;
  try {
    gateway = await openSpool(disk, { upstream });
    while (!isOff() && !(device.isDone && gateway.spool.records === 0)) {
      await device.connect(gateway.ingest, () => 1 + Math.floor(random() * 6));
      const roll = random();
      if (roll < 0.3) await gateway.spool.sweep();
      else if (roll < 0.5) await gateway.journal.snapshot();
      await nextTurn();
    }
  } catch (error) {
    if (!isOff()) throw error;
  }
  await gateway?.stop();
  return gateway;
}

const plan = fc.record({
  seed: fc.nat(),
  /** Writes and syncs until each power cut. */
  cuts: fc.array(fc.nat(120), { maxLength: 8 }),
  /** Of the unsynced writes, how many parts of 4 had reached the disk. */
  kept: fc.nat(4),
  poisonEvery: fc.integer({ min: 15, max: 100 }),
  reshardAfter: fc.nat(8),
});

test("whatever is lost on the way and wherever the power goes: all arrives once, in order for each key", async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ seed, cuts, kept, poisonEvery, reshardAfter }) => {
      const random = seeded(seed);
      const records = recordsOf(80, poisonEvery);
      const device = new SpooledDevice("cam", SPOOL_ID, records);
      const upstream = new ExactUpstream(2);
      upstream.fault = () => faultOf(random);
      upstream.isPoison = ({ data }) => Buffer.from(data).toString().startsWith("poison");
      let disk = new RamDisk();
      for (const [i, cut] of cuts.entries()) {
        if (i === reshardAfter) upstream.reshard(3);
        disk.powerCutAfter = cut;
        await live(disk, upstream, device, random);
        disk = disk.powerOn((unsynced) => Math.floor((unsynced * kept) / 4));
      }
      const gateway = await live(disk, upstream, device, random);

      expect(upstream.violations).toEqual([]);
      for (const stream of ["s", "t"]) {
        const isGood = (record: DeviceRecord): boolean => record.stream === stream && record.data.startsWith("record");
        for (const key of new Set(records.map(({ partitionKey }) => partitionKey))) {
          const arrived = (upstream.taken.get(stream) ?? []).filter(({ partitionKey }) => partitionKey === key);
          const sent = records.filter((record) => isGood(record) && record.partitionKey === key);
          expect(arrived.map(({ data }) => data)).toEqual(sent.map(({ data }) => data));
        }
      }
      const poisoned = records.filter(({ data }) => data.startsWith("poison")).length;
      const letters = gateway === undefined ? [] : await readDeadLetters(gateway.log);
      expect(new Set(letters.map((letter) => letter["payload"])).size).toBe(poisoned);
      expect(letters.every(({ reason }) => reason === "refused-upstream")).toBe(true);
      expect(gateway?.troubles).toEqual([]);
      await gateway?.log.close();
    }),
    { numRuns: 30 },
  );
});
