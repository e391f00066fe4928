import { Gauge, type Registry } from "../prometheus.js";
import type { StreamService } from "./stream-service.js";

/** Beyond, those that are least behind are not shown. */
const SERIES_MAX = 1000;

/** Shows how far behind the tip of each stream its readers by GetRecords were lately, as AWS's IteratorAgeMilliseconds does. */
export function showIteratorAge(registry: Registry, service: StreamService, now: () => number): void {
  const gauge: Gauge<"stream"> = new Gauge({
    name: "headwater_cloud_get_records_iterator_age_milliseconds",
    help: "The most that a GetRecords call of this minute or the last was behind the stream's tip",
    labelNames: ["stream"],
    registers: [registry],
    collect: () => {
      gauge.reset();
      const ages = service.listStreams().flatMap(({ name }) => {
        const age = ageOf(name, service, now());
        return age === undefined ? [] : [{ stream: name, age }];
      });
      for (const { stream, age } of ages.toSorted((a, b) => b.age - a.age).slice(0, SERIES_MAX)) {
        gauge.set({ stream }, age);
      }
    },
  });
}

function ageOf(name: string, service: StreamService, nowMs: number): number | undefined {
  const stream = service.lookUp(name);
  if (stream?.isServing !== true) return undefined;
  const ages = stream.shards.flatMap((shard) => shard.flow.iteratorAgeMs.at(nowMs) ?? []);
  return ages.length === 0 ? undefined : ages.reduce((most, age) => Math.max(most, age));
}
