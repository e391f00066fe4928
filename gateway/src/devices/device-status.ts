import type { DeviceStatus } from "@headwater/protocol";
import { z } from "zod";

const STATUS_BYTES_MAX = 16 * 1024;
const CAUSES_MAX = 64;

const count = z.number().int().min(0);
/** Unknown keys are ignored, so that newer devices can say more. */
const statusSchema: z.ZodType<DeviceStatus> = z.object({
  spoolRecords: count,
  spoolBytes: count,
  spoolBytesMax: count,
  oldestMs: z.number().min(0),
  dropped: z
    .record(z.string().max(64), count)
    .refine((causes) => Object.keys(causes).length <= CAUSES_MAX, `at most ${CAUSES_MAX} causes`),
});

/** Reads what a device says of itself, or answers undefined where it is malformed or too long. */
export function parseDeviceStatus(payload: Buffer): DeviceStatus | undefined {
  if (payload.length > STATUS_BYTES_MAX) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
  return statusSchema.safeParse(json).data;
}
