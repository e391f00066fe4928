import type { Sqlite, SqlRow, SqlValue } from "./sqlite.js";
import type { StoredVideoStream, VideoCatalog, VideoStreamStatus } from "./video-catalog.js";

/** The video streams in the catalog's SQLite file. */
export class SqliteVideoCatalog implements VideoCatalog {
  readonly #sqlite: Sqlite;

  constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
  }

  async streams(): Promise<StoredVideoStream[]> {
    const rows = await this.#sqlite.rows("SELECT * FROM video_streams ORDER BY name");
    return rows.map(toStream);
  }

  async put(stream: StoredVideoStream): Promise<void> {
    const { id, name, status, createdMs, retentionHours, version, deviceName, mediaType, kmsKeyId, tags } = stream;
    await this.#sqlite.transaction(() =>
      this.#sqlite.run(
        "INSERT OR REPLACE INTO video_streams VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        id,
        name,
        status,
        createdMs,
        retentionHours,
        version,
        deviceName ?? null,
        mediaType ?? null,
        kmsKeyId ?? null,
        JSON.stringify(tags),
      ),
    );
  }

  async remove(id: string): Promise<void> {
    await this.#sqlite.transaction(() => this.#sqlite.run("DELETE FROM video_streams WHERE id = ?", id));
  }
}

function toStream(row: SqlRow): StoredVideoStream {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    status: String(row["status"]) as VideoStreamStatus,
    createdMs: Number(row["created_ms"]),
    retentionHours: Number(row["retention_hours"]),
    version: String(row["version"]),
    deviceName: optional(row["device_name"]),
    mediaType: optional(row["media_type"]),
    kmsKeyId: optional(row["kms_key_id"]),
    tags: JSON.parse(String(row["tags"])) as Record<string, string>,
  };
}

function optional(value: SqlValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
