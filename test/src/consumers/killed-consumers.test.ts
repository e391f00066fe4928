import { onTestFinished, test } from "vitest";
import { Scope } from "../harness/scope.js";
import { killConsumers } from "./killed-consumers.js";

// oxlint-disable-next-line vitest/expect-expect -- killConsumers expects
test("workers that are killed while shards split and merge: each record seen, in order per key, and once in the log", async () => {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  await killConsumers(scope, { rounds: 3, isHarsh: false });
});
