/** The formats of the catalog's file; see Sqlite.openFormat. */
export const catalogFormats: readonly (readonly string[])[] = [
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
  [
    // What users may change becomes one JSON value; shards learn where they come from and how they end.
    `ALTER TABLE streams ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'`,
    `ALTER TABLE streams ADD COLUMN next_shard INTEGER NOT NULL DEFAULT 0`,
    `UPDATE streams SET
       settings = json_object('mode', mode, 'retentionHours', retention_hours, 'tags', json(tags), 'maxRecordKib', 1024, 'shardLevelMetrics', json('[]')),
       next_shard = (SELECT COUNT(*) FROM shards WHERE stream_id = id)`,
    `ALTER TABLE streams DROP COLUMN mode`,
    `ALTER TABLE streams DROP COLUMN retention_hours`,
    `ALTER TABLE streams DROP COLUMN tags`,
    `ALTER TABLE shards ADD COLUMN parents TEXT NOT NULL DEFAULT '[]'`,
    `ALTER TABLE shards ADD COLUMN opened_ms INTEGER`,
    `ALTER TABLE shards ADD COLUMN end_position INTEGER`,
    `ALTER TABLE shards ADD COLUMN closed_ms INTEGER`,
    `UPDATE shards SET opened_ms = (SELECT created_ms FROM streams WHERE id = stream_id)`,
    `CREATE TABLE consumers (
       id TEXT PRIMARY KEY,
       stream_id TEXT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
       name TEXT NOT NULL,
       created_ms INTEGER NOT NULL,
       tags TEXT NOT NULL,
       policy TEXT,
       UNIQUE (stream_id, name)
     ) STRICT`,
    `CREATE TABLE account_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`,
  ],
  [`ALTER TABLE streams ADD COLUMN shard_count_updates TEXT NOT NULL DEFAULT '[]'`],
];
