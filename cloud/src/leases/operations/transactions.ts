import { z } from "zod";
import { invalid, LeaseError } from "../lease-error.js";
import type { LeaseState } from "../lease-state.js";
import { get, getInput } from "./items.js";
import { answered, leaseOperation } from "./lease-operation.js";
import {
  changeOf,
  check,
  checkInput,
  deleteInput,
  put,
  putInput,
  remove,
  update,
  updateInput,
  type Write,
} from "./writes.js";

const ITEMS_MAX = 100;

const transactItem = z.object({
  Put: putInput.optional(),
  Update: updateInput.optional(),
  Delete: deleteInput.optional(),
  ConditionCheck: checkInput.optional(),
});

/** All items are written, or none. Repeats by ClientRequestToken are not recognised: they are decided anew. */
export const transactWriteItems = leaseOperation(
  z.object({ TransactItems: z.array(transactItem).min(1).max(ITEMS_MAX) }),
  ({ TransactItems: items }, state) => {
    const results = items.map((item) => attempt(item, state));
    const writes = results.flatMap((result) => (result instanceof LeaseError ? [] : [result]));
    if (new Set(writes.map(({ table, key }) => `${table} ${key}`)).size !== writes.length) {
      throw invalid("Transaction request cannot include multiple operations on one item");
    }
    if (writes.length < items.length) throw canceled(results);
    return { answer: {}, changes: writes.flatMap(changeOf) };
  },
);

export const transactGetItems = leaseOperation(
  z.object({
    TransactItems: z
      .array(z.object({ Get: getInput }))
      .min(1)
      .max(ITEMS_MAX),
  }),
  ({ TransactItems: items }, state) => answered({ Responses: items.map(({ Get }) => get(Get, state)) }),
);

/** One item's write; a condition that fails is a result, since the others are looked at all the same. */
function attempt(item: z.output<typeof transactItem>, state: LeaseState): Write | LeaseError {
  try {
    return writeOf(item, state);
  } catch (error) {
    if (error instanceof LeaseError && error.code === "condition-failed") return error;
    throw error;
  }
}

function writeOf(item: z.output<typeof transactItem>, state: LeaseState): Write {
  const given = Object.values(item).filter((one) => one !== undefined);
  if (given.length !== 1) throw invalid("TransactItems can only contain one of Check, Put, Update or Delete");
  if (item.Put !== undefined) return put(item.Put, state);
  if (item.Update !== undefined) return update(item.Update, state);
  if (item.Delete !== undefined) return remove(item.Delete, state);
  return check(item.ConditionCheck!, state);
}

function canceled(results: readonly (Write | LeaseError)[]): LeaseError {
  const reasons = results.map((result) =>
    result instanceof LeaseError
      ? { Code: "ConditionalCheckFailed", Message: result.message, ...result.members }
      : { Code: "None" },
  );
  const codes = reasons.map(({ Code }) => Code).join(", ");
  return new LeaseError(
    "transaction-canceled",
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
    { CancellationReasons: reasons },
  );
}
