import { isDeviceId, isPartitionKey, isStreamName } from "@headwater/protocol";
import { z } from "zod";
import { parseGateway, SPOOL_BYTES_DEFAULT, SPOOL_BYTES_MIN } from "../sdk/options.js";
import { cameras } from "./camera-settings.js";

const hostSensor = z
  .strictObject({
    enabled: z.boolean().default(true).describe("read this host at all"),
    stream: z.string().refine(isStreamName, "not a stream name").default("sensors").describe("stream to put into"),
    partitionKey: z
      .string()
      .refine(isPartitionKey, "1 to 256 characters")
      .optional()
      .describe("partition key; the device's id unless given"),
    intervalMs: z.number().int().min(100).max(86_400_000).default(1000).describe("time between readings, in ms"),
  })
  .prefault({});

/** What `headwater device` can be told. */
export const settings = z
  .strictObject({
    id: z
      .string()
      .refine(isDeviceId, "1 to 128 of A-Z a-z 0-9 . _ -")
      .optional()
      .describe(
        "device id, also the MQTT client id; no two devices of a gateway share one; the host's name unless given",
      ),
    data: z.string().min(1).describe("directory of the spool; made if missing"),
    gateway: z
      .string()
      .superRefine((text, context) => {
        const address = parseGateway(text);
        if (typeof address === "string") context.addIssue({ code: "custom", message: address });
      })
      .describe("the gateway's address, mqtt://host:port"),
    username: z.string().min(1).optional().describe("MQTT user name; the device id unless given"),
    password: z.string().min(1).optional().meta({ secret: true }).describe("MQTT password"),
    passwordFile: z.string().min(1).optional().describe("file whose first line is the MQTT password"),
    httpPort: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .describe("port of /healthz and /metrics on 127.0.0.1; 0 picks a free one"),
    spoolBytesMax: z
      .number()
      .int()
      .min(SPOOL_BYTES_MIN)
      .default(SPOOL_BYTES_DEFAULT)
      .describe("bytes that unacknowledged records may take on the disk"),
    onFull: z
      .enum(["reject", "drop-oldest"])
      .default("reject")
      .describe("when the spool is full: refuse new records, or give up the oldest"),
    clockTrusted: z
      .boolean()
      .default(false)
      .describe("take the clock as synchronised where that cannot be seen (chrony, PTP, GPS)"),
    hostSensor: hostSensor.describe("this host's CPU, memory, disk and temperature as a stream of records"),
    cameras: cameras.describe("cameras: stream, source (rtsp://…, /dev/video…, test-pattern), and more"),
  })
  .superRefine(({ password, passwordFile }, context) => {
    if (password !== undefined && passwordFile !== undefined) {
      context.addIssue({ code: "custom", path: ["passwordFile"], message: "give password or passwordFile, not both" });
    }
  });

export type Settings = z.output<typeof settings>;

/** A host's name as a device id: what an id cannot have becomes `-`. */
export function deviceIdOf(hostname: string): string {
  return hostname.replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 128) || "device";
}
