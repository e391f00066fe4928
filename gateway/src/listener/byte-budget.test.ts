import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteBudget } from "./byte-budget.js";

test("lends in the order of asking and never more than there is, but for one larger than all", () => {
  const action = fc.oneof(
    fc.record({ do: fc.constant("borrow" as const), bytes: fc.integer({ min: 1, max: 150 }) }),
    fc.record({ do: fc.constant("give back" as const) }),
    fc.record({ do: fc.constant("take back" as const) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const budget = new ByteBudget(100);
      const held: number[] = [];
      const granted: number[] = [];
      const takeBacks: { number: number; takeBack: () => void }[] = [];
      let asked = 0;
      for (const action of actions) {
        if (action.do === "borrow") {
          const number = asked++;
          const takeBack = budget.borrow(action.bytes, () => {
            held.push(action.bytes);
            granted.push(number);
          });
          takeBacks.push({ number, takeBack });
        } else if (action.do === "give back") {
          const bytes = held.shift();
          if (bytes !== undefined) budget.giveBack(bytes);
        } else {
          takeBacks.pop()?.takeBack();
        }
        const sum = held.reduce((sum, bytes) => sum + bytes, 0);
        expect(budget.lentBytes).toBe(sum);
        expect(sum <= 100 || held.length === 1).toBe(true);
        expect(granted).toEqual([...granted].sort((a, b) => a - b));
      }
    }),
  );
});

test("a large request is not starved by small ones that come later", () => {
  const budget = new ByteBudget(100);
  const granted: string[] = [];
  budget.borrow(60, () => granted.push("first"));
  budget.borrow(80, () => granted.push("large"));
  budget.borrow(10, () => granted.push("small"));
  expect(granted).toEqual(["first"]);
  budget.giveBack(60);
  expect(granted).toEqual(["first", "large", "small"]);
});
