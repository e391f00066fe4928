import { randomBytes } from "node:crypto";
import type { StreamMode, StreamStatus } from "../streams/stream.js";
import type { Catalog, NewStream, StoredShard, StoredStream } from "./catalog.js";
import { migrate } from "./migrations.js";
import { Sqlite, type SqlRow, type SqlValue } from "./sqlite.js";
import { SqliteVideoCatalog } from "./sqlite-video-catalog.js";

const TOKEN_KEY_BYTES = 32;

/** The catalog of a single box: one SQLite file. */
export class SqliteCatalog implements Catalog {
  readonly video: SqliteVideoCatalog;
  readonly #sqlite: Sqlite;

  private constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
    this.video = new SqliteVideoCatalog(sqlite);
  }

  /** @throws {Error} where the file is of a newer format, or no catalog. */
  static async open(file: string): Promise<SqliteCatalog> {
    const sqlite = await Sqlite.open(file);
    try {
      await migrate(sqlite, file);
    } catch (error) {
      await sqlite.close();
      throw error;
    }
    return new SqliteCatalog(sqlite);
  }

  async streams(): Promise<StoredStream[]> {
    const shards = new Map<SqlValue, SqlRow[]>();
    for (const row of await this.#sqlite.rows("SELECT * FROM shards ORDER BY number")) {
      const id = row["stream_id"] ?? null;
      const others = shards.get(id);
      if (others === undefined) shards.set(id, [row]);
      else others.push(row);
    }
    const streams = await this.#sqlite.rows("SELECT * FROM streams ORDER BY name");
    return streams.map((row) => toStream(row, shards.get(row["id"] ?? null) ?? []));
  }

  addStream(stream: NewStream): Promise<StoredStream> {
    return this.#sqlite.transaction(async () => {
      const { id, name, status, mode, createdMs, retentionHours, tags, hashKeyRanges } = stream;
      await this.#sqlite.run(
        "INSERT INTO streams VALUES (?, ?, ?, ?, ?, ?, ?)",
        id,
        name,
        status,
        mode,
        createdMs,
        retentionHours,
        JSON.stringify(tags),
      );
      for (const [number, { startingHashKey, endingHashKey }] of hashKeyRanges.entries()) {
        await this.#sqlite.run(
          "INSERT INTO shards (stream_id, number, starting_hash_key, ending_hash_key, log_name) VALUES (?, ?, ?, ?, ?)",
          id,
          number,
          startingHashKey.toString(),
          endingHashKey.toString(),
          `streams/${name}/${id}/${number}`,
        );
      }
      const rows = await this.#sqlite.rows("SELECT * FROM shards WHERE stream_id = ? ORDER BY number", id);
      return { id, name, status, mode, createdMs, retentionHours, tags, shards: rows.map(toShard) };
    });
  }

  async setStatus(streamId: string, status: StreamStatus): Promise<void> {
    await this.#sqlite.transaction(() =>
      this.#sqlite.run("UPDATE streams SET status = ? WHERE id = ?", status, streamId),
    );
  }

  async removeStream(streamId: string): Promise<void> {
    await this.#sqlite.transaction(() => this.#sqlite.run("DELETE FROM streams WHERE id = ?", streamId));
  }

  tokenKey(): Promise<Buffer> {
    return this.#sqlite.transaction(async () => {
      const [row] = await this.#sqlite.rows("SELECT value FROM secrets WHERE name = 'token-key'");
      const known = row?.["value"];
      if (Buffer.isBuffer(known)) return known;
      const key = randomBytes(TOKEN_KEY_BYTES);
      await this.#sqlite.run("INSERT INTO secrets VALUES ('token-key', ?)", key);
      return key;
    });
  }

  close(): Promise<void> {
    return this.#sqlite.close();
  }
}

function toStream(row: SqlRow, shards: readonly SqlRow[]): StoredStream {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    status: String(row["status"]) as StreamStatus,
    mode: String(row["mode"]) as StreamMode,
    createdMs: Number(row["created_ms"]),
    retentionHours: Number(row["retention_hours"]),
    tags: JSON.parse(String(row["tags"])) as Record<string, string>,
    shards: shards.map(toShard),
  };
}

function toShard(row: SqlRow): StoredShard {
  return {
    number: Number(row["number"]),
    epoch: Number(row["epoch"]),
    startingHashKey: BigInt(String(row["starting_hash_key"])),
    endingHashKey: BigInt(String(row["ending_hash_key"])),
    logName: String(row["log_name"]),
  };
}
