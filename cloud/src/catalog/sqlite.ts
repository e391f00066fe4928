import sqlite3 from "sqlite3";

export type SqlValue = string | number | Buffer | null;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** A SQLite file in WAL mode that syncs every commit. Transactions run one after the other. */
export class Sqlite {
  readonly #database: sqlite3.Database;
  readonly #onFull: () => void;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(database: sqlite3.Database, onFull: () => void) {
    this.#database = database;
    this.#onFull = onFull;
  }

  /**
   * Opens the file and brings it to its newest format.
   * @param formats for each format the statements that make it from the one before. They are never changed, only added.
   * @param onFull called whenever a statement finds the disk full; it fails all the same.
   * @throws {Error} where a newer version wrote the file: going back would lose what this one does not know.
   */
  static async openFormat(file: string, formats: readonly (readonly string[])[], onFull?: () => void): Promise<Sqlite> {
    const sqlite = await Sqlite.open(file, onFull);
    try {
      await sqlite.#migrate(file, formats);
    } catch (error) {
      await sqlite.close();
      throw error;
    }
    return sqlite;
  }

  static async open(file: string, onFull: () => void = () => undefined): Promise<Sqlite> {
    const database = await new Promise<sqlite3.Database>((resolve, reject) => {
      const opening: sqlite3.Database = new sqlite3.Database(file, (error) =>
        error ? reject(error) : resolve(opening),
      );
    });
    const sqlite = new Sqlite(database, onFull);
    await sqlite.run("PRAGMA journal_mode = WAL");
    await sqlite.run("PRAGMA synchronous = FULL");
    await sqlite.run("PRAGMA foreign_keys = ON");
    return sqlite;
  }

  run(sql: string, ...values: SqlValue[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#database.run(sql, values, (error) => (error ? reject(this.#heard(error)) : resolve()));
    });
  }

  rows(sql: string, ...values: SqlValue[]): Promise<SqlRow[]> {
    return new Promise((resolve, reject) => {
      this.#database.all<SqlRow>(sql, values, (error, rows) => (error ? reject(this.#heard(error)) : resolve(rows)));
    });
  }

  /** Commits what `work` did, synced, or undoes it where it throws. */
  transaction<T>(work: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      await this.run("BEGIN IMMEDIATE");
      try {
        const result = await work();
        await this.run("COMMIT");
        return result;
      } catch (error) {
        // A failed COMMIT may have rolled back already, so SQLite's answer to this says nothing new.
        await this.run("ROLLBACK").catch(() => undefined);
        throw error;
      }
    };
    const result = this.#last.then(run, run);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#last;
    await new Promise<void>((resolve, reject) => {
      this.#database.close((error) => (error ? reject(error) : resolve()));
    });
  }

  #heard(error: Error): Error {
    if (isFull(error)) this.#onFull();
    return error;
  }

  async #migrate(file: string, formats: readonly (readonly string[])[]): Promise<void> {
    const found = Number((await this.rows("PRAGMA user_version"))[0]?.["user_version"]);
    if (found > formats.length) {
      throw new Error(
        `${file} has format ${found}, written by a newer version of Headwater; this one knows up to ${formats.length}`,
      );
    }
    for (const [from, statements] of formats.entries()) {
      if (from < found) continue;
      await this.transaction(async () => {
        for (const statement of statements) await this.run(statement);
        await this.run(`PRAGMA user_version = ${from + 1}`);
      });
    }
  }
}

/** Whether that is how SQLite says that the disk is full. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "SQLITE_FULL";
}
