import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { Registry } from "../prometheus.js";
import { expect, onTestFinished, test } from "vitest";
import { ConsoleMetrics } from "./console-metrics.js";
import { StateGatherer, type StreamSource } from "./console-state.js";
import { LiveConsole } from "./live-console.js";

test("a page that takes nothing for 30 s loses its place and is counted; one that reads keeps it", async () => {
  const { live, registry } = liveConsole({ listStreams: () => [], shardViews: () => [] });
  const [stalled, reading] = [page(), page()];
  reading.stream.resume();
  const cut = once(stalled.stream, "close");
  live.add("sensors", stalled.response);
  live.add("sensors", reading.response);
  for (let second = 0; second < 60 && !stalled.stream.destroyed; second++) {
    for (let i = 0; i < 10; i++) await live.tick();
    // Streams do their work between turns of the loop.
    await setImmediate();
    expect(second).toBeLessThan(35);
  }
  await cut;
  expect(reading.stream.destroyed).toBe(false);
  expect(live.clients).toBe(1);
  expect(await registry.getSingleMetricAsString("headwater_console_stalled_clients_total")).toMatch(/ 1$/m);
});

test("a stream that cannot be read is reported once until it can be read again, and counted each time", async () => {
  let isBroken = true;
  const streams: StreamSource = {
    listStreams: () => [],
    shardViews: () => {
      if (isBroken) throw new Error("the disk is gone");
      return [];
    },
  };
  const { live, registry, reports } = liveConsole(streams);
  live.add("sensors", page().response);
  for (const [broken, reported] of [
    [true, 1],
    [true, 1],
    [false, 1],
    [true, 2],
  ] as const) {
    isBroken = broken;
    await live.tick();
    expect(reports).toHaveLength(reported);
  }
  expect(await registry.getSingleMetricAsString("headwater_console_read_failures_total")).toMatch(/ 3$/m);
});

/** Ticks come from the test: the timer of its own is too slow to interfere. */
function liveConsole(streams: StreamSource): { live: LiveConsole; registry: Registry; reports: string[] } {
  const registry = new Registry();
  const reports: string[] = [];
  const facts = { region: "us-east-1", accountId: "000000000000", startedMs: 0 };
  const live: LiveConsole = new LiveConsole({
    streams,
    gatherer: new StateGatherer(facts, streams, { list: () => [] }),
    clock: { now: () => 0 },
    clientsMax: 16,
    metrics: new ConsoleMetrics(registry, () => live.clients),
    readFailed: (streamName) => reports.push(streamName),
  });
  onTestFinished(() => live.close());
  return { live, registry, reports };
}

interface FakePage {
  readonly stream: PassThrough;
  readonly response: ServerResponse;
}

/** A response that is full at once, like one whose browser does not read. */
function page(): FakePage {
  const stream = new PassThrough({ highWaterMark: 1 });
  return { stream, response: stream as unknown as ServerResponse };
}
