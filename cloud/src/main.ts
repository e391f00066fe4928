import { resolve } from "node:path";
import type { Logger } from "pino";
import { type RunningCloud, startCloud } from "./cloud.js";
import { type Settings, settingsSchema } from "./settings.js";

/** The cloud as `headwater cloud` runs it. */
export const part = {
  name: "cloud",
  summary: "Kinesis Data Streams behind the AWS wire protocol, durable on this machine",
  settings: settingsSchema,
  start(settings: Settings, { logger }: { readonly logger: Logger }): Promise<RunningCloud> {
    return startCloud({ ...settings, data: resolve(settings.data) }, { logger, clock: { now: Date.now } });
  },
};
