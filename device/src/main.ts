import type { Logger } from "pino";
import { type Agent, startAgent } from "./agent/agent.js";
import { type Settings, settings } from "./agent/settings.js";

/** The device agent, for the command line. */
export const part = {
  name: "device",
  summary:
    "Device agent: keeps records in a durable spool and sends them to a gateway; reads this host's sensors and cameras",
  settings,
  start(settings: Settings, { logger }: { readonly logger: Logger }): Promise<Agent> {
    return startAgent(settings, ({ level, message, cause, ...details }) => {
      logger[level](cause instanceof Error ? { ...details, err: cause } : details, message);
    });
  },
};
