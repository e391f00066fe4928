import fc from "fast-check";
import { expect, test } from "vitest";
import { SlabPool } from "../slab-pool.js";
import { type AppendBlock, AppendMemory } from "./append-memory.js";

interface Taken {
  readonly block: AppendBlock;
  readonly from: number;
  readonly to: number;
}

function take(memory: AppendMemory, bytes: number): Taken {
  const block = memory.take(bytes);
  return { block, from: block.used - bytes, to: block.used };
}

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 70_000 }) }) },
    { weight: 5, arbitrary: fc.record({ release: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.constant({ abandon: true }) },
  ),
  { maxLength: 60 },
);

test("what was taken is nobody else's until it is released; what was abandoned never is again", () => {
  fc.assert(
    fc.property(steps, (given) => {
      const memory = new AppendMemory(new SlabPool(1 << 20));
      let overlaps = 0;
      let held: Taken[] = [];
      const abandoned: Taken[] = [];
      for (const step of given) {
        if ("take" in step) {
          const taken = take(memory, step.take);
          if (taken.from < 0 || taken.to > taken.block.slab.length) overlaps++;
          overlaps += [...held, ...abandoned].filter((other) => overlap(taken, other)).length;
          held.push(taken);
        } else if ("release" in step) {
          const [oldest] = held.splice(step.release % (held.length || 1), 1);
          oldest?.block.release();
        } else {
          memory.abandon();
          abandoned.push(...held);
          held = [];
        }
      }
      expect(overlaps).toBe(0);
    }),
  );
});

function overlap(a: Taken, b: Taken): boolean {
  return a.block.slab === b.block.slab && a.from < b.to && b.from < a.to;
}

test("small appends follow each other in one block, which is used again once all of them are released", () => {
  const memory = new AppendMemory(new SlabPool(1 << 20));
  const [first, second] = [take(memory, 1000), take(memory, 2000)];
  expect(second).toEqual({ block: first.block, from: 1000, to: 3000 });
  first.block.release();
  expect(take(memory, 8).from).toBe(3000);
  for (let i = 0; i < 2; i++) first.block.release();
  expect(take(memory, 8)).toEqual({ block: first.block, from: 0, to: 8 });
  expect(take(memory, 100_000).block).not.toBe(first.block);
});
