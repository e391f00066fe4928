import { LeaseError } from "./lease-error.js";
import { Table, type TableDefinition } from "./table.js";
import { type Item, sizeOf } from "./values/attribute-value.js";

/** A step from one state to the next, as it is stored. */
export type Change =
  | { readonly kind: "table"; readonly name: string; readonly definition: TableDefinition | undefined }
  | { readonly kind: "item"; readonly table: string; readonly key: string; readonly item: Item | undefined };

/** What an operation answers, and what it changes, which takes effect as a whole. */
export interface Outcome {
  readonly answer: unknown;
  readonly changes: readonly Change[];
}

/** Room for 90,000 leases as the Client Library writes them; in memory they take four times as much. */
const BYTES_MAX = 32 << 20;
/** What is there already may grow beyond, so that leases are renewed where there is no room for another. */
const GROWTH_BYTES_MAX = 4 << 20;
const TABLES_MAX = 256;

/** All lease tables, in memory. Operations read it and answer changes; nothing else changes it. */
export class LeaseState {
  readonly #tables = new Map<string, Table>();

  get tables(): readonly Table[] {
    return [...this.#tables.values()];
  }

  has(name: string): boolean {
    return this.#tables.has(name);
  }

  /** For what is asked about a table itself. @throws {LeaseError} `table-not-found`. */
  table(name: string): Table {
    return this.#find(name, `Requested resource not found: Table: ${name} not found`);
  }

  /** For what is asked about items: there DynamoDB does not name the table. @throws {LeaseError} `table-not-found`. */
  tableOfItems(name: string): Table {
    return this.#find(name, "Requested resource not found");
  }

  #find(name: string, refusal: string): Table {
    const table = this.#tables.get(name);
    if (table === undefined) throw new LeaseError("table-not-found", refusal);
    return table;
  }

  /** @throws {LeaseError} `limit-exceeded` where the changes would make the tables too many or too large. */
  check(changes: readonly Change[]): void {
    const creates = changes.some((change) => change.kind === "table" && !this.has(change.name));
    if (creates && this.#tables.size >= TABLES_MAX) {
      throw new LeaseError("limit-exceeded", `There are ${TABLES_MAX} tables; there is no room for more.`);
    }
    const { bytes, isNew } = this.#growth(changes);
    const bytesMax = isNew ? BYTES_MAX : BYTES_MAX + GROWTH_BYTES_MAX;
    if (bytes > 0 && this.#bytes() + bytes > bytesMax) {
      throw new LeaseError("limit-exceeded", `The tables may hold ${bytesMax} bytes; there is no room for more.`);
    }
  }

  apply(change: Change): void {
    if (change.kind === "item") {
      this.#tables.get(change.table)?.set(change.key, change.item);
      return;
    }
    const { name, definition } = change;
    const table = this.#tables.get(name);
    if (definition === undefined) this.#tables.delete(name);
    else if (table === undefined) this.#tables.set(name, new Table(definition));
    else table.definition = definition;
  }

  /** By how much the changes make the tables larger, and whether by another item. */
  #growth(changes: readonly Change[]): { readonly bytes: number; readonly isNew: boolean } {
    let bytes = 0;
    let isNew = false;
    for (const change of changes) {
      if (change.kind === "table") continue;
      const before = this.#tables.get(change.table)?.get(change.key);
      bytes += (change.item === undefined ? 0 : sizeOf(change.item)) - (before === undefined ? 0 : sizeOf(before));
      isNew ||= before === undefined;
    }
    return { bytes, isNew };
  }

  #bytes(): number {
    return this.tables.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}
