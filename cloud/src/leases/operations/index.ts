import { batchGetItem, batchWriteItem, deleteItem, getItem, putItem, updateItem } from "./items.js";
import type { LeaseOperation } from "./lease-operation.js";
import { query, scan } from "./reads.js";
import {
  createTable,
  deleteTable,
  describeContinuousBackups,
  describeTable,
  describeTimeToLive,
  listTables,
  listTagsOfResource,
  tagResource,
  untagResource,
  updateContinuousBackups,
  updateTable,
} from "./tables.js";
import { transactGetItems, transactWriteItems } from "./transactions.js";

export type { LeaseContext, LeaseOperation } from "./lease-operation.js";

/** What is served of DynamoDB: what consumers keep their leases by. */
export const leaseOperations: ReadonlyMap<string, LeaseOperation> = new Map(
  Object.entries({
    BatchGetItem: batchGetItem,
    BatchWriteItem: batchWriteItem,
    CreateTable: createTable,
    DeleteItem: deleteItem,
    DeleteTable: deleteTable,
    DescribeContinuousBackups: describeContinuousBackups,
    DescribeTable: describeTable,
    DescribeTimeToLive: describeTimeToLive,
    GetItem: getItem,
    ListTables: listTables,
    ListTagsOfResource: listTagsOfResource,
    PutItem: putItem,
    Query: query,
    Scan: scan,
    TagResource: tagResource,
    TransactGetItems: transactGetItems,
    TransactWriteItems: transactWriteItems,
    UntagResource: untagResource,
    UpdateContinuousBackups: updateContinuousBackups,
    UpdateItem: updateItem,
    UpdateTable: updateTable,
  }),
);
