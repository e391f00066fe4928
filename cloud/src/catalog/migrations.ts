import type { Sqlite } from "./sqlite.js";

/** Each step brings the catalog from the format of its index to the next. Steps are never changed, only added. */
const steps: readonly (readonly string[])[] = [
  [
    `CREATE TABLE streams (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL UNIQUE,
       status TEXT NOT NULL,
       mode TEXT NOT NULL,
       created_ms INTEGER NOT NULL,
       retention_hours INTEGER NOT NULL,
       tags TEXT NOT NULL
     ) STRICT`,
    // AUTOINCREMENT never gives a number twice, not even a deleted shard's.
    `CREATE TABLE shards (
       epoch INTEGER PRIMARY KEY AUTOINCREMENT,
       stream_id TEXT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
       number INTEGER NOT NULL,
       starting_hash_key TEXT NOT NULL,
       ending_hash_key TEXT NOT NULL,
       log_name TEXT NOT NULL UNIQUE,
       UNIQUE (stream_id, number)
     ) STRICT`,
    `CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT`,
  ],
  [
    `CREATE TABLE video_streams (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL UNIQUE,
       status TEXT NOT NULL,
       created_ms INTEGER NOT NULL,
       retention_hours INTEGER NOT NULL,
       version TEXT NOT NULL,
       device_name TEXT,
       media_type TEXT,
       kms_key_id TEXT,
       tags TEXT NOT NULL
     ) STRICT`,
  ],
];

/**
 * Brings the catalog's file to the format that this version writes.
 * @throws {Error} where a newer version wrote it: going back would lose what this one does not know.
 */
export async function migrate(sqlite: Sqlite, file: string): Promise<void> {
  const found = Number((await sqlite.rows("PRAGMA user_version"))[0]?.["user_version"]);
  if (found > steps.length) {
    throw new Error(
      `${file} has format ${found}, written by a newer version of Headwater; this one knows up to ${steps.length}`,
    );
  }
  for (const [from, statements] of steps.entries()) {
    if (from < found) continue;
    await sqlite.transaction(async () => {
      for (const statement of statements) await sqlite.run(statement);
      await sqlite.run(`PRAGMA user_version = ${from + 1}`);
    });
  }
}
