import { crc32 } from "node:zlib";
import { z } from "zod";
import { attributesOf, type Condition, holds } from "../expressions/condition.js";
import { readLegacyConditions } from "../expressions/legacy-parameters.js";
import { type Path, projected } from "../expressions/path.js";
import { readCondition } from "../expressions/read-condition.js";
import type { Placeholders } from "../expressions/tokens.js";
import { invalid, invalidParameter } from "../lease-error.js";
import type { LeaseState, Outcome } from "../lease-state.js";
import { type IndexDefinition, type KeySchema, namesOf, type Table } from "../table.js";
import { type AttributeValue, type Item, sizeOf, toWire } from "../values/attribute-value.js";
import { compareValues } from "../values/ordering.js";
import { item, mapOf, placeholderMembers, placeholdersOf, refuseMixture, tableName } from "./input.js";
import { pathsOf, projection, shown } from "./items.js";
import { answered, leaseOperation } from "./lease-operation.js";
import { legacyCondition } from "./writes.js";

/** Source: DynamoDB API Reference, Scan and Query. */
const PAGE_BYTES_MAX = 1 << 20;

const read = {
  TableName: tableName,
  IndexName: z.string().optional(),
  ConsistentRead: z.boolean().optional(),
  ...placeholderMembers,
  ...projection,
  FilterExpression: z.string().optional(),
  ConditionalOperator: z.enum(["AND", "OR"]).optional(),
  Limit: z.number().int().min(1).optional(),
  Select: z.enum(["ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT"]).optional(),
  ExclusiveStartKey: item.optional(),
};

const scanInput = z.object({
  ...read,
  ScanFilter: mapOf(legacyCondition).optional(),
  Segment: z.number().int().min(0).max(999_999).optional(),
  TotalSegments: z.number().int().min(1).max(1_000_000).optional(),
});

const queryInput = z.object({
  ...read,
  KeyConditionExpression: z.string().optional(),
  KeyConditions: mapOf(legacyCondition).optional(),
  QueryFilter: mapOf(legacyCondition).optional(),
  ScanIndexForward: z.boolean().optional(),
});

export const scan = leaseOperation(scanInput, (input, state) => {
  refuseMixture(input, ["FilterExpression", "ProjectionExpression"], ["ScanFilter", "AttributesToGet"]);
  const source = sourceOf(input, state);
  const { Segment: segment, TotalSegments: segments } = input;
  if (segment !== undefined && segments === undefined) {
    throw invalid(
      "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
    );
  }
  if (segment === undefined && segments !== undefined) {
    throw invalid(
      "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
    );
  }
  if (segment !== undefined && segments !== undefined && segment >= segments) {
    throw invalid(
      "The Segment parameter is zero-based and must be less than parameter TotalSegments: " +
        `Segment: ${segment} is not less than TotalSegments: ${segments}`,
    );
  }
  const isOfSegment = ({ hash }: Entry): boolean => segments === undefined || crc32(hash) % segments === segment;
  const rows = [...source.entries()].filter(isOfSegment);
  return page(rows, source, input, input.ScanFilter);
});

export const query = leaseOperation(queryInput, (input, state) => {
  const older = ["KeyConditions", "QueryFilter", "AttributesToGet", "ConditionalOperator"];
  refuseMixture(input, ["KeyConditionExpression", "FilterExpression", "ProjectionExpression"], older);
  const source = sourceOf(input, state);
  const placeholders = placeholdersOf(input);
  const keyCondition = keyConditionOf(input, placeholders);
  checkKeyCondition(keyCondition, source);
  const direction = input.ScanIndexForward === false ? -1 : 1;
  const rows = [...source.entries()].filter(({ item: one }) => holds(keyCondition, one));
  rows.sort((a, b) => direction * compareEntries(a, b, source.keys));
  return page(rows, source, input, input.QueryFilter, { direction, placeholders });
});

/** What is read: a table, or an index of one. */
interface Source {
  readonly table: Table;
  readonly keys: KeySchema;
  /** Names of the attributes that say where a page ended. */
  readonly keyNames: readonly string[];
  entries(): Iterable<Entry>;
}

interface Entry {
  /** Of the table's own key. */
  readonly key: string;
  /** What decides a parallel scan's segment. */
  readonly hash: string;
  readonly item: Item;
}

function sourceOf({ TableName, IndexName: indexName, ConsistentRead }: ReadInput, state: LeaseState): Source {
  const table = state.tableOfItems(TableName);
  // Ours are always consistent; who relies on it would fail on DynamoDB.
  if (indexName !== undefined && ConsistentRead === true) {
    throw invalid("Consistent reads are not supported on global secondary indexes");
  }
  const index = indexName === undefined ? undefined : table.index(indexName);
  const keys = index?.keys ?? table.definition.keys;
  const keyNames = [...new Set([...namesOf(keys), ...namesOf(table.definition.keys)])];
  return { table, keys, keyNames, entries: () => entriesOf(table, index) };
}

function* entriesOf(table: Table, index: IndexDefinition | undefined): Iterable<Entry> {
  const hashName = (index?.keys ?? table.definition.keys).hash;
  const names = index && namesOf(index.keys);
  const paths = index && projectedPaths(table, index);
  for (const [key, whole] of table.entries()) {
    // An index holds the items that have its keys.
    if (names?.some((name) => !whole.has(name)) === true) continue;
    const value = whole.get(hashName)?.value;
    const hash = typeof value === "string" ? value : "";
    yield { key, hash, item: paths === undefined ? whole : projected(whole, paths) };
  }
}

function projectedPaths(table: Table, { keys, projected: others }: IndexDefinition): readonly Path[] | undefined {
  if (others === "ALL") return undefined;
  return [...namesOf(keys), ...namesOf(table.definition.keys), ...others].map((name) => [name]);
}

