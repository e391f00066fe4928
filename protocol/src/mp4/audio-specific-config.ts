import { BitReader } from "../h264/bit-reader.js";
import { Mp4Error } from "./mp4-error.js";

/** What an AAC track's CodecPrivate says. ISO/IEC 14496-3, clause 1.6.2.1. */
export interface AudioSpecificConfig {
  /** 2 is AAC-LC, 5 and 29 are HE-AAC where it is announced. */
  readonly objectType: number;
  /** Of the frames, in Hz; HE-AAC plays at twice that. */
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Samples in a frame, at {@link sampleRateHz}. */
  readonly frameSamples: 960 | 1024;
}

const SAMPLE_RATES_HZ = [96, 88.2, 64, 48, 44.1, 32, 24, 22.05, 16, 12, 11.025, 8, 7.35].map((kHz) => kHz * 1000);
/** By channelConfiguration; 0 is a layout of its own within the frames, of which the box's count is only a hint. */
const CHANNELS = [2, 1, 2, 3, 4, 5, 6, 8];
const MAIN = 1;
const LONG_TERM_PREDICTION = 4;
const SPECTRAL_BAND_REPLICATION = 5;
const PARAMETRIC_STEREO = 29;
const CONFIG_BYTES_MAX = 1024;

/** @throws {Mp4Error} `MissingCodecPrivateData` of no bytes, otherwise `InvalidCodecPrivateData`. */
export function parseAudioSpecificConfig(config: Uint8Array): AudioSpecificConfig {
  if (config.length === 0) throw new Mp4Error("MissingCodecPrivateData", "the AAC track has no codec private data");
  if (config.length > CONFIG_BYTES_MAX) throw invalid(`an audio configuration of ${config.length} bytes`);
  const reader = new BitReader(config);
  const objectType = readObjectType(reader);
  const sampleRateHz = readSampleRateHz(reader);
  const channels = CHANNELS[reader.bits(4)];
  let coreType = objectType;
  if (objectType === SPECTRAL_BAND_REPLICATION || objectType === PARAMETRIC_STEREO) {
    readSampleRateHz(reader); // after replication
    coreType = readObjectType(reader);
  }
  if (coreType < MAIN || coreType > LONG_TERM_PREDICTION) throw invalid(`audio object type ${coreType} is not AAC`);
  const frameSamples = reader.flag() ? 960 : 1024;
  if (reader.isOverrun) throw invalid("the audio configuration is cut short");
  if (channels === undefined) throw invalid("a channel configuration that AAC does not have");
  return { objectType, sampleRateHz, channels, frameSamples };
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === 31 ? 32 + reader.bits(6) : type;
}

function readSampleRateHz(reader: BitReader): number {
  const index = reader.bits(4);
  const rateHz = index === 15 ? reader.bits(24) : SAMPLE_RATES_HZ[index];
  if (rateHz === undefined || rateHz < 1000 || rateHz > 192_000) throw invalid(`a sampling rate of ${rateHz} Hz`);
  return rateHz;
}

function invalid(message: string): Mp4Error {
  return new Mp4Error("InvalidCodecPrivateData", message);
}
