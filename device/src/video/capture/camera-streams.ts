/** What a camera on the network says that it sends: codecs as ffmpeg names them, or `none`. */
export interface CameraStreams {
  readonly video: string;
  readonly audio: string;
}

/** Names of RTP payloads (IANA, RTP Payload Format media types) that ffmpeg calls otherwise. */
const CODEC_OF_ENCODING: Readonly<Record<string, string>> = {
  H265: "hevc",
  JPEG: "mjpeg",
  "MPEG4-GENERIC": "aac",
  PCMA: "pcm_alaw",
  PCMU: "pcm_mulaw",
};

/** Reads what `ffmpeg -i` says of its input, lines of `Stream #0:0: Video: h264 (Main), …`; `undefined` without them. */
export function streamsFromFfmpeg(said: string): CameraStreams | undefined {
  const streams = said.matchAll(/^ *Stream #0:\d+\S*: (Video|Audio): (\w+)/gm);
  return firstOfEach([...streams].map(([, kind = "", codec = ""]) => [kind.toLowerCase(), codec]));
}

/** Reads the capabilities that `gst-launch-1.0 -v` tells, `application/x-rtp, media=(string)video, …`; `undefined` without. */
export function streamsFromGstreamer(said: string): CameraStreams | undefined {
  const caps = said.matchAll(/application\/x-rtp, media=\(string\)(\w+),.*? encoding-name=\(string\)([\w-]+)/g);
  return firstOfEach(
    [...caps].map(([, kind = "", encoding = ""]) => [kind, CODEC_OF_ENCODING[encoding] ?? encoding.toLowerCase()]),
  );
}

function firstOfEach(streams: readonly (readonly [kind: string, codec: string])[]): CameraStreams | undefined {
  const codecOf = (wanted: string): string => streams.find(([kind]) => kind === wanted)?.[1] ?? "none";
  return streams.length === 0 ? undefined : { video: codecOf("video"), audio: codecOf("audio") };
}
