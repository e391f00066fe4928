import type { StoredFrame } from "@headwater/log";
import { encodePiece, lanes } from "@headwater/protocol";
import { beforeEach, expect, test } from "vitest";
import { encodeNote } from "./fragment-note.js";
import { FragmentQueue, LIVE_MS_MAX, type QueuedFragment } from "./fragment-queue.js";
import { VIDEO_TRACK } from "./testing/camera.js";

let queue: FragmentQueue;
let strays: number;
let position: number;

beforeEach(() => {
  strays = 0;
  position = 0;
  queue = new FragmentQueue(0, () => strays++);
});

interface Given {
  readonly fragment: number;
  readonly index: number;
  readonly isLast?: boolean;
  readonly device?: string;
  readonly spoolId?: string;
  readonly lane?: number;
  readonly atMs?: number;
}

function take(...given: readonly Given[]): void {
  for (const { fragment, index, isLast = false, device = "cam", spoolId = "s", ...more } of given) {
    const { lane = lanes.videoLive, atMs = 0 } = more;
    const piece = {
      stream: "door",
      fragment,
      index,
      isLast,
      clockUnsynchronised: false,
      producerMs: fragment * 1000,
      ...(index === 0 ? { tracks: [VIDEO_TRACK] } : {}),
      slices: [],
    };
    takeFrame({
      position,
      arrivalMs: atMs,
      origin: { producer: device, spoolId, request: position, entry: lane },
      data: encodePiece(piece),
    });
  }
}

function takeFrame(frame: StoredFrame): void {
  queue.take([frame], ++position);
}

/** A whole fragment in two pieces. */
function whole(fragment: number, more: Partial<Given> = {}): Given[] {
  return [
    { fragment, index: 0, ...more },
    { fragment, index: 1, isLast: true, ...more },
  ];
}

function settle(fragment: QueuedFragment | undefined): void {
  expect(fragment).toBeDefined();
  if (fragment !== undefined) queue.settle(fragment, "persisted");
}

test("a fragment can be begun with its first piece, and is complete with its last", () => {
  take({ fragment: 1, index: 0 });
  const fragment = queue.nextLive(0);
  expect(fragment).toMatchObject({
    id: { device: "cam", fragment: 1 },
    producerMs: 1000,
    pieces: 1,
    isComplete: false,
  });
  take({ fragment: 1, index: 1, isLast: true });
  expect(fragment).toMatchObject({ pieces: 2, isComplete: true, lastPosition: 1 });
});

test("a fragment without an end is complete when its device's lane goes on with another", () => {
  take({ fragment: 1, index: 0 }, { fragment: 1, index: 0, device: "other" }, { fragment: 2, index: 0 });
  const states = [1, 2, 3].map(() => {
    const next = queue.nextLive(0);
    if (next !== undefined) queue.begin(next);
    return next?.isComplete;
  });
  expect(states).toEqual([true, false, false]);
});

test("pieces without their beginning, or behind a gap, are strays and hold nothing up", () => {
  take({ fragment: 1, index: 3 }, { fragment: 2, index: 0 }, { fragment: 2, index: 2, isLast: true }, ...whole(3));
  expect(strays).toBe(2);
  const second = queue.nextLive(0);
  expect(second).toMatchObject({ id: { fragment: 2 }, pieces: 1, isComplete: true });
  settle(second);
  settle(queue.nextLive(0));
  expect(queue.released()).toBe(5);
});

test("released is what lies before the first fragment that is not dealt with, whatever is dealt with behind it", () => {
  take(...whole(1), ...whole(2), { fragment: 3, index: 0 });
  const first = queue.nextLive(0);
  if (first !== undefined) queue.begin(first);
  settle(queue.nextLive(0));
  expect(queue.released()).toBe(0);
  expect(queue.waiting).toBe(2);
  settle(first);
  expect(queue.released()).toBe(4);
});

test("what a note says is dealt with is not sent again", () => {
  take(...whole(1), ...whole(2));
  const id = { device: "cam", spoolId: "s", lane: lanes.videoLive, fragment: 1 };
  takeFrame({ position, arrivalMs: 0, data: encodeNote(id, "persisted") });
  expect(queue.nextLive(0)).toMatchObject({ id: { fragment: 2 } });
  expect(queue.released()).toBe(2);
});

