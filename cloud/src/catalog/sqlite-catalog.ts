import { randomBytes } from "node:crypto";
import type { StreamSettings, StreamStatus } from "../streams/stream.js";
import type {
  Catalog,
  NewShard,
  NewStream,
  ReshardChange,
  StoredConsumer,
  StoredShard,
  StoredStream,
} from "./catalog.js";
import { catalogFormats } from "./catalog-formats.js";
import { Sqlite, type SqlRow, type SqlValue } from "./sqlite.js";
import { SqliteVideoCatalog } from "./sqlite-video-catalog.js";

const TOKEN_KEY_BYTES = 32;
/** SQLite's rows become objects all at once; of a stream's thousands of shards, that would hold up everything else. */
const PAGE_ROWS = 500;

/** The catalog of a single box: one SQLite file. */
export class SqliteCatalog implements Catalog {
  readonly video: SqliteVideoCatalog;
  readonly #sqlite: Sqlite;

  private constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
    this.video = new SqliteVideoCatalog(sqlite);
  }

  /** @throws {Error} where the file is of a newer format, or no catalog. */
  static async open(file: string, onFull?: () => void): Promise<SqliteCatalog> {
    return new SqliteCatalog(await Sqlite.openFormat(file, catalogFormats, onFull));
  }

  async streams(): Promise<StoredStream[]> {
    const streams: StoredStream[] = [];
    for (const row of await this.#sqlite.rows("SELECT * FROM streams ORDER BY name")) {
      streams.push(toStream(row, await this.#shards(String(row["id"]))));
    }
    return streams;
  }

  async stream(streamId: string): Promise<StoredStream | undefined> {
    const [row] = await this.#sqlite.rows("SELECT * FROM streams WHERE id = ?", streamId);
    return row && toStream(row, await this.#shards(streamId));
  }

  addStream({ hashKeyRanges, ...stream }: NewStream): Promise<StoredStream> {
    return this.#sqlite.transaction(async () => {
      const { id, name, status, createdMs, settings } = stream;
      await this.#sqlite.run(
        "INSERT INTO streams (id, name, status, created_ms, settings) VALUES (?, ?, ?, ?, ?)",
        id,
        name,
        status,
        createdMs,
        JSON.stringify(settings),
      );
      const shards = hashKeyRanges.map((range) => ({ ...range, parents: [] }));
      await this.#insertShards(id, shards, createdMs);
      const [stored] = await this.#sqlite.rows("SELECT * FROM streams WHERE id = ?", id);
      return toStream(stored ?? {}, await this.#shards(id));
    });
  }

  setStatus(streamId: string, status: StreamStatus): Promise<void> {
    return this.#change("UPDATE streams SET status = ? WHERE id = ?", status, streamId);
  }

  setSettings(streamId: string, settings: StreamSettings): Promise<void> {
    return this.#change("UPDATE streams SET settings = ? WHERE id = ?", JSON.stringify(settings), streamId);
  }

  setShardCountUpdates(streamId: string, timesMs: readonly number[]): Promise<void> {
    return this.#change("UPDATE streams SET shard_count_updates = ? WHERE id = ?", JSON.stringify(timesMs), streamId);
  }

  removeStream(streamId: string): Promise<void> {
    return this.#change("DELETE FROM streams WHERE id = ?", streamId);
  }

  addShards(streamId: string, shards: readonly NewShard[]): Promise<StoredShard[]> {
    return this.#sqlite.transaction(async () => {
      const first = await this.#insertShards(streamId, shards, null);
      return this.#shards(streamId, first);
    });
  }

  async reshard(streamId: string, { closed, opened, openedMs }: ReshardChange): Promise<void> {
    await this.#sqlite.transaction(async () => {
      await this.#sqlite.run(
        // Materialized, so that SQLite makes an index for it instead of reading the JSON once for each shard.
        "WITH ends (number, position, closed_ms) AS MATERIALIZED " +
          "(SELECT value ->> 'number', value ->> 'end', value ->> 'closedMs' FROM json_each(?)) " +
          "UPDATE shards SET end_position = ends.position, closed_ms = ends.closed_ms FROM ends " +
          "WHERE stream_id = ? AND shards.number = ends.number",
        JSON.stringify(closed),
        streamId,
      );
      await this.#sqlite.run(
        "UPDATE shards SET opened_ms = ? WHERE stream_id = ? AND number IN (SELECT value FROM json_each(?))",
        openedMs,
        streamId,
        JSON.stringify(opened),
      );
    });
  }

  async removeShards(streamId: string, numbers: readonly number[]): Promise<void> {
    await this.#change(
      "DELETE FROM shards WHERE stream_id = ? AND number IN (SELECT value FROM json_each(?))",
      streamId,
      JSON.stringify(numbers),
    );
  }

  async consumers(): Promise<StoredConsumer[]> {
    const rows = await this.#sqlite.rows("SELECT * FROM consumers ORDER BY name");
    return rows.map((row) => ({
      id: String(row["id"]),
      streamId: String(row["stream_id"]),
      name: String(row["name"]),
      createdMs: Number(row["created_ms"]),
      tags: JSON.parse(String(row["tags"])) as Record<string, string>,
      ...(typeof row["policy"] === "string" ? { policy: row["policy"] } : {}),
    }));
  }

  addConsumer({ id, streamId, name, createdMs, tags, policy }: StoredConsumer): Promise<void> {
    return this.#change(
      "INSERT INTO consumers VALUES (?, ?, ?, ?, ?, ?)",
      id,
      streamId,
      name,
      createdMs,
      JSON.stringify(tags),
      policy ?? null,
    );
  }

  setConsumer({ id, tags, policy }: StoredConsumer): Promise<void> {
    return this.#change(
      "UPDATE consumers SET tags = ?, policy = ? WHERE id = ?",
      JSON.stringify(tags),
      policy ?? null,
      id,
    );
  }

  removeConsumer(consumerId: string): Promise<void> {
    return this.#change("DELETE FROM consumers WHERE id = ?", consumerId);
  }

  async accountSettings(): Promise<Readonly<Record<string, string>>> {
    const rows = await this.#sqlite.rows("SELECT name, value FROM account_settings");
    return Object.fromEntries(rows.map(({ name, value }) => [String(name), String(value)]));
  }

  setAccountSetting(name: string, value: string): Promise<void> {
    return this.#change("INSERT OR REPLACE INTO account_settings VALUES (?, ?)", name, value);
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

  /** Within a transaction. @returns the first shard's number. */
  async #insertShards(streamId: string, shards: readonly NewShard[], openedMs: number | null): Promise<number> {
    const [stream] = await this.#sqlite.rows("SELECT name, next_shard FROM streams WHERE id = ?", streamId);
    const first = Number(stream?.["next_shard"]);
    const rows = shards.map(({ startingHashKey, endingHashKey, parents }) => [
      startingHashKey.toString(),
      endingHashKey.toString(),
      parents,
    ]);
    // One statement for all: each would take its turn among the log's syncs.
    await this.#sqlite.run(
      "INSERT INTO shards (stream_id, number, starting_hash_key, ending_hash_key, log_name, parents, opened_ms) " +
        "SELECT ?1, ?2 + key, value ->> 0, value ->> 1, ?3 || (?2 + key), value -> 2, ?4 FROM json_each(?5) ORDER BY key",
      streamId,
      first,
      `streams/${String(stream?.["name"])}/${streamId}/`,
      openedMs,
      JSON.stringify(rows),
    );
    await this.#sqlite.run("UPDATE streams SET next_shard = ? WHERE id = ?", first + shards.length, streamId);
    return first;
  }

  /** A stream's shards from a number on. */
  async #shards(streamId: string, first = 0): Promise<StoredShard[]> {
    const shards: StoredShard[] = [];
    const sql = "SELECT * FROM shards WHERE stream_id = ? AND number >= ? ORDER BY number LIMIT ?";
    for (let from = first; ;) {
      const rows = await this.#sqlite.rows(sql, streamId, from, PAGE_ROWS);
      for (const row of rows) shards.push(toShard(row));
      const last = shards.at(-1);
      if (last === undefined || rows.length < PAGE_ROWS) return shards;
      from = last.number + 1;
    }
  }

  #change(sql: string, ...values: SqlValue[]): Promise<void> {
    return this.#sqlite.transaction(() => this.#sqlite.run(sql, ...values));
  }
}

function toStream(row: SqlRow, shards: readonly StoredShard[]): StoredStream {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    status: String(row["status"]) as StreamStatus,
    createdMs: Number(row["created_ms"]),
    settings: JSON.parse(String(row["settings"])) as StreamSettings,
    shards,
    nextShardNumber: Number(row["next_shard"]),
    shardCountUpdatesMs: JSON.parse(String(row["shard_count_updates"])) as number[],
  };
}

function toShard(row: SqlRow): StoredShard {
  const { opened_ms: openedMs, end_position: end, closed_ms: closedMs } = row;
  return {
    number: Number(row["number"]),
    epoch: Number(row["epoch"]),
    startingHashKey: BigInt(String(row["starting_hash_key"])),
    endingHashKey: BigInt(String(row["ending_hash_key"])),
    logName: String(row["log_name"]),
    parents: JSON.parse(String(row["parents"])) as number[],
    openedMs: typeof openedMs === "number" ? openedMs : undefined,
    closed: typeof end === "number" && typeof closedMs === "number" ? { end, closedMs } : undefined,
  };
}
