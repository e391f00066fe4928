import { enumeration, string, structure } from "../codec/shape.js";
import { streamReference } from "./members.js";
import { operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

const input = structure({
  required: { EncryptionType: enumeration("NONE", "KMS"), KeyId: string({ min: 1, max: 2048 }) },
  optional: streamReference,
});

/** Notes the key, which clients then see; there is no KMS here, and records are not encrypted with it. */
export const startStreamEncryption = operation(input, async (given, { service }) => {
  await service.changeSettings(streamNameOf(given, service), (settings) => {
    const { encryptionKeyId: _before, ...rest } = settings;
    return given.EncryptionType === "KMS" ? { ...rest, encryptionKeyId: given.KeyId } : rest;
  });
  return undefined;
});

export const stopStreamEncryption = operation(input, async (given, { service }) => {
  await service.changeSettings(streamNameOf(given, service), ({ encryptionKeyId: _before, ...rest }) => rest);
  return undefined;
});
