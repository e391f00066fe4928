import { type Log, LogError, openLog } from "@headwater/log";
import { FaultDisk, ManualClock, randomOf } from "@headwater/log/testing";
import fc from "fast-check";
import { Registry } from "../../prometheus.js";
import { expect, test } from "vitest";
import type { Acknowledgement } from "../put-media/acknowledgement.js";
import { ArrivingBytes } from "../put-media/arriving-bytes.js";
import { PutMediaSession } from "../put-media/put-media-session.js";
import { fragment, header } from "../testing/producer-document.js";
import { VideoTraffic } from "../video-traffic.js";
import { fragmentNumber, numberPrefix } from "./fragment-number.js";
import { FragmentStore } from "./fragment-store.js";
import { readFragment } from "./read-fragment.js";

const shards = { media: "m", index: "i" };
const prefix = numberPrefix(0);
const clock = new ManualClock();

/** What producers know: which fragments they have, and which number was acknowledged for each. */
interface Producers {
  readonly sent: { readonly timecode: number; readonly name: string }[][];
  readonly persisted: Map<string, string>;
}

/**
 * Two producers send at the same time until the power goes or enough is persisted; what is not acknowledged they send
 * again at the next session.
 */
async function session(disk: FaultDisk, random: () => number, { sent, persisted }: Producers): Promise<void> {
  let log: Log;
  let store: FragmentStore;
  try {
    log = await openLog({ directory: "/d", disk, clock, journals: 2, journalBytesMax: 20_000 });
    await log.createShards([shards.media, shards.index]);
    store = await FragmentStore.open({ log, clock, shards });
  } catch (error) {
    if (disk.isOff && error instanceof LogError) return; // the power went before it was up
    throw error;
  }
  await Promise.all(
    sent.map(async (fragments, producer) => {
      const names = new Map<number, string>();
      const put = new PutMediaSession({
        store,
        numberPrefix: prefix,
        timeBaseMs: 0,
        isBackfill: producer === 1,
        traffic: new VideoTraffic(new Registry()),
        arriving: new ArrivingBytes(),
        acknowledge: (ack: Acknowledgement) => {
          if (ack.event !== "PERSISTED") return;
          persisted.set(names.get(ack.fragment.timecodeMs) ?? "", ack.fragment.number ?? "");
        },
        onFault: ({ code }) => expect(code).toBe("ARCHIVAL_ERROR"),
      });
      const send = async (timecode: number, name: string): Promise<void> => {
        names.set(timecode, name);
        const bytes = fragment(timecode, { name, bytes: Math.floor(random() * 500) * Number(random() < 0.5) });
        known.set(name, known.get(name) ?? bytes);
        const whole = known.get(name)!;
        const at = Math.floor(random() * whole.length);
        for (const part of [whole.subarray(0, at), whole.subarray(at)]) {
          await put.take(part);
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      await put.take(header());
      for (const { timecode, name } of fragments) if (!persisted.has(name)) await send(timecode, name);
      for (let count = 0; count < 8 && !disk.isOff; count++) {
        const timecode = fragments.length * 1000 + producer;
        const name = `p${producer}.${timecode}`;
        fragments.push({ timecode, name });
        await send(timecode, name);
      }
      if (random() < 0.5) await put.end();
      else put.abort();
    }),
  );
  await log.close().catch((error: unknown) => {
    if (!disk.isOff) throw error;
  });
}

/** The bytes of each fragment by its name, so that it is sent again as it was. */
const known = new Map<string, Buffer>();

test("after power cuts at any operation every PERSISTED fragment is there, whole and once, under its number", async () => {
  let crashes = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      known.clear();
      const random = randomOf(seed);
      const producers: Producers = { sent: [[], []], persisted: new Map() };
      let disk = new FaultDisk(seed);
      for (let round = 0; round < 4; round++) {
        const cutAt = Math.floor(random() * 150);
        disk.plan = ({ number }) => (number >= cutAt ? "power-cut" : undefined);
        await session(disk, random, producers);
        crashes += Number(disk.isOff);
        disk = disk.powerOn();
      }
      const log = await openLog({ directory: "/d", disk, clock });
      await log.createShards([shards.media, shards.index]);
      const store = await FragmentStore.open({ log, clock, shards });
      const found = new Map<string, string>();
      for (const entry of store.published(0)) {
        const frames: string[] = [];
        for await (const parts of readFragment(log, shards.media, entry)) {
          for (const part of parts) if (part.kind === "frame") frames.push(String(part.frame.data).split("\0", 1)[0]!);
        }
        const name = frames[0]?.split("/", 1)[0] ?? "";
        expect(frames).toEqual([0, 200, 400, 600, 800].map((at) => `${name}/${at}`));
        expect(found.has(name), `${name} is there twice`).toBe(false);
        found.set(name, fragmentNumber(prefix, entry.begin));
      }
      for (const [name, number] of producers.persisted) expect([name, found.get(name)]).toEqual([name, number]);
      await log.close();
    }),
    { numRuns: 40, endOnFailure: true },
  );
  expect(crashes).toBeGreaterThan(40);
}, 60_000);