test("what is late goes by backfill, the lowest time first, but never the newest, nor what is not complete", () => {
  take(...whole(5), ...whole(4), { fragment: 6, index: 0 }, ...whole(7, { atMs: 10 }));
  expect(queue.nextBackfill()).toBeUndefined();
  const nowMs = LIVE_MS_MAX + 20;
  expect(queue.nextLive(nowMs)).toMatchObject({ id: { fragment: 7 } });
  const order = [1, 2, 3, 4].map(() => {
    const next = queue.nextBackfill();
    if (next !== undefined) queue.begin(next);
    return next?.id.fragment;
  });
  // The next fragment of its lane has ended the sixth.
  expect(order).toEqual([4, 5, 6, undefined]);
});

test.each<[string, Partial<Given>, Partial<Given>]>([
  ["whose card was replaced", {}, { spoolId: "new", atMs: 1_000 }],
  ["that nothing has come of for an hour, while another sends", {}, { device: "other", atMs: 3_600_001 }],
])("what a device left unfinished %s goes as it is, and holds nothing up", (_, left, next) => {
  take({ fragment: 1, index: 0, ...left }, ...whole(2, next));
  const first = queue.nextLive(0);
  expect(first).toMatchObject({ id: { fragment: 1 }, pieces: 1, isComplete: true });
  settle(first);
  expect(queue.released()).toBe(1);
});

test.each<[string, readonly Given[]]>([
  ["by its other lane", whole(2, { lane: lanes.videoBackfill, atMs: 7_200_000 })],
  ["within the hour", whole(2, { device: "other", atMs: 3_599_999 })],
])("what a device left unfinished may go on where it was heard of %s", (_, between) => {
  take({ fragment: 1, index: 0 }, ...between, { fragment: 1, index: 1, isLast: true, atMs: 7_200_001 });
  expect(strays).toBe(0);
  expect(queue.nextLive(0)).toMatchObject({ id: { fragment: 1 }, pieces: 2, isComplete: true });
});

test("what is passed over goes when there is nothing else", () => {
  const late = { atMs: 0, lane: lanes.videoBackfill };
  take(...whole(1, late), ...whole(2, late));
  const first = queue.nextBackfill();
  const second = queue.nextBackfill(first);
  expect([first?.id.fragment, second?.id.fragment]).toEqual([1, 2]);
  settle(second);
  expect(queue.nextBackfill(first)).toBe(first);
});

test("a call that ends within a fragment counts against it only where another was persisted in between", () => {
  take(...whole(1), ...whole(2), ...whole(3));
  const [first, second, third] = [0, 1, 2].map(() => {
    const next = queue.nextLive(0);
    if (next !== undefined) queue.begin(next);
    return next!;
  });
  const breaks = (): number => queue.brokeWithin(first!);
  expect([breaks(), breaks(), breaks()]).toEqual([1, 1, 1]);
  queue.settle(second!, "refused");
  expect(breaks()).toBe(1);
  queue.settle(third!, "persisted");
  expect([breaks(), breaks()]).toEqual([2, 2]);
});

test("the newest fragment is not begun while it does not go on", () => {
  take({ fragment: 1, index: 0 });
  expect(queue.nextLive(LIVE_MS_MAX + 1)).toBeUndefined();
  take({ fragment: 1, index: 1, atMs: 60_000 });
  expect(queue.nextLive(60_001)).toMatchObject({ id: { fragment: 1 } });
});

test("a silent fragment is stalled only while another's newer one waits", () => {
  take({ fragment: 1, index: 0 });
  const fragment = queue.nextLive(0);
  expect(fragment && queue.isStalled(fragment, LIVE_MS_MAX + 1)).toBe(false);
  take({ fragment: 9, index: 0, device: "other", atMs: LIVE_MS_MAX });
  expect(fragment && queue.isStalled(fragment, LIVE_MS_MAX)).toBe(false);
  expect(fragment && queue.isStalled(fragment, LIVE_MS_MAX + 1)).toBe(true);
});
