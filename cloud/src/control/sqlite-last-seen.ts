import { z } from "zod";
import { Sqlite } from "../catalog/sqlite.js";
import { gatewayState } from "./gateway-message.js";
import type { Changes, KnownGateway } from "./known-gateways.js";
import type { LastSeenStore } from "./last-seen.js";

const formats = [
  [
    `CREATE TABLE gateways (
       gateway TEXT PRIMARY KEY,
       spool_id TEXT NOT NULL,
       last_seen_ms INTEGER NOT NULL,
       last_message_id INTEGER NOT NULL,
       last_cloud_id INTEGER NOT NULL,
       state TEXT
     ) STRICT`,
  ],
];

/**
 * Last-seen in a SQLite file of its own: it is written every few seconds, and no CreateStream should wait behind that.
 */
export class SqliteLastSeen implements LastSeenStore {
  readonly #sqlite: Sqlite;

  private constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
  }

  /** @throws {Error} where a newer version wrote the file. */
  static async open(file: string, onFull?: () => void): Promise<SqliteLastSeen> {
    return new SqliteLastSeen(await Sqlite.openFormat(file, formats, onFull));
  }

  async load(): Promise<KnownGateway[]> {
    const rows = await this.#sqlite.rows("SELECT * FROM gateways ORDER BY last_seen_ms DESC");
    return rows.map((row) => {
      const state = typeof row["state"] === "string" ? storedState.parse(JSON.parse(row["state"])) : undefined;
      return {
        gateway: String(row["gateway"]),
        spoolId: String(row["spool_id"]),
        lastSeenMs: Number(row["last_seen_ms"]),
        lastMessageId: Number(row["last_message_id"]),
        lastCloudId: Number(row["last_cloud_id"]),
        ...(state && { state: state as NonNullable<KnownGateway["state"]> }),
      };
    });
  }

  save({ saved, forgotten }: Changes): Promise<void> {
    return this.#sqlite.transaction(async () => {
      for (const gateway of forgotten) await this.#sqlite.run("DELETE FROM gateways WHERE gateway = ?", gateway);
      for (const { gateway, spoolId, lastSeenMs, lastMessageId, lastCloudId, state } of saved) {
        await this.#sqlite.run(
          "INSERT OR REPLACE INTO gateways VALUES (?, ?, ?, ?, ?, ?)",
          gateway,
          spoolId,
          lastSeenMs,
          lastMessageId,
          lastCloudId,
          state === undefined ? null : JSON.stringify(state),
        );
      }
    });
  }

  close(): Promise<void> {
    return this.#sqlite.close();
  }
}

const storedState = gatewayState.extend({ devicesOmitted: z.number().int().min(0) });
