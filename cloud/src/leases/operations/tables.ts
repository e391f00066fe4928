import { randomUUID } from "node:crypto";
import { z } from "zod";
import { invalid, invalidParameter, LeaseError } from "../lease-error.js";
import type { Change, LeaseState } from "../lease-state.js";
import type { IndexDefinition, KeySchema, KeyType, Table, TableDefinition, Throughput } from "../table.js";
import { namesOf } from "../table.js";
import { attributeName, tableName } from "./input.js";
import { answered, type LeaseContext, leaseOperation } from "./lease-operation.js";
import { describe, tableArn } from "./table-description.js";

const attributeDefinitions = z.array(
  z.object({ AttributeName: attributeName, AttributeType: z.enum(["S", "N", "B"]) }),
);
const keySchema = z
  .array(z.object({ AttributeName: attributeName, KeyType: z.enum(["HASH", "RANGE"]) }))
  .min(1)
  .max(2);
const throughput = z.object({
  ReadCapacityUnits: z.number().int().min(1),
  WriteCapacityUnits: z.number().int().min(1),
});
const index = z.object({
  IndexName: z.string().regex(/^[a-zA-Z0-9_.-]{3,255}$/),
  KeySchema: keySchema,
  Projection: z.object({
    ProjectionType: z.enum(["ALL", "KEYS_ONLY", "INCLUDE"]).default("ALL"),
    NonKeyAttributes: z.array(attributeName).optional(),
  }),
  ProvisionedThroughput: throughput.optional(),
});
const tags = z.array(z.object({ Key: z.string().min(1).max(128), Value: z.string().max(256) }));
const billingMode = z.enum(["PROVISIONED", "PAY_PER_REQUEST"]);

const createInput = z.object({
  TableName: tableName,
  AttributeDefinitions: attributeDefinitions,
  KeySchema: keySchema,
  GlobalSecondaryIndexes: z.array(index).max(20).optional(),
  LocalSecondaryIndexes: z.array(z.unknown()).optional(),
  BillingMode: billingMode.optional(),
  ProvisionedThroughput: throughput.optional(),
  DeletionProtectionEnabled: z.boolean().optional(),
  Tags: tags.optional(),
});

export const createTable = leaseOperation(createInput, (input, state, context) => {
  const { TableName: name, LocalSecondaryIndexes: local = [] } = input;
  if (state.has(name)) throw new LeaseError("table-exists", `Table already exists: ${name}`);
  if (local.length > 0) throw invalid("Local secondary indexes are not served here");
  const definition: TableDefinition = {
    name,
    id: randomUUID(),
    createdMs: context.now(),
    keys: keysOf(input.KeySchema),
    types: typesOf(input.AttributeDefinitions),
    indexes: (input.GlobalSecondaryIndexes ?? []).map(indexOf),
    billingMode: input.BillingMode ?? "PROVISIONED",
    throughput: throughputOf(input.ProvisionedThroughput),
    isDeletionProtected: input.DeletionProtectionEnabled ?? false,
    hasPointInTimeRecovery: false,
    tags: Object.fromEntries((input.Tags ?? []).map(({ Key, Value }) => [Key, Value])),
  };
  checkTypes(definition, true);
  return {
    answer: { TableDescription: describe(definition, undefined, context) },
    changes: [{ kind: "table", name, definition }],
  };
});

export const describeTable = leaseOperation(
  z.object({ TableName: tableName }),
  ({ TableName: name }, state, context) => {
    const table = state.table(name);
    return answered({ Table: describe(table.definition, table, context) });
  },
);

const updateInput = z.object({
  TableName: tableName,
  AttributeDefinitions: attributeDefinitions.optional(),
  BillingMode: billingMode.optional(),
  ProvisionedThroughput: throughput.optional(),
  DeletionProtectionEnabled: z.boolean().optional(),
  GlobalSecondaryIndexUpdates: z
    .array(
      z.object({
        Create: index.optional(),
        Update: z.object({ IndexName: z.string(), ProvisionedThroughput: throughput }).optional(),
        Delete: z.object({ IndexName: z.string() }).optional(),
      }),
    )
    .optional(),
});

