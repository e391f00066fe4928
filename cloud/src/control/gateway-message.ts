import { CONTROL_VERSION, isDeviceId, type GatewayMessage } from "@headwater/protocol";
import { z } from "zod";

/** Why a text is not a message of this version; the code is the one that the cloud answers with. */
export interface MessageProblem {
  readonly code: "unsupported-version" | "malformed";
  readonly message: string;
}

/**
 * Reads one text message of a gateway. Fields that it does not know are left out, so a newer gateway of the same
 * protocol version is understood.
 */
export function parseGatewayMessage(text: string): GatewayMessage | MessageProblem {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { code: "malformed", message: "the message is not JSON" };
  }
  const version = z.object({ v: z.number() }).safeParse(json);
  if (version.success && version.data.v !== CONTROL_VERSION) {
    return {
      code: "unsupported-version",
      message: `this cloud speaks version ${CONTROL_VERSION}, not ${version.data.v}`,
    };
  }
  const parsed = gatewayMessage.safeParse(json);
  if (parsed.success) return parsed.data as GatewayMessage;
  const [issue] = parsed.error.issues;
  return { code: "malformed", message: `${issue?.path.map(String).join(".") || "message"}: ${issue?.message}` };
}

const count = z.number().int().min(0);
const causes = z
  .record(z.string().max(64), count)
  .refine((record) => Object.keys(record).length <= 64, "too many causes");

const deviceStatus = z.object({
  spoolRecords: count,
  spoolBytes: count,
  spoolBytesMax: count,
  oldestMs: z.number().min(0),
  dropped: causes,
});

const deviceSeen = z.object({
  // Plain MQTT clients choose their own ids, so any name may come.
  device: z.string().min(1).max(256),
  connected: z.boolean(),
  lastSeenMs: z.number(),
  records: count,
  bytes: count,
  status: deviceStatus.optional(),
});

const gatewayStatus = z.object({
  spoolRecords: count,
  spoolBytes: count,
  spoolBytesMax: count,
  upstream: z.enum(["connected", "unreachable", "rejecting", "idle"]),
  upstreamError: z.string().max(4096).optional(),
  forwardedRecords: count,
  deadLetters: count,
});

/** A gateway's status and devices, as the `state` message carries them and as the catalog keeps them. */
export const gatewayState = z.object({ gateway: gatewayStatus, devices: z.array(deviceSeen) });

const header = { v: z.literal(CONTROL_VERSION), id: count };

const gatewayMessage = z.discriminatedUnion("type", [
  z.object({
    ...header,
    type: z.literal("hello"),
    gateway: z.string().refine(isDeviceId, "must be 1 to 128 of A-Z a-z 0-9 . _ -"),
    spoolId: z.uuid(),
    resume: count,
  }),
  z.object({ ...header, type: z.literal("state"), ...gatewayState.shape }),
]);
