import { box, fullBox, uint16, uint32, uint8, zeros } from "./box.js";

/** VisualSampleEntry (ISO/IEC 14496-12, clause 12.1.3), with the decoder's configuration as the stream brought it. */
export function videoSampleEntry(
  type: "avc1" | "hvc1",
  { width, height, pixelAspect }: { width: number; height: number; pixelAspect: readonly [number, number] },
  configurationType: "avcC" | "hvcC",
  configuration: Uint8Array,
): Buffer {
  const [pixelWidth, pixelHeight] = pixelAspect;
  return box(
    type,
    zeros(6),
    uint16(1), // the first data reference
    zeros(16),
    uint16(width, height),
    uint32(0x480000, 0x480000, 0), // 72 dpi, reserved
    uint16(1), // frames in a sample
    zeros(32), // no compressor's name
    uint16(24, 0xffff), // depth, no colour table
    box(configurationType, configuration),
    ...(pixelWidth === pixelHeight ? [] : [box("pasp", uint32(pixelWidth, pixelHeight))]),
  );
}

/** AudioSampleEntry with an elementary stream descriptor (ISO/IEC 14496-14, clause 5.6). */
export function audioSampleEntry(
  { sampleRateHz, channels }: { sampleRateHz: number; channels: number },
  audioSpecificConfig: Uint8Array,
): Buffer {
  return box(
    "mp4a",
    zeros(6),
    uint16(1), // the first data reference
    zeros(8),
    uint16(channels, 16, 0, 0), // 16 bits a sample
    uint32(sampleRateHz > 0xffff ? 0 : sampleRateHz * 0x10000),
    fullBox("esds", 0, 0, elementaryStreamDescriptor(audioSpecificConfig)),
  );
}

/** ES_Descriptor of ISO/IEC 14496-1, clause 7.2.6: MPEG-4 audio, bit rates not stated, MP4's own sync layer. */
function elementaryStreamDescriptor(audioSpecificConfig: Uint8Array): Buffer {
  const [MPEG4_AUDIO, AUDIO_STREAM, MP4_SYNC_LAYER] = [0x40, 0x15, 2];
  return descriptor(
    3,
    zeros(3), // stream id 0, no flags
    descriptor(4, uint8(MPEG4_AUDIO, AUDIO_STREAM), zeros(11), descriptor(5, audioSpecificConfig)),
    descriptor(6, uint8(MP4_SYNC_LAYER)),
  );
}

/** The length in four bytes of seven bits. */
function descriptor(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  const prefix = uint8(tag, 0x80 | (length >> 21), 0x80 | ((length >> 14) & 127), 0x80 | ((length >> 7) & 127));
  return Buffer.concat([prefix, uint8(length & 127), ...content]);
}
