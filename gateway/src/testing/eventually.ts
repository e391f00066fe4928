import { vi } from "vitest";

/** Waits until the check passes; a slow machine may take its time. */
export function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 20_000, interval: 1 });
}
