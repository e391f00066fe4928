import { resolve } from "node:path";
import { nodeDisk } from "@headwater/log";
import type { Logger } from "pino";
import { type RunningCloud, startCloud } from "./cloud.js";
import { letHeapGrow } from "./heap-growth.js";
import { type Settings, settingsSchema } from "./settings.js";
import { openStorage } from "./storage.js";

export { usage } from "./usage/usage-command.js";

/** The cloud as `headwater cloud` runs it. */
export const part = {
  name: "cloud",
  summary: "Kinesis Data Streams behind the AWS wire protocol, durable on this machine",
  settings: settingsSchema,
  async start(given: Settings, { logger }: { readonly logger: Logger }): Promise<RunningCloud> {
    letHeapGrow();
    const settings = { ...given, data: resolve(given.data) };
    const clock = { now: Date.now };
    const storage = await openStorage(settings.data, { disk: nodeDisk(), clock, logger });
    return startCloud(settings, { logger, clock, storage });
  },
};
