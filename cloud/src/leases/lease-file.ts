import { isFull, Sqlite } from "../catalog/sqlite.js";
import { CloudError } from "../cloud-error.js";
import { type Change, LeaseState } from "./lease-state.js";
import type { TableDefinition } from "./table.js";
import { type Item, toWire } from "./values/attribute-value.js";
import { readItem } from "./values/read-value.js";

const formats = [
  [
    "CREATE TABLE tables (name TEXT PRIMARY KEY, definition TEXT NOT NULL) STRICT",
    `CREATE TABLE items (
       table_name TEXT NOT NULL,
       key TEXT NOT NULL,
       item TEXT NOT NULL,
       PRIMARY KEY (table_name, key)
     ) STRICT, WITHOUT ROWID`,
  ],
];

/** The lease tables on disk: a SQLite file of their own, since leases are renewed every few seconds. */
export class LeaseFile {
  readonly #sqlite: Sqlite;

  private constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
  }

  /** @throws {Error} where a newer version wrote the file. */
  static async open(file: string, onFull?: () => void): Promise<LeaseFile> {
    return new LeaseFile(await Sqlite.openFormat(file, formats, onFull));
  }

  async load(): Promise<LeaseState> {
    const state = new LeaseState();
    for (const row of await this.#sqlite.rows("SELECT name, definition FROM tables")) {
      const definition = JSON.parse(String(row["definition"])) as TableDefinition;
      state.apply({ kind: "table", name: definition.name, definition });
    }
    for (const row of await this.#sqlite.rows("SELECT table_name, key, item FROM items")) {
      const item = readItem(JSON.parse(String(row["item"])));
      state.apply({ kind: "item", table: String(row["table_name"]), key: String(row["key"]), item });
    }
    return state;
  }

  /** Resolves once the changes are synced; all of them or none. @throws {CloudError} `disk-full`, `disk-failed`. */
  async write(changes: readonly Change[]): Promise<void> {
    try {
      await this.#write(collected(changes));
    } catch (error) {
      throw new CloudError(isFull(error) ? "disk-full" : "disk-failed", "could not store leases", { cause: error });
    }
  }

  #write({ wiped, tables, deleted, put }: Collected): Promise<void> {
    return this.#sqlite.transaction(async () => {
      await this.#each("DELETE FROM items WHERE table_name IN (SELECT value FROM json_each(?))", wiped);
      await this.#each("DELETE FROM tables WHERE name IN (SELECT value FROM json_each(?))", wiped);
      await this.#each("INSERT OR REPLACE INTO tables SELECT value ->> 0, value ->> 1 FROM json_each(?)", tables);
      await this.#each(
        "DELETE FROM items WHERE (table_name, key) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))",
        deleted,
      );
      await this.#each(
        "INSERT OR REPLACE INTO items SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)",
        put,
      );
    });
  }

  close(): Promise<void> {
    return this.#sqlite.close();
  }

  /** One statement for all rows: each costs a turn of SQLite's thread. */
  async #each(sql: string, rows: readonly unknown[]): Promise<void> {
    if (rows.length > 0) await this.#sqlite.run(sql, JSON.stringify(rows));
  }
}

interface Collected {
  /** Names of tables that were deleted, even where they were made again. */
  readonly wiped: readonly string[];
  readonly tables: readonly (readonly [name: string, definition: string])[];
  readonly deleted: readonly (readonly [table: string, key: string])[];
  readonly put: readonly (readonly [table: string, key: string, item: string])[];
}

/** What remains to be written of many changes: the last of each row. */
function collected(changes: readonly Change[]): Collected {
  const wiped = new Set<string>();
  const tables = new Map<string, TableDefinition>();
  const items = new Map<string, Map<string, Item | undefined>>();
  for (const change of changes) {
    if (change.kind === "item") {
      const rows = items.get(change.table) ?? new Map<string, Item | undefined>();
      items.set(change.table, rows.set(change.key, change.item));
    } else if (change.definition === undefined) {
      wiped.add(change.name);
      tables.delete(change.name);
      items.delete(change.name);
    } else tables.set(change.name, change.definition);
  }
  const rows = [...items].flatMap(([table, ofTable]) => [...ofTable].map(([key, item]) => ({ table, key, item })));
  return {
    wiped: [...wiped],
    tables: [...tables].map(([name, definition]) => [name, JSON.stringify(definition)] as const),
    deleted: rows.flatMap(({ table, key, item }) => (item === undefined ? [[table, key] as const] : [])),
    put: rows.flatMap(({ table, key, item }) =>
      item === undefined ? [] : [[table, key, JSON.stringify(toWire(item))] as const],
    ),
  };
}
