import { nodeDisk } from "@headwater/log";
import type { Logger } from "pino";
import { passwd } from "./auth/passwd.js";
import { startGateway, type Gateway } from "./gateway.js";
import { settingsSchema, type Settings } from "./settings.js";

/** What the command line needs of the gateway. */
export const part = {
  name: "gateway",
  summary: "MQTT gateway: takes records from devices and any MQTT client, keeps them until Kinesis has them",
  settings: settingsSchema,
  start(settings: Settings, { logger }: { readonly logger: Logger }): Promise<Gateway> {
    return startGateway(settings, { disk: nodeDisk(), clock: { now: Date.now }, logger, random: Math.random });
  },
  verbs: {
    passwd: { summary: "hashes a password for `users:` in the gateway's configuration", run: passwd },
  },
} as const;
