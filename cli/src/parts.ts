import type { Part } from "./part.js";

type Entry = { readonly part: Part };

/** Loads a part only when its command runs, so that a device never loads the cloud. The only imports of the parts. */
export const parts: Readonly<Record<string, () => Promise<Part>>> = {
  cloud: async () => ((await import("@headwater/cloud/main")) as unknown as Entry).part,
  gateway: async () => ((await import("@headwater/gateway/main")) as unknown as Entry).part,
  device: async () => ((await import("@headwater/device/main")) as unknown as Entry).part,
};