/** By range key, then by the table's own key. */
function compareEntries(a: Entry, b: Entry, { range }: KeySchema): number {
  const [x, y] = range === undefined ? [] : [a.item.get(range), b.item.get(range)];
  const order = x === undefined || y === undefined ? 0 : (compareValues(x, y) ?? 0);
  if (order !== 0) return order;
  return a.key === b.key ? 0 : a.key < b.key ? -1 : 1;
}

type ReadInput = z.output<z.ZodObject<typeof read>>;

function page(
  rows: readonly Entry[],
  source: Source,
  input: ReadInput,
  olderFilter: Parameters<typeof readLegacyConditions>[0] | undefined,
  { direction, placeholders }: { direction?: 1 | -1; placeholders: Placeholders } = {
    placeholders: placeholdersOf(input),
  },
): Outcome {
  const filter = filterOf(input, olderFilter, placeholders);
  if (direction !== undefined) refuseKeys(filter, source, input);
  const paths = pathsOf(input, placeholders);
  placeholders.checkAllUsed();
  const order = (a: Entry, b: Entry): number =>
    direction === undefined ? compareEntries(a, b, { hash: "" }) : direction * compareEntries(a, b, source.keys);
  const start = input.ExclusiveStartKey && startOf(input.ExclusiveStartKey, source);
  const items: Item[] = [];
  let scanned = 0;
  let bytes = 0;
  let last: Item | undefined;
  let isMore = false;
  for (const row of rows) {
    if (start !== undefined && order(row, start) <= 0) continue;
    isMore = scanned === input.Limit || bytes >= PAGE_BYTES_MAX;
    if (isMore) break;
    scanned += 1;
    bytes += sizeOf(row.item);
    last = row.item;
    if (filter === undefined || holds(filter, row.item)) items.push(shown(row.item, paths));
  }
  return answered({
    ...(input.Select === "COUNT" ? {} : { Items: items.map(toWire) }),
    Count: items.length,
    ScannedCount: scanned,
    ...(isMore &&
      last !== undefined && {
        LastEvaluatedKey: toWire(
          projected(
            last,
            source.keyNames.map((name) => [name]),
          ),
        ),
      }),
  });
}

function filterOf(
  { FilterExpression: expression, ConditionalOperator: operator }: ReadInput,
  older: Parameters<typeof readLegacyConditions>[0] | undefined,
  placeholders: Placeholders,
): Condition | undefined {
  if (expression !== undefined) return readCondition(expression, "FilterExpression", placeholders);
  return older === undefined || older.size === 0 ? undefined : readLegacyConditions(older, operator);
}

/** Where the last page ended, as a row that need not be there any more. */
function startOf(attributes: Item, { table, keyNames }: Source): Entry {
  if (attributes.size !== keyNames.length || keyNames.some((name) => !attributes.has(name))) {
    throw invalid("The provided starting key is invalid: The provided key element does not match the schema");
  }
  const key = table.keyOf(
    projected(
      attributes,
      namesOf(table.definition.keys).map((name) => [name]),
    ),
  );
  return { key, hash: "", item: attributes };
}

function keyConditionOf(input: z.output<typeof queryInput>, placeholders: Placeholders): Condition {
  const { KeyConditionExpression: expression, KeyConditions: older } = input;
  if (expression !== undefined) return readCondition(expression, "KeyConditionExpression", placeholders);
  if (older !== undefined) return readLegacyConditions(older);
  throw invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.");
}

/** The hash key equals something, and the range key, if asked about, lies in one stretch. */
function checkKeyCondition(condition: Condition, { keys: { hash, range }, table }: Source): void {
  const all = condition.kind === "and" ? condition.all : [condition];
  const other = attributesOf(condition).find((name) => name !== hash && name !== range);
  if (other !== undefined) throw invalid(`Query condition missed key schema element: ${hash}`);
  const ofHash = all.filter((one) => attributesOf(one).includes(hash));
  const ofRange = all.filter((one) => !ofHash.includes(one));
  if (ofHash.length === 0) throw invalid(`Query condition missed key schema element: ${hash}`);
  const isEquality = ofHash.every((one) => one.kind === "compare" && one.op === "=");
  const isStretch = ofRange.every(
    (one) => (one.kind === "compare" && one.op !== "<>") || one.kind === "between" || one.kind === "begins",
  );
  if (!isEquality || !isStretch || ofHash.length > 1 || ofRange.length > 1)
    throw invalid("Query key condition not supported");
  const isTyped = all.every((one) => {
    const type = table.definition.types[attributesOf(one)[0] ?? ""];
    return valuesOf(one).every((value) => value.type === type);
  });
  if (!isTyped) throw invalidParameter("Condition parameter type does not match schema type");
}

/** What a key condition compares with. */
function valuesOf(condition: Condition): AttributeValue[] {
  const operands =
    condition.kind === "compare"
      ? [condition.left, condition.right]
      : condition.kind === "between"
        ? [condition.low, condition.high]
        : condition.kind === "begins"
          ? [condition.part]
          : [];
  return operands.flatMap((operand) => (operand.kind === "value" ? operand.value : []));
}

/** A key belongs into the key condition: after it, there is nothing left to filter by a key. */
function refuseKeys(filter: Condition | undefined, { keys }: Source, input: ReadInput): void {
  const asked = filter === undefined ? [] : attributesOf(filter);
  const key = namesOf(keys).find((name) => asked.includes(name));
  if (key === undefined) return;
  const which = input.FilterExpression === undefined ? "QueryFilter" : "Filter Expression";
  throw invalid(`${which} can only contain non-primary key attributes: Primary key attribute: ${key}`);
}
