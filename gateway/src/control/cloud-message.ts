import { CONTROL_VERSION, type CloudMessage } from "@headwater/protocol";
import { z } from "zod";

const header = { v: z.literal(CONTROL_VERSION), id: z.number().int().min(0) };

const schema: z.ZodType<CloudMessage> = z.discriminatedUnion("type", [
  z.object({ ...header, type: z.literal("welcome"), resume: z.number().int().min(0) }),
  z.object({
    ...header,
    type: z.literal("error"),
    code: z.enum(["unsupported-version", "malformed"]),
    message: z.string(),
  }),
]);

/** Reads a message of the cloud, or answers undefined where it is none that this version knows. */
export function parseCloudMessage(text: string): CloudMessage | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return schema.safeParse(json).data;
}
