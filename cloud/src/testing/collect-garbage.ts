import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Has the engine collect at once what nothing refers to any more. */
export const collectGarbage = runInNewContext("gc") as () => void;

/** Which of some things are still held. What was referred to weakly in this turn of the event loop is held until its end. */
export async function stillHeld(refs: readonly WeakRef<object>[]): Promise<object[]> {
  await new Promise((resolve) => void setImmediate(resolve));
  collectGarbage();
  return refs.flatMap((ref) => ref.deref() ?? []);
}