/** At once: an index is worked out when it is read, so that there is nothing to build. */
export const updateTable = leaseOperation(updateInput, (input, state, context) => {
  const table = state.table(input.TableName);
  let indexes = table.definition.indexes;
  for (const { Create: create, Update: update, Delete: remove } of input.GlobalSecondaryIndexUpdates ?? []) {
    if (create !== undefined) {
      if (indexes.some(({ name }) => name === create.IndexName)) {
        throw invalid(`Attempting to create an index which already exists: ${create.IndexName}`);
      }
      indexes = [...indexes, indexOf(create)];
    }
    const named = update?.IndexName ?? remove?.IndexName;
    if (named !== undefined && !indexes.some(({ name }) => name === named)) {
      throw new LeaseError("table-not-found", `Requested resource not found: Index: ${named} not found`);
    }
    if (remove !== undefined) indexes = indexes.filter(({ name }) => name !== remove.IndexName);
    if (update !== undefined) {
      const changed = throughputOf(update.ProvisionedThroughput);
      indexes = indexes.map((one) => (one.name === update.IndexName ? { ...one, throughput: changed } : one));
    }
  }
  const { BillingMode: mode = table.definition.billingMode, ProvisionedThroughput: capacity } = input;
  const definition: TableDefinition = {
    ...table.definition,
    indexes,
    types: { ...table.definition.types, ...typesOf(input.AttributeDefinitions ?? []) },
    billingMode: mode,
    throughput:
      mode === "PAY_PER_REQUEST" ? throughputOf() : capacity ? throughputOf(capacity) : table.definition.throughput,
    isDeletionProtected: input.DeletionProtectionEnabled ?? table.definition.isDeletionProtected,
  };
  checkTypes(definition, false);
  return { answer: { TableDescription: describe(definition, table, context) }, changes: [tableChange(definition)] };
});

export const deleteTable = leaseOperation(z.object({ TableName: tableName }), ({ TableName: name }, state, context) => {
  const table = state.table(name);
  if (table.definition.isDeletionProtected) {
    throw invalid(
      `Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.`,
    );
  }
  return {
    answer: { TableDescription: { ...describe(table.definition, table, context), TableStatus: "DELETING" } },
    changes: [{ kind: "table", name, definition: undefined }],
  };
});

const listInput = z.object({
  ExclusiveStartTableName: tableName.optional(),
  Limit: z.number().int().min(1).max(100).default(100),
});

export const listTables = leaseOperation(listInput, ({ ExclusiveStartTableName: after = "", Limit: limit }, state) => {
  const names = state.tables.map(({ definition }) => definition.name).filter((name) => name > after);
  const page = names.sort().slice(0, limit);
  return answered({
    TableNames: page,
    ...(names.length > limit && { LastEvaluatedTableName: page.at(-1) }),
  });
});

export const tagResource = leaseOperation(
  z.object({ ResourceArn: z.string(), Tags: tags }),
  (input, state, context) => {
    const { definition } = tableOfArn(input.ResourceArn, state, context);
    const added = Object.fromEntries(input.Tags.map(({ Key, Value }) => [Key, Value]));
    const all = { ...definition.tags, ...added };
    if (Object.keys(all).length > 50) throw new LeaseError("limit-exceeded", "A table has at most 50 tags");
    return { answer: undefined, changes: [tableChange({ ...definition, tags: all })] };
  },
);

export const untagResource = leaseOperation(
  z.object({ ResourceArn: z.string(), TagKeys: z.array(z.string()) }),
  (input, state, context) => {
    const { definition } = tableOfArn(input.ResourceArn, state, context);
    const left = Object.entries(definition.tags).filter(([key]) => !input.TagKeys.includes(key));
    return { answer: undefined, changes: [tableChange({ ...definition, tags: Object.fromEntries(left) })] };
  },
);

export const listTagsOfResource = leaseOperation(z.object({ ResourceArn: z.string() }), (input, state, context) => {
  const { definition } = tableOfArn(input.ResourceArn, state, context);
  return answered({ Tags: Object.entries(definition.tags).map(([Key, Value]) => ({ Key, Value })) });
});

