const SHAPE = /^(?:[^-]*-)?(\d+)$/;
const NUMBER_MAX = 2 ** 31 - 1;

/** `shardId-000000000007` for the stream's shard number 7. */
export function formatShardId(shardNumber: number): string {
  return `shardId-${String(shardNumber).padStart(12, "0")}`;
}

/** The number in a shard id. As AWS, reads `7` and `shard-7` alike; undefined where there is none. */
export function parseShardId(shardId: string): number | undefined {
  const number = Number(SHAPE.exec(shardId)?.[1] ?? Number.NaN);
  return number <= NUMBER_MAX ? number : undefined;
}
