import { spawn } from "node:child_process";
import { testPatternFilter } from "@headwater/device/test-pattern";
import {
  type MatroskaEvent,
  type MatroskaFrameEvent,
  MatroskaReader,
  type WrittenTrack,
} from "@headwater/protocol/matroska";

/** What a camera sends: a key frame every two seconds. */
export const PICTURE = { width: 1280, height: 720, framesPerSecond: 25, gopSeconds: 2 };

export interface TestPattern {
  readonly track: WrittenTrack;
  /** As they leave the encoder; to leave the loop ends it. */
  readonly frames: AsyncIterable<MatroskaFrameEvent>;
}

const words = (text: string): string[] => text.split(" ");

/**
 * Moving colours with the marks of the device's test pattern, H.264 from ffmpeg.
 * @param seconds how much as fast as it can; at the pace of a camera and without end where it is left out.
 */
export async function testPattern(seconds?: number): Promise<TestPattern> {
  const { width, height, framesPerSecond, gopSeconds } = PICTURE;
  const source = `-f lavfi -i testsrc2=size=${width}x${height}:rate=${framesPerSecond}`;
  const input = seconds === undefined ? `-re ${source}` : `${source} -t ${seconds}`;
  const gop = framesPerSecond * gopSeconds;
  // As the device's: no frame waits for another.
  const encoder = `-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g ${gop} -keyint_min ${gop} -sc_threshold 0`;
  const rate = "-crf 26 -maxrate 4M -bufsize 8M";
  const output = "-cluster_time_limit 0 -flush_packets 1 -f matroska -";
  const child = spawn(
    "ffmpeg",
    [...words(`-v error -nostdin ${input} -vf`), testPatternFilter(), ...words(`${encoder} ${rate} ${output}`)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  failed.catch(() => undefined);
  const events = eventsOf(child.stdout);
  for (;;) {
    const { value: event, done } = await Promise.race([events.next(), failed]);
    if (done) throw new Error("ffmpeg ended without a picture");
    const track = event.kind === "tracks" ? event.tracks.find(({ type }) => type === "video") : undefined;
    if (track !== undefined)
      return { track: { ...track, type: "video" }, frames: framesOf(events, () => child.kill("SIGKILL")) };
  }
}

async function* eventsOf(output: AsyncIterable<Uint8Array>): AsyncGenerator<MatroskaEvent, void, void> {
  const reader = new MatroskaReader();
  for await (const bytes of output) yield* reader.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

async function* framesOf(
  events: ReturnType<typeof eventsOf>,
  end: () => void,
): AsyncGenerator<MatroskaFrameEvent, void, void> {
  try {
    for (;;) {
      const { value: event, done } = await events.next();
      if (done) return;
      if (event.kind === "frame") yield event;
    }
  } finally {
    // Before its output is closed, of which it would complain.
    end();
    await events.return();
  }
}
