import { ElementId } from "./element-id.js";
import { elementsOf, floatOf, textOf, uintOf, type Element } from "./ebml.js";
import type { MatroskaLimits } from "./limits.js";
import { MatroskaError } from "./matroska-error.js";
import type { MatroskaTrack, MatroskaTrackType } from "./track.js";

/** @throws {MatroskaError} `malformed`, `too-many-tracks`, `header-too-large`, `unsupported`. */
export function readTracks(tracks: Element, limits: MatroskaLimits): MatroskaTrack[] {
  const found: MatroskaTrack[] = [];
  for (const element of elementsOf(tracks)) {
    if (element.id !== ElementId.trackEntry) continue;
    if (found.length === limits.tracksMax)
      throw new MatroskaError("too-many-tracks", `more than ${limits.tracksMax} tracks`, element.offset);
    const track = readTrackEntry(element, limits);
    if (found.some(({ number }) => number === track.number))
      throw new MatroskaError("malformed", `two tracks have the number ${track.number}`, element.offset);
    found.push(track);
  }
  if (found.length === 0) throw new MatroskaError("malformed", "no track", tracks.offset);
  return found;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readTrackEntry(entry: Element, limits: MatroskaLimits): MatroskaTrack {
  const track: Mutable<MatroskaTrack> = { number: 0, type: "other", codecId: "", language: "eng" };
  let isLanguageBcp47 = false;
  for (const element of elementsOf(entry)) {
    switch (element.id) {
      case ElementId.trackNumber:
        track.number = uintOf(element);
        break;
      case ElementId.trackType:
        track.type = trackTypeOf(uintOf(element));
        break;
      case ElementId.codecId:
        track.codecId = textOf(element);
        break;
      case ElementId.codecPrivate:
        if (element.data.length > limits.codecPrivateBytesMax)
          throw new MatroskaError("header-too-large", `CodecPrivate of ${element.data.length} bytes`, element.offset);
        track.codecPrivate = element.data;
        break;
      case ElementId.trackName:
        track.name = textOf(element);
        break;
      case ElementId.language:
        if (!isLanguageBcp47) track.language = textOf(element);
        break;
      case ElementId.languageBcp47:
        isLanguageBcp47 = true;
        track.language = textOf(element);
        break;
      case ElementId.defaultDuration:
        if (uintOf(element) > 0) track.defaultDurationNs = uintOf(element);
        break;
      case ElementId.video:
        track.video = readVideo(element);
        break;
      case ElementId.audio:
        track.audio = readAudio(element);
        break;
      case ElementId.contentEncodings:
        throw new MatroskaError("unsupported", "compressed or encrypted frames", element.offset);
    }
  }
  if (track.number === 0) throw new MatroskaError("malformed", "a track without a number", entry.offset);
  if (track.codecId === "") throw new MatroskaError("malformed", "a track without a codec", entry.offset);
  return track;
}

function trackTypeOf(type: number): MatroskaTrackType {
  return type === 1 ? "video" : type === 2 ? "audio" : "other";
}

function readVideo(video: Element): { width: number; height: number } {
  let [width, height] = [0, 0];
  for (const element of elementsOf(video)) {
    if (element.id === ElementId.pixelWidth) width = uintOf(element);
    else if (element.id === ElementId.pixelHeight) height = uintOf(element);
  }
  return { width, height };
}

function readAudio(audio: Element): { sampleRateHz: number; channels: number } {
  let [sampleRateHz, channels] = [8000, 1];
  for (const element of elementsOf(audio)) {
    if (element.id === ElementId.samplingFrequency && element.data.length > 0) sampleRateHz = floatOf(element);
    else if (element.id === ElementId.channels && element.data.length > 0) channels = uintOf(element);
  }
  return { sampleRateHz, channels };
}
