import { kinesisLimits } from "@headwater/protocol";
import { CloudError } from "../cloud-error.js";
import { integer, structure } from "../codec/shape.js";
import { streamReference } from "./members.js";
import { operation, type Operation } from "./operation.js";
import { streamNameOf } from "./stream-reference.js";

const { retentionHoursDefault: HOURS_MIN, retentionHoursMax: HOURS_MAX } = kinesisLimits;

export const increaseStreamRetentionPeriod = changeRetention((requested, existing, name) => {
  if (requested >= existing) return;
  throw new CloudError(
    "argument-invalid",
    `Requested retention period (${requested} hours) for stream ${name} can not be shorter than existing retention ` +
      `period (${existing} hours). Use DecreaseRetentionPeriod API.`,
  );
});

export const decreaseStreamRetentionPeriod = changeRetention((requested, existing, name) => {
  if (requested <= existing) return;
  throw new CloudError(
    "argument-invalid",
    `Requested retention period (${requested} hours) for stream ${name} can not be longer than existing retention ` +
      `period (${existing} hours). Use IncreaseRetentionPeriod API.`,
  );
});

/** @param check throws where the change goes the other way. */
function changeRetention(check: (requested: number, existing: number, name: string) => void): Operation {
  return operation(
    structure({ required: { RetentionPeriodHours: integer({ min: 1 }) }, optional: streamReference }),
    async (input, { service }) => {
      const { RetentionPeriodHours: hours } = input;
      const name = streamNameOf(input, service);
      service.find(name); // as AWS, which looks for the stream first
      checkRange(hours);
      await service.changeRetention(name, hours, (existing) => check(hours, existing, name));
      return undefined;
    },
  );
}

function checkRange(hours: number): void {
  if (hours < HOURS_MIN) {
    throw new CloudError(
      "argument-invalid",
      `Minimum allowed retention period is ${HOURS_MIN} hours. Requested retention period (${hours} hours) is too short.`,
    );
  }
  if (hours > HOURS_MAX) {
    throw new CloudError(
      "argument-invalid",
      `Maximum allowed retention period is ${HOURS_MAX} hours. Requested retention period (${hours} hours) is too long.`,
    );
  }
}
