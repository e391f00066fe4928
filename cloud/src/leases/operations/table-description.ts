import type { IndexDefinition, KeySchema, Table, TableDefinition, Throughput } from "../table.js";
import type { LeaseContext } from "./lease-operation.js";

export function tableArn(name: string, { region, accountId }: LeaseContext): string {
  return `arn:aws:dynamodb:${region}:${accountId}:table/${name}`;
}

/** A table as DescribeTable shows it. Tables and indexes are ACTIVE from the first answer on. */
export function describe(definition: TableDefinition, table: Table | undefined, context: LeaseContext): object {
  const { name, id, createdMs, keys, types, indexes, billingMode, throughput, isDeletionProtected } = definition;
  const arn = tableArn(name, context);
  const isOnDemand = billingMode === "PAY_PER_REQUEST";
  const { itemCount = 0, bytes = 0 } = table ?? {};
  return {
    TableName: name,
    TableArn: arn,
    TableId: id,
    TableStatus: "ACTIVE",
    CreationDateTime: createdMs / 1000,
    KeySchema: describeKeys(keys),
    AttributeDefinitions: Object.entries(types).map(([AttributeName, AttributeType]) => ({
      AttributeName,
      AttributeType,
    })),
    ItemCount: itemCount,
    TableSizeBytes: bytes,
    ProvisionedThroughput: describeThroughput(throughput),
    ...(isOnDemand && {
      BillingModeSummary: { BillingMode: billingMode, LastUpdateToPayPerRequestDateTime: createdMs / 1000 },
    }),
    ...(indexes.length > 0 && {
      GlobalSecondaryIndexes: indexes.map((index) => describeIndex(index, `${arn}/index/${index.name}`)),
    }),
    DeletionProtectionEnabled: isDeletionProtected,
  };
}

function describeIndex({ name, keys, projected, throughput }: IndexDefinition, arn: string): object {
  const others = projected === "ALL" ? [] : projected;
  const type = projected === "ALL" ? "ALL" : others.length > 0 ? "INCLUDE" : "KEYS_ONLY";
  return {
    IndexName: name,
    IndexArn: arn,
    IndexStatus: "ACTIVE",
    KeySchema: describeKeys(keys),
    Projection: { ProjectionType: type, ...(others.length > 0 && { NonKeyAttributes: others }) },
    ProvisionedThroughput: describeThroughput(throughput),
  };
}

function describeKeys({ hash, range }: KeySchema): object[] {
  const first = { AttributeName: hash, KeyType: "HASH" };
  return range === undefined ? [first] : [first, { AttributeName: range, KeyType: "RANGE" }];
}

function describeThroughput({ read, write }: Throughput): object {
  return { NumberOfDecreasesToday: 0, ReadCapacityUnits: read, WriteCapacityUnits: write };
}
