import { Sqlite } from "../catalog/sqlite.js";
import type { StreamMode } from "../streams/stream.js";
import { HOUR_MS, type StreamUsage, type Usage, usageMembers } from "./usage.js";

const formats = [
  [
    // Bytes of an hour fit in SQLite's 64 bits, and their sums in JavaScript's 53.
    `CREATE TABLE usage (
       hourMs INTEGER NOT NULL,
       streamName TEXT NOT NULL,
       mode TEXT NOT NULL,
       streamMs INTEGER NOT NULL,
       shardMs INTEGER NOT NULL,
       extendedShardMs INTEGER NOT NULL,
       consumerShardMs INTEGER NOT NULL,
       records INTEGER NOT NULL,
       bytesIn INTEGER NOT NULL,
       roundedBytesIn INTEGER NOT NULL,
       payloadUnits INTEGER NOT NULL,
       bytesOut INTEGER NOT NULL,
       fanOutBytes INTEGER NOT NULL,
       PRIMARY KEY (hourMs, streamName, mode)
     ) STRICT, WITHOUT ROWID`,
  ],
  [
    "ALTER TABLE usage ADD COLUMN extendedByteHours INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN longTermByteHours INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX usage_of_stream ON usage (streamName, hourMs)",
  ],
  ["ALTER TABLE usage ADD COLUMN longTermBytesOut INTEGER NOT NULL DEFAULT 0"],
];
/** More than a year, so that a month can be held against the same one a year before. */
const KEPT_MS = 400 * 24 * HOUR_MS;

/** What was used within one hour. */
export interface HourlyUsage extends StreamUsage {
  /** When the hour began, in ms since 1970. */
  readonly hourMs: number;
}

/** Where usage is kept. */
export interface UsageStore {
  /** Adds to what is there; resolves once that is durable, all of it or none. */
  add(rows: readonly HourlyUsage[]): Promise<void>;
  /** By stream and mode, over the hours that begin within the time; a stream that was deleted included. */
  total(fromMs: number, toMs: number): Promise<StreamUsage[]>;
  /** What was stored in the stream in the hours that begin within the time, in bytes. */
  bytesIn(streamName: string, fromMs: number, toMs: number): Promise<number>;
  close(): Promise<void>;
}

/** Usage in a SQLite file of its own: it is written every minute. */
export class SqliteUsage implements UsageStore {
  readonly #sqlite: Sqlite;

  private constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
  }

  /** @throws {Error} where a newer version wrote the file. */
  static async open(file: string, onFull?: () => void): Promise<SqliteUsage> {
    return new SqliteUsage(await Sqlite.openFormat(file, formats, onFull));
  }

  async add(rows: readonly HourlyUsage[]): Promise<void> {
    if (rows.length === 0) return;
    const columns = ["hourMs", "streamName", "mode", ...usageMembers] as const;
    const values = rows.map((row) => columns.map((name) => row[name]));
    const places = columns.map((_, i) => `value ->> ${i}`);
    const sums = usageMembers.map((name) => `${name} = ${name} + excluded.${name}`);
    const newestMs = Math.max(...rows.map(({ hourMs }) => hourMs));
    await this.#sqlite.transaction(async () => {
      await this.#sqlite.run(
        `INSERT INTO usage (${columns.join(", ")}) SELECT ${places.join(", ")} FROM json_each(?) WHERE true ` +
          `ON CONFLICT (hourMs, streamName, mode) DO UPDATE SET ${sums.join(", ")}`,
        JSON.stringify(values),
      );
      await this.#sqlite.run("DELETE FROM usage WHERE hourMs < ?", newestMs - KEPT_MS);
    });
  }

  async total(fromMs: number, toMs: number): Promise<StreamUsage[]> {
    const sums = usageMembers.map((name) => `SUM(${name}) AS ${name}`);
    const rows = await this.#sqlite.rows(
      `SELECT streamName, mode, ${sums.join(", ")} FROM usage WHERE hourMs >= ? AND hourMs < ? ` +
        "GROUP BY streamName, mode ORDER BY streamName, mode",
      fromMs,
      toMs,
    );
    return rows.map((row) => ({
      streamName: String(row["streamName"]),
      mode: String(row["mode"]) as StreamMode,
      ...(Object.fromEntries(usageMembers.map((name) => [name, Number(row[name])])) as unknown as Usage),
    }));
  }

  async bytesIn(streamName: string, fromMs: number, toMs: number): Promise<number> {
    const [row] = await this.#sqlite.rows(
      "SELECT SUM(bytesIn) AS bytes FROM usage WHERE streamName = ? AND hourMs >= ? AND hourMs < ?",
      streamName,
      fromMs,
      toMs,
    );
    return Number(row?.["bytes"] ?? 0);
  }

  close(): Promise<void> {
    return this.#sqlite.close();
  }
}
