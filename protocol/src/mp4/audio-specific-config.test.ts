import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseAudioSpecificConfig } from "./audio-specific-config.js";
import { Mp4Error } from "./mp4-error.js";

test.each([
  ["1190", { objectType: 2, sampleRateHz: 48_000, channels: 2, frameSamples: 1024 }],
  ["1208", { objectType: 2, sampleRateHz: 44_100, channels: 1, frameSamples: 1024 }],
  ["1588", { objectType: 2, sampleRateHz: 8000, channels: 1, frameSamples: 1024 }],
  ["1194", { objectType: 2, sampleRateHz: 48_000, channels: 2, frameSamples: 960 }],
  ["2b920800", { objectType: 5, sampleRateHz: 22_050, channels: 2, frameSamples: 1024 }], // HE-AAC to 44.1 kHz
  ["eb098800", { objectType: 29, sampleRateHz: 24_000, channels: 1, frameSamples: 1024 }], // HE-AAC v2 to 48 kHz
  ["17801f4010", { objectType: 2, sampleRateHz: 16_000, channels: 2, frameSamples: 1024 }], // the rate in full
])("%s", (hex, config) => {
  expect(parseAudioSpecificConfig(Buffer.from(hex, "hex"))).toEqual(config);
});

test.each([
  ["nothing", "", "MissingCodecPrivateData"],
  ["half of it", "11", "InvalidCodecPrivateData"],
  ["a reserved sampling rate", "1690", "InvalidCodecPrivateData"],
  ["a sampling rate of 0", "178000001000", "InvalidCodecPrivateData"],
  ["a reserved channel configuration", "11f0", "InvalidCodecPrivateData"],
  ["another codec", "f9464000", "InvalidCodecPrivateData"], // USAC
  ["over a kilobyte", "1190".repeat(600), "InvalidCodecPrivateData"],
])("refuses %s", (_name, hex, code) => {
  expect(() => parseAudioSpecificConfig(Buffer.from(hex, "hex"))).toThrow(
    expect.objectContaining({ name: "Mp4Error", code }),
  );
});

test("any bytes are read or refused with a typed error", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      try {
        const { channels, sampleRateHz } = parseAudioSpecificConfig(bytes);
        expect(channels >= 1 && channels <= 8 && sampleRateHz >= 1000).toBe(true);
      } catch (error) {
        if (!(error instanceof Mp4Error)) throw error;
      }
    }),
    { numRuns: 3000 },
  ));
