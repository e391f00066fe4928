import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Histogram, Registry } from "./prometheus.js";
import { RequestSeconds } from "./request-seconds.js";

const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

test("durations are shown as the library's own histogram shows them", async () => {
  const operation = fc.constantFrom("PutRecord", "GetRecords", "unknown");
  const seconds = fc.oneof(fc.constantFrom(0, ...BOUNDS_S), fc.double({ min: 0, max: 20, noNaN: true }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(operation, seconds)), async (requests) => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const durations = new RequestSeconds(ours);
      const histogram = new Histogram({
        name: "headwater_cloud_request_seconds",
        help: "Time from a request's headers to its answer, body included",
        labelNames: ["operation"],
        buckets: BOUNDS_S,
        registers: [theirs],
      });
      for (const [name, took] of requests) {
        durations.of(name).observe(took);
        histogram.labels(name).observe(took);
      }
      expect(await ours.metrics()).toBe(await theirs.metrics());
    }),
  );
});
