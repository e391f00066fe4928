import { LogError } from "@headwater/log";
import { beforeEach, expect, test } from "vitest";
import { decodeSpoolState, newSpoolState, type SpoolState } from "../spool/spool-state.js";
import { StateStore } from "../spool/state-store.js";
import { deferred } from "../testing/deferred.js";
import { ManualClock } from "../testing/manual-clock.js";
import { CaptureClock, HOLD_MS_MAX } from "./capture-clock.js";
import type { Capture, CaptureTime } from "./clock-era.js";

let clock: ManualClock;
let stored: SpoolState;
/** What the disk does with a state; tests exchange it. */
let putState: (state: SpoolState) => Promise<void>;
let stopping: AbortController;

beforeEach(() => {
  clock = new ManualClock();
  stored = newSpoolState(0);
  putState = () => Promise.resolve();
  stopping = new AbortController();
});

/** A process that begins on what is stored. */
function start(): CaptureClock {
  const log = {
    async putState(_shard: string, bytes: Uint8Array) {
      const state = decodeSpoolState(bytes);
      if (state === undefined) throw new TypeError("not a state");
      await putState(state);
      stored = state;
    },
  };
  const ordinal = stored.boot.id === clock.bootId ? stored.boot.ordinal : stored.boot.ordinal + 1;
  const store = new StateStore(log, "records", stored);
  return new CaptureClock(clock, store, { ordinal, id: clock.bootId }, () => undefined);
}

/** Looks at the clock once, as every second. */
async function look(captureClock: CaptureClock): Promise<void> {
  const once = new AbortController();
  const watching = captureClock.watch(once.signal);
  once.abort();
  await watching;
}

