/** One TrackEntry, as far as it is read and written here. */
export interface MatroskaTrack {
  /** What blocks call it by; 1 or more. */
  readonly number: number;
  readonly type: MatroskaTrackType;
  /** `V_MPEG4/ISO/AVC`, `A_AAC`, … */
  readonly codecId: string;
  /** avcC, hvcC, AudioSpecificConfig, WAVEFORMATEX, …, as the codec has it. */
  readonly codecPrivate?: Buffer;
  readonly name?: string;
  /** BCP 47 or ISO 639-2; `eng` where the file says nothing, as Matroska has it. */
  readonly language: string;
  /** Of one frame, in nanoseconds. */
  readonly defaultDurationNs?: number;
  readonly video?: { readonly width: number; readonly height: number };
  readonly audio?: { readonly sampleRateHz: number; readonly channels: number };
}

/** `other`: subtitles, buttons, metadata; what is not a picture or sound. */
export type MatroskaTrackType = "video" | "audio" | "other";
