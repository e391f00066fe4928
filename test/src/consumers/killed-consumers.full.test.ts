import { onTestFinished, test } from "vitest";
import { Scope } from "../harness/scope.js";
import { killConsumers } from "./killed-consumers.js";

// oxlint-disable-next-line vitest/expect-expect -- killConsumers expects
test(
  "the same, many times over, with a cloud that is killed, too, workers by fan-out, and some that stand still",
  { timeout: 1_200_000 },
  async () => {
    const scope = new Scope();
    onTestFinished(() => scope.close());
    await killConsumers(scope, { rounds: 40, isHarsh: true });
  },
);
