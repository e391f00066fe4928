import { fileURLToPath } from "node:url";
import { Child } from "../harness/child.js";
import { clientEnvironment } from "../harness/credentials.js";
import type { Scope } from "../harness/scope.js";

const program = fileURLToPath(new URL("../../dist/programs/consumer-worker.js", import.meta.url));

/** A worker saw a record. */
export interface Sight {
  /** Of the machine's monotonic clock. */
  readonly atNs: bigint;
  readonly shardId: string;
  readonly partitionKey: string;
  readonly data: string;
}

export interface WorkerSettings {
  readonly endpoint: string;
  readonly stream: string;
  readonly application: string;
  readonly failoverTimeMs: number;
  readonly read: "poll" | "fan-out";
}

/** A worker as a process of its own, whose sights go into a list that it shares with the others. */
export async function startWorker(
  scope: Scope,
  name: string,
  settings: WorkerSettings,
  sights: Sight[],
): Promise<Child> {
  const child = await Child.start(scope, name, [process.execPath, program, JSON.stringify(settings)], {
    env: { ...clientEnvironment, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  });
  child.onLine((line) => {
    const [word, atNs = "", shardId = "", partitionKey = "", data = ""] = line.split(" ");
    if (word === "seen") sights.push({ atNs: BigInt(atNs), shardId, partitionKey, data });
  });
  return child;
}
