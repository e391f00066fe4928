/** Which video streams there are. Every change is durable when it resolves. */
export interface VideoCatalog {
  streams(): Promise<StoredVideoStream[]>;
  /** Stores a stream, in place of the one with its id if there is one. */
  put(stream: StoredVideoStream): Promise<void>;
  remove(id: string): Promise<void>;
}

export type VideoStreamStatus = "CREATING" | "ACTIVE" | "DELETING";

export interface StoredVideoStream {
  /** UUID: a stream made anew under an old name must not see the old one's media. */
  readonly id: string;
  readonly name: string;
  readonly status: VideoStreamStatus;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  /** 0: nothing is kept beyond what live readers need. */
  readonly retentionHours: number;
  /** Changes with every update; an update that names another one is refused. */
  readonly version: string;
  readonly deviceName: string | undefined;
  readonly mediaType: string | undefined;
  readonly kmsKeyId: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}
