import type { Part, StreamReplayer, UsageReporter } from "./part.js";

/** Loads a part only when its command runs, so that a device never loads the cloud. The only imports of the parts. */
export const parts: Readonly<Record<string, () => Promise<Part>>> = {
  cloud: async () => (await import("@headwater/cloud/main")).part,
  gateway: async () => (await import("@headwater/gateway/main")).part,
  device: async () => (await import("@headwater/device/main")).part,
};

/** What `headwater usage` runs. */
export const loadUsage = async (): Promise<UsageReporter> => (await import("@headwater/cloud/main")).usage;

/** What `headwater replay` runs. */
export const loadReplayer = async (): Promise<StreamReplayer> =>
  (await import("@headwater/client/main")).streamReplayer;
