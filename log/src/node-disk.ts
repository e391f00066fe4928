import type { Disk } from "./api.js";

/** The machine's own disk. */
export function nodeDisk(): Disk {
  throw new Error("being built");
}
