import { z } from "zod";

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/** The cloud's settings; the command line derives flags, environment variables and YAML keys from it. */
export const settingsSchema = z
  .strictObject({
    port: z
      .number()
      .int()
      .min(0)
      .max(65535)
      .default(4567)
      .describe("port of the AWS APIs and the console; 0 picks a free one"),
    host: z.string().min(1).default("127.0.0.1").describe("address to listen on"),
    data: z.string().min(1).describe("directory that holds everything the cloud keeps"),
    noShardLimits: z.boolean().default(false).describe("lift the read and write limits per shard"),
    accountId: z
      .string()
      .regex(/^\d{12}$/, "must be 12 digits")
      .default("000000000000")
      .describe("AWS account id in ARNs and messages"),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/, "must be a region name such as us-east-1")
      .default("us-east-1")
      .describe("AWS region that requests must be signed for"),
    acceptAnyCredentials: z.boolean().default(false).describe("check no signatures (for test suites; loopback only)"),
    rootAccessKey: z
      .string()
      .regex(/^\w{3,128}$/, "must be 3 to 128 letters, digits or underscores")
      .optional()
      .describe("access key id of the root user; generated into DATA/credentials if absent"),
    rootSecretKey: z
      .string()
      .min(8)
      .max(256)
      .optional()
      .meta({ secret: true })
      .describe("secret access key of the root user"),
  })
  .superRefine((settings, context) => {
    if (settings.acceptAnyCredentials && !LOOPBACK.test(settings.host)) {
      context.addIssue({
        code: "custom",
        path: ["acceptAnyCredentials"],
        message: `is allowed on loopback only, not on ${settings.host}`,
      });
    }
    if ((settings.rootAccessKey === undefined) !== (settings.rootSecretKey === undefined)) {
      const missing = settings.rootAccessKey === undefined ? "rootAccessKey" : "rootSecretKey";
      context.addIssue({ code: "custom", path: [missing], message: "the root keys must be given together" });
    }
  });

export type Settings = z.output<typeof settingsSchema>;
