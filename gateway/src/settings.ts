import { z } from "zod";
import { isDeviceId } from "@headwater/protocol";
import { isScryptHash } from "./auth/scrypt-hash.js";
import { isTopicFilter } from "./listener/topic-filter.js";

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;
const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

const userSchema = z.strictObject({
  name: z.string().refine(isDeviceId, "must be 1 to 128 of A-Z a-z 0-9 . _ -"),
  hash: z.string().refine(isScryptHash, "must be a line made by `headwater gateway passwd`"),
  publish: z.array(z.string().refine(isTopicFilter, "must be an MQTT topic filter")).optional(),
});

const httpUrl = () => z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" });

/** The gateway's settings; the command line derives flags, environment variables and YAML keys from it. */
export const settingsSchema = z
  .strictObject({
    mqttPort: z.number().int().min(0).max(65535).default(1883).describe("MQTT port; 0 picks a free one"),
    mqttHost: z.string().min(1).default("127.0.0.1").describe("address to listen on for MQTT"),
    httpPort: z
      .number()
      .int()
      .min(0)
      .max(65535)
      .default(0)
      .describe("port of /healthz and /metrics on loopback; 0 picks a free one"),
    data: z.string().min(1).describe("directory that holds the spool and everything else the gateway keeps"),
    upstream: httpUrl()
      .default("http://127.0.0.1:4567")
      .describe("Kinesis endpoint that records are forwarded to: Headwater's cloud or AWS"),
    videoUpstream: httpUrl()
      .optional()
      .describe("Kinesis Video endpoint that video is forwarded to; the upstream if absent"),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/, "must be a region name such as us-east-1")
      .default("us-east-1")
      .describe("AWS region that upstream requests are signed for"),
    createStreams: z
      .boolean()
      .default(false)
      .describe("create a stream of one shard upstream where a record names one that does not exist"),
    id: z
      .string()
      .refine(isDeviceId, "must be 1 to 128 of A-Z a-z 0-9 . _ -")
      .optional()
      .describe("this gateway's id; made once and kept in DATA if absent"),
    allowAnonymous: z.boolean().default(false).describe("take MQTT clients without credentials (loopback only)"),
    users: z
      .array(userSchema)
      .default([])
      .describe("who may connect: name, hash (by `headwater gateway passwd`), publish (topic filters)"),
    control: httpUrl().optional().describe("URL of the control channel; the upstream if absent"),
    controlOff: z.boolean().default(false).describe("open no control channel"),
    spoolBytesMax: z
      .number()
      .int()
      .min(1 * MiB)
      .default(10 * GiB)
      .describe("bytes of records kept while the upstream does not take them; full, nothing more is acknowledged"),
    videoSpoolBytesMax: z
      .number()
      .int()
      .min(1 * MiB)
      .default(10 * GiB)
      .describe("bytes of video kept while the upstream does not take it; full, nothing more is acknowledged"),
    diskFreeBytesMin: z
      .number()
      .int()
      .min(0)
      .optional()
      .describe("free bytes on the disk below which the spool counts as full; 64 MiB or 1/16 of the disk if absent"),
    deadLetterBytesMax: z
      .number()
      .int()
      .min(1 * MiB)
      .default(256 * MiB)
      .describe("bytes of undeliverable messages kept for inspection; beyond, the oldest go"),
    mqttConnectionsMax: z.number().int().min(1).max(65535).default(1000).describe("MQTT connections at a time"),
    mqttFrameBytesMax: z
      .number()
      .int()
      .min(64 * 1024)
      .max(16 * MiB)
      .default(2 * MiB)
      .describe("largest MQTT packet; a longer one ends its connection"),
  })
  .superRefine((settings, context) => {
    const refuse = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
    const isLoopback = LOOPBACK.test(settings.mqttHost);
    // Invariant 8: no open door by default.
    if (settings.allowAnonymous && !isLoopback) {
      refuse("allowAnonymous", `is allowed on loopback only, not on ${settings.mqttHost}; give users instead`);
    } else if (!settings.allowAnonymous && settings.users.length === 0) {
      refuse("users", isLoopback ? "are required, or allowAnonymous" : "are required beyond loopback");
    }
    if (settings.allowAnonymous && settings.users.length > 0) {
      refuse("allowAnonymous", "and users exclude each other: anyone could connect under a user's name");
    }
    const names = settings.users.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) refuse("users", `have ${twice} twice`);
  });

export type Settings = z.output<typeof settingsSchema>;