/** Lets everything run that waits for no clock. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

async function sendNow(captureClock: CaptureClock, capture: Capture): Promise<CaptureTime | undefined> {
  let times: readonly (CaptureTime | undefined)[] | undefined;
  void captureClock.timesToSend([capture], stopping.signal).then((settled) => (times = settled));
  await settle();
  if (times === undefined) throw new Error("held");
  return times[0];
}

test("a synchronised clock dates at once, and writes its era once", async () => {
  let writes = 0;
  putState = () => Promise.resolve(void writes++);
  const captureClock = start();
  await look(captureClock);
  for (let i = 0; i < 5; i++) {
    clock.advance(1_000);
    await look(captureClock);
    const wallMs = clock.now();
    expect(await sendNow(captureClock, captureClock.capture())).toEqual({
      captureMs: wallMs,
      clockUnsynchronised: false,
    });
  }
  expect(writes).toBe(1);
});

test("an unsynchronised clock is waited for, and what it captured gets the right time", async () => {
  clock.isSynchronised = false;
  const captureClock = start();
  await look(captureClock);
  const capture = captureClock.capture();
  const wrongMs = clock.now();
  const sending = captureClock.timesToSend([capture], stopping.signal);
  await settle();
  clock.advance(10_000);
  clock.step(86_400_000);
  clock.isSynchronised = true;
  await look(captureClock);
  clock.advance(1_000);
  expect(await sending).toEqual([{ captureMs: wrongMs + 86_400_000, clockUnsynchronised: false }]);
});

test("after 30 s it is waited for no longer: records go flagged, and their times stand", async () => {
  clock.isSynchronised = false;
  const captureClock = start();
  await look(captureClock);
  const capture = captureClock.capture();
  const captureMs = clock.now();
  let isSent = false;
  const sending = captureClock.timesToSend([capture], stopping.signal);
  void sending.then(() => (isSent = true));
  for (let waitedMs = 0; waitedMs < HOLD_MS_MAX; waitedMs += 1_000) {
    await settle();
    expect(isSent).toBe(false);
    clock.advance(1_000);
  }
  const time = { captureMs, clockUnsynchronised: true };
  expect(await sending).toEqual([time]);
  const later = captureClock.capture();
  expect(await sendNow(captureClock, later)).toMatchObject({ clockUnsynchronised: true }); // waited for once only

  clock.advance(1_000);
  clock.step(86_400_000);
  clock.isSynchronised = true;
  await look(captureClock);
  expect(await sendNow(captureClock, capture)).toEqual(time);
  expect(await sendNow(captureClock, captureClock.capture())).toMatchObject({ clockUnsynchronised: false });
  expect(await sendNow(start(), capture)).toEqual(time); // nor does a restart change it
});

test("the times are durable before a record is sent with them", async () => {
  clock.isSynchronised = false;
  const captureClock = start();
  await look(captureClock);
  const capture = captureClock.capture();
  const sending = captureClock.timesToSend([capture], stopping.signal);
  await settle();
  const disk = deferred();
  putState = () => disk.promise;
  let isSent = false;
  void sending.then(() => (isSent = true));
  clock.advance(HOLD_MS_MAX);
  await settle();
  expect(isSent).toBe(false);
  disk.resolve();
  await sending;
  expect(stored.eras.at(-1)?.frozenToMonotonicMs).toBeGreaterThan(capture.monotonicMs);
});

test("sending by an unsynchronised clock costs a write a minute", async () => {
  clock.isSynchronised = false;
  const captureClock = start();
  await look(captureClock);
  clock.advance(1);
  const first = captureClock.timesToSend([captureClock.capture()], stopping.signal);
  await settle();
  clock.advance(HOLD_MS_MAX);
  await first;
  let writes = 0;
  putState = () => Promise.resolve(void writes++);
  for (let second = 0; second < 300; second++) {
    clock.advance(1_000);
    await sendNow(captureClock, captureClock.capture());
  }
  expect(writes).toBeGreaterThanOrEqual(4);
  expect(writes).toBeLessThanOrEqual(5);
});

test("a full disk does not stop what would free it", async () => {
  clock.isSynchronised = false;
  const captureClock = start();
  await look(captureClock);
  putState = () => Promise.reject(new LogError("disk-full", "full"));
  const captureMs = clock.now();
  const sending = captureClock.timesToSend([captureClock.capture()], stopping.signal);
  await settle();
  clock.advance(HOLD_MS_MAX);
  expect(await sending).toEqual([{ captureMs, clockUnsynchronised: true }]);
});

test("the first record after a step counts by the new clock, those before it by the old", async () => {
  const captureClock = start();
  await look(captureClock);
  const before = captureClock.capture();
  const beforeMs = clock.now();
  clock.advance(10);
  clock.step(-3_600_000);
  const after = captureClock.capture();
  const afterMs = clock.now();
  expect(await sendNow(captureClock, after)).toEqual({ captureMs: afterMs, clockUnsynchronised: false });
  expect(await sendNow(captureClock, before)).toEqual({ captureMs: beforeMs, clockUnsynchronised: false });
});

test("a step that the disk did not take yet is dated by no one", async () => {
  const captureClock = start();
  await look(captureClock);
  clock.advance(10);
  clock.step(3_600_000);
  const disk = deferred();
  putState = () => disk.promise;
  const capture = captureClock.capture();
  const captureMs = clock.now();
  let isSent = false;
  const sending = captureClock.timesToSend([capture], stopping.signal);
  void sending.then(() => (isSent = true));
  await settle();
  expect(isSent).toBe(false);
  disk.resolve();
  expect(await sending).toEqual([{ captureMs, clockUnsynchronised: false }]);
});

test("records of an earlier boot are not waited for: nothing can correct them any more", async () => {
  clock.isSynchronised = false;
  const before = start();
  await look(before);
  const capture = before.capture();
  const captureMs = clock.now();
  clock.reboot(clock.now() + 60_000);
  const captureClock = start();
  await look(captureClock);
  expect(captureClock.capture().boot).toBe(capture.boot + 1);
  expect(await sendNow(captureClock, capture)).toEqual({ captureMs, clockUnsynchronised: true });
});

test("waiting ends when the device stops", async () => {
  clock.isSynchronised = false;
  const captureClock = start();
  await look(captureClock);
  const sending = captureClock.timesToSend([captureClock.capture()], stopping.signal);
  await settle();
  stopping.abort();
  await sending;
  expect(clock.sleeping).toBe(0);
});
