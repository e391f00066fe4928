import { invalid, invalidParameter } from "./lease-error.js";
import { type AttributeValue, type Item, sizeOf } from "./values/attribute-value.js";

export type KeyType = "S" | "N" | "B";

/** The attributes that make a key. */
export interface KeySchema {
  readonly hash: string;
  readonly range?: string;
}

export interface IndexDefinition {
  readonly name: string;
  readonly keys: KeySchema;
  /** Attributes beside the keys; `ALL` for the whole item. */
  readonly projected: "ALL" | readonly string[];
  readonly throughput: Throughput;
}

/** Noted and shown; nothing is limited by it. */
export interface Throughput {
  readonly read: number;
  readonly write: number;
}

/** What was said of a table; stored as JSON. */
export interface TableDefinition {
  readonly name: string;
  /** UUID. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly keys: KeySchema;
  /** Types of the attributes that are keys of the table or an index. */
  readonly types: Readonly<Record<string, KeyType>>;
  readonly indexes: readonly IndexDefinition[];
  readonly billingMode: "PROVISIONED" | "PAY_PER_REQUEST";
  readonly throughput: Throughput;
  readonly isDeletionProtected: boolean;
  /** Noted and shown; nothing is backed up. */
  readonly hasPointInTimeRecovery: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

/** Source: DynamoDB Developer Guide, quotas. */
const ITEM_BYTES_MAX = 400 * 1024;
const HASH_KEY_BYTES_MAX = 2048;
const RANGE_KEY_BYTES_MAX = 1024;

/** A table with its items in memory. Changed by the lease state only. */
export class Table {
  definition: TableDefinition;
  /** Of all items, as {@link sizeOf} counts. */
  bytes = 0;
  readonly #items = new Map<string, Item>();
  #sortedKeys: readonly string[] | undefined;

  constructor(definition: TableDefinition) {
    this.definition = definition;
  }

  get itemCount(): number {
    return this.#items.size;
  }

  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  /** @param item undefined takes it out. */
  set(key: string, item: Item | undefined): void {
    const before = this.#items.get(key);
    if (before !== undefined) this.bytes -= sizeOf(before);
    if ((before === undefined) !== (item === undefined)) this.#sortedKeys = undefined;
    if (item === undefined) this.#items.delete(key);
    else {
      this.#items.set(key, item);
      this.bytes += sizeOf(item);
    }
  }

  /** The items with their keys, in an order that stays. */
  *entries(): Iterable<readonly [key: string, item: Item]> {
    this.#sortedKeys ??= [...this.#items.keys()].sort();
    for (const key of this.#sortedKeys) {
      const item = this.#items.get(key);
      if (item !== undefined) yield [key, item];
    }
  }

  /** @throws {LeaseError} `invalid`. */
  index(name: string): IndexDefinition {
    const index = this.definition.indexes.find((one) => one.name === name);
    if (index === undefined) throw invalid(`The table does not have the specified index: ${name}`);
    return index;
  }

  /**
   * The key of an item that is to be stored.
   * @throws {LeaseError} `invalid` where keys are missing, of a wrong type or too long, or the item is too large.
   */
  keyOfNew(item: Item): string {
    const { keys, types, indexes } = this.definition;
    for (const name of namesOf(keys)) {
      const value = item.get(name);
      if (value === undefined) throw invalidParameter(`Missing the key ${name} in the item`);
      if (value.type !== types[name]) {
        throw invalidParameter(`Type mismatch for key ${name} expected: ${types[name]} actual: ${value.type}`);
      }
    }
    for (const index of indexes) {
      for (const name of namesOf(index.keys)) {
        const value = item.get(name);
        if (value === undefined || value.type === types[name]) continue;
        throw invalidParameter(
          `Type mismatch for Index Key ${name} Expected: ${types[name]} Actual: ${value.type} IndexName: ${index.name}`,
        );
      }
    }
    if (sizeOf(item) > ITEM_BYTES_MAX) throw invalid("Item size has exceeded the maximum allowed size");
    return this.#keyText(item);
  }

  /**
   * The key of an item that is asked for by its key attributes alone.
   * @throws {LeaseError} `invalid` where they are not just those of the schema.
   */
  keyOf(attributes: Item): string {
    const { keys, types } = this.definition;
    const names = namesOf(keys);
    if (attributes.size !== names.length || names.some((name) => attributes.get(name)?.type !== types[name])) {
      throw invalid("The provided key element does not match the schema");
    }
    return this.#keyText(attributes);
  }

  #keyText(item: Item): string {
    const { hash, range } = this.definition.keys;
    const parts = [part(item, hash, HASH_KEY_BYTES_MAX, "hash")];
    if (range !== undefined) parts.push(part(item, range, RANGE_KEY_BYTES_MAX, "range"));
    return JSON.stringify(parts);
  }
}

export function namesOf({ hash, range }: KeySchema): string[] {
  return range === undefined ? [hash] : [hash, range];
}

function part(item: Item, name: string, bytesMax: number, kind: string): string {
  const value: AttributeValue | undefined = item.get(name);
  const text = typeof value?.value === "string" ? value.value : "";
  if (text === "") {
    const type = value?.type === "B" ? "binary" : "string";
    throw invalid(
      `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty ${type} value. Key: ${name}`,
    );
  }
  if (Buffer.byteLength(text) > bytesMax) {
    throw invalidParameter(`Size of ${kind}key has exceeded the maximum size limit of ${bytesMax} bytes`);
  }
  return text;
}