const backupsInput = z.object({
  TableName: tableName,
  PointInTimeRecoverySpecification: z.object({ PointInTimeRecoveryEnabled: z.boolean() }),
});

/** Noted and shown: the library asks for it where it is configured to; nothing is backed up. */
export const updateContinuousBackups = leaseOperation(backupsInput, (input, state) => {
  const { definition } = state.table(input.TableName);
  const { PointInTimeRecoveryEnabled: hasPointInTimeRecovery } = input.PointInTimeRecoverySpecification;
  return {
    answer: continuousBackups(hasPointInTimeRecovery),
    changes: [tableChange({ ...definition, hasPointInTimeRecovery })],
  };
});

export const describeContinuousBackups = leaseOperation(z.object({ TableName: tableName }), (input, state) =>
  answered(continuousBackups(state.table(input.TableName).definition.hasPointInTimeRecovery)),
);

export const describeTimeToLive = leaseOperation(z.object({ TableName: tableName }), (input, state) => {
  state.table(input.TableName);
  return answered({ TimeToLiveDescription: { TimeToLiveStatus: "DISABLED" } });
});

function continuousBackups(isEnabled: boolean): unknown {
  const status = isEnabled ? "ENABLED" : "DISABLED";
  return {
    ContinuousBackupsDescription: {
      ContinuousBackupsStatus: "ENABLED",
      PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: status },
    },
  };
}

function tableChange(definition: TableDefinition): Change {
  return { kind: "table", name: definition.name, definition };
}

function tableOfArn(arn: string, state: LeaseState, context: LeaseContext): Table {
  const name = arn.split("/").at(-1) ?? "";
  if (arn === tableArn(name, context) && state.has(name)) return state.table(name);
  throw new LeaseError("table-not-found", `Requested resource not found: ResourceArn: ${arn} not found`);
}

function keysOf(schema: z.output<typeof keySchema>): KeySchema {
  const [hash, range] = schema;
  if (hash?.KeyType !== "HASH" || (range !== undefined && range.KeyType !== "RANGE")) {
    throw invalid(
      "Invalid KeySchema: The first KeySchemaElement is not a HASH key type, or the second is not a RANGE key type",
    );
  }
  if (hash.AttributeName === range?.AttributeName) {
    throw invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name");
  }
  return { hash: hash.AttributeName, ...(range && { range: range.AttributeName }) };
}

function indexOf(given: z.output<typeof index>): IndexDefinition {
  const { ProjectionType: type, NonKeyAttributes: others = [] } = given.Projection;
  if (others.length > 0 && type !== "INCLUDE") {
    throw invalidParameter(`ProjectionType is ${type}, but NonKeyAttributes is specified`);
  }
  return {
    name: given.IndexName,
    keys: keysOf(given.KeySchema),
    projected: type === "ALL" ? "ALL" : others,
    throughput: throughputOf(given.ProvisionedThroughput),
  };
}

function throughputOf(given?: z.output<typeof throughput>): Throughput {
  return { read: given?.ReadCapacityUnits ?? 0, write: given?.WriteCapacityUnits ?? 0 };
}

function typesOf(definitions: z.output<typeof attributeDefinitions>): Record<string, KeyType> {
  return Object.fromEntries(definitions.map(({ AttributeName, AttributeType }) => [AttributeName, AttributeType]));
}

/** Every key has a type; a new table has no types for anything else. */
function checkTypes({ keys, indexes, types }: TableDefinition, isNew: boolean): void {
  const used = new Set([keys, ...indexes.map((one) => one.keys)].flatMap(namesOf));
  const untyped = [...used].find((name) => !Object.hasOwn(types, name));
  if (untyped !== undefined) {
    throw invalidParameter(`Some index key attributes are not defined in AttributeDefinitions. Keys: [${untyped}]`);
  }
  if (isNew && Object.keys(types).length !== used.size) {
    throw invalidParameter(
      "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
    );
  }
}
