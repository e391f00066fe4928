import { describe, expect, test } from "vitest";
import { initSegment } from "./init-segment.js";
import { samplesIn } from "./testing/boxes.js";
import { encoded } from "./testing/encoded.js";
import { md5Of, probed } from "./testing/probe.js";
import { partsOf, segmentsOf } from "./testing/segments.js";
import { mp4Track } from "./track.js";

// Real encodes, read back by ffmpeg: what it sees is what was put in.

describe.each([
  ["48 kHz", 48_000, 2],
  ["44.1 kHz", 44_100, 1],
  ["11.025 kHz", 11_025, 2],
])("AAC at %s", (_name, sampleRateHz, channels) => {
  const { source, frames } = encoded(
    `-f lavfi -i sine=sample_rate=${sampleRateHz}:duration=3 -ac ${channels} -c:a aac`,
  );
  const track = mp4Track(source);
  const fragments = [frames.slice(0, 20), frames.slice(20, 33), frames.slice(33)];
  const segments = segmentsOf(track, fragments);
  const samples = samplesIn(segments);
  const { packets, stream, complaints, framesDecoded } = probed([initSegment(track), ...segments]);

  test("the decoder gets all frames without complaint", () => {
    expect(track).toMatchObject({ kind: "audio", codec: "mp4a.40.2", sampleRateHz, channels });
    expect(stream).toMatchObject({ codec_name: "aac", sample_rate: String(sampleRateHz), channels });
    expect(packets.map(({ md5 }) => md5)).toEqual(frames.map(({ data }) => md5Of(data)));
    expect(complaints).toBe("");
    expect(framesDecoded).toBe(frames.length);
  });

  test("within a fragment frames last exactly their samples, and a fragment begins at its own time", () => {
    const starts = [0, 20, 33];
    const samplesOfFrame = samples.map(({ duration }) => (duration * sampleRateHz) / (track.ticksPerMs * 1000));
    for (const [i, { decode, duration }] of samples.entries()) {
      const statedMs = frames[i]?.timecodeMs ?? 0;
      const offMs = Math.abs(decode / track.ticksPerMs - statedMs);
      expect(offMs).toBeLessThan(starts.includes(i) ? 1e-9 : 2);
      // The last frame of a fragment makes up for the rounding.
      const offSamples = Math.abs((samplesOfFrame[i] ?? 0) - 1024);
      expect(offSamples).toBeLessThan(starts.includes(i + 1) ? (2 * sampleRateHz) / 1000 : 1e-6);
      expect(samples[i + 1]?.decode ?? decode + duration).toBe(decode + duration);
    }
  });

  test("parts are the same samples", () => {
    expect(samplesIn(segmentsOf(track, fragments, partsOf([12, 1])))).toEqual(samples);
  });
});
