import {
  type AttributeValue,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { backoffMs } from "../backoff.js";
import { ClientError } from "../client-error.js";
import { type Clock, systemClock } from "../clock.js";
import type { AwsConnection } from "../kinesis/aws-stream-api.js";
import { awsCall } from "../kinesis/aws-call.js";
import type { Lease, LeaseState } from "./lease.js";
import { fromItem, toAttribute, toItem } from "./lease-item.js";
import type { LeaseStore } from "./lease-store.js";

export interface DynamoDbLeaseStoreOptions extends AwsConnection {
  /** One table for each application, as the Kinesis Client Library names it: the application's name. */
  readonly table: string;
}

/**
 * Leases in a DynamoDB table of the Kinesis Client Library's layout, made if it is not there (on-demand capacity). Every
 * read is a consistent one, every write conditional.
 */
export class DynamoDbLeaseStore implements LeaseStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #clock: Clock;

  /** @throws {ClientError} `invalid-options`: the name cannot be a table's. */
  constructor({ table, ...connection }: DynamoDbLeaseStoreOptions, clock: Clock = systemClock) {
    if (!/^[\w.-]{3,255}$/.test(table)) {
      const message = `${JSON.stringify(table)} cannot name a table of leases: 3 to 255 of a-z A-Z 0-9 _ . -`;
      throw new ClientError("invalid-options", message);
    }
    this.#client = new DynamoDBClient({ ...connection, maxAttempts: 1 });
    this.#table = table;
    this.#clock = clock;
  }

  async open(signal: AbortSignal): Promise<void> {
    for (let waits = 0; (await this.#tableStatus(signal)) !== "ACTIVE"; waits++) {
      await this.#clock.sleep(backoffMs("throttled", waits, 0), signal);
    }
  }

  async list(signal: AbortSignal): Promise<Lease[]> {
    const leases: Lease[] = [];
    let from: Record<string, AttributeValue> | undefined;
    do {
      const page: ScanCommandOutput = await leaseCall(signal, (abortSignal) =>
        this.#client.send(new ScanCommand({ TableName: this.#table, ConsistentRead: true, ExclusiveStartKey: from }), {
          abortSignal,
        }),
      );
      leases.push(...(page.Items ?? []).flatMap((item) => fromItem(item) ?? []));
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
    return leases;
  }

  async get(leaseKey: string, signal: AbortSignal): Promise<Lease | undefined> {
    const command = new GetItemCommand({ ...this.#at(leaseKey), ConsistentRead: true });
    const { Item: item } = await leaseCall(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
    return item && fromItem(item);
  }

  async create(lease: Lease, signal: AbortSignal): Promise<boolean> {
    const command = new PutItemCommand({
      TableName: this.#table,
      Item: toItem(lease),
      ConditionExpression: "attribute_not_exists(leaseKey)",
    });
    const answer = await this.#unlessRefused(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
    return answer !== undefined;
  }

  async update(
    leaseKey: string,
    expected: Partial<LeaseState>,
    changes: Partial<LeaseState>,
    signal: AbortSignal,
  ): Promise<Lease | undefined> {
    const names: Record<string, string> = {};
    const values: Record<string, AttributeValue> = {};
    const conditions = ["attribute_exists(leaseKey)"];
    for (const [i, [name, value]] of Object.entries(expected).entries()) {
      names[`#e${i}`] = name;
      if (value === null) conditions.push(`attribute_not_exists(#e${i})`);
      else {
        values[`:e${i}`] = toAttribute(value);
        conditions.push(`#e${i} = :e${i}`);
      }
    }
    const sets: string[] = [];
    const removes: string[] = [];
    for (const [i, [name, value]] of Object.entries(changes).entries()) {
      names[`#c${i}`] = name;
      if (value === null) removes.push(`#c${i}`);
      else {
        values[`:c${i}`] = toAttribute(value);
        sets.push(`#c${i} = :c${i}`);
      }
    }
    const expression = [
      sets.length > 0 ? `SET ${sets.join(", ")}` : "",
      removes.length > 0 ? `REMOVE ${removes.join(", ")}` : "",
    ].join(" ");
    const command = new UpdateItemCommand({
      ...this.#at(leaseKey),
      ...(expression === " " ? {} : { UpdateExpression: expression.trim() }),
      ConditionExpression: conditions.join(" AND "),
      ...(Object.keys(names).length > 0 ? { ExpressionAttributeNames: names } : {}),
      ...(Object.keys(values).length > 0 ? { ExpressionAttributeValues: values } : {}),
      ReturnValues: "ALL_NEW",
    });
    const answer = await this.#unlessRefused(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
    return answer?.Attributes && fromItem(answer.Attributes);
  }

  async remove(leaseKey: string, leaseCounter: number, signal: AbortSignal): Promise<void> {
    const command = new DeleteItemCommand({
      ...this.#at(leaseKey),
      ConditionExpression: "leaseCounter = :counter",
      ExpressionAttributeValues: { ":counter": toAttribute(leaseCounter) },
    });
    await this.#unlessRefused(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  close(): void {
    this.#client.destroy();
  }

  #at(leaseKey: string): { TableName: string; Key: Record<string, AttributeValue> } {
    return { TableName: this.#table, Key: { leaseKey: { S: leaseKey } } };
  }

  /** Makes the table where there is none. */
  async #tableStatus(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { Table: table } = await leaseCall(signal, (abortSignal) =>
        this.#client.send(new DescribeTableCommand({ TableName: this.#table }), { abortSignal }),
      );
      return table?.TableStatus;
    } catch (error) {
      if (!isCausedBy(error, ResourceNotFoundException)) throw error;
    }
    try {
      const { TableDescription: table } = await leaseCall(signal, (abortSignal) =>
        this.#client.send(
          new CreateTableCommand({
            TableName: this.#table,
            AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
            KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
            BillingMode: "PAY_PER_REQUEST",
          }),
          { abortSignal },
        ),
      );
      return table?.TableStatus;
    } catch (error) {
      // Another worker was faster.
      if (isCausedBy(error, ResourceInUseException)) return undefined;
      throw error;
    }
  }

  /** @returns undefined where the condition does not hold. */
  async #unlessRefused<T>(signal: AbortSignal, send: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    try {
      return await leaseCall(signal, send);
    } catch (error) {
      if (isCausedBy(error, ConditionalCheckFailedException)) return undefined;
      throw error;
    }
  }
}

function isCausedBy(error: unknown, type: new (...args: never[]) => Error): boolean {
  return error instanceof ClientError && error.cause instanceof type;
}

/** One that hangs must not keep the next renewal from being made in time. */
const ANSWER_MS = 3_000;

function leaseCall<T>(signal: AbortSignal, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return awsCall(signal, send, ANSWER_MS);
}
