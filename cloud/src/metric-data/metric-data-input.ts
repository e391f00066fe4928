import { CloudError } from "../cloud-error.js";
import { malformed, wrongType } from "../codec/malformed.js";
import { list, Reading, type Shape, string, structure, type ValueOf } from "../codec/shape.js";

/** What one item of a PutMetricData call adds to its metric. */
export interface MetricDatum {
  readonly namespace: string;
  readonly metric: string;
  /** The dimension `Operation`, by which the Kinesis Client Library tells its tasks apart; empty without it. */
  readonly operation: string;
  /** As CloudWatch names it: `Milliseconds`, `Count`, …; empty where none is said. */
  readonly unit: string;
  readonly samples: number;
  readonly sum: number;
}

const DATA_MAX = 1000;
const VALUES_MAX = 150;
const VALUE_MAX = 2 ** 360;

/**
 * What a PutMetricData call says. Times and resolutions are not looked at.
 * @param numbers how numbers are written.
 * @throws {CloudError} `body-malformed`, `constraint-violated`, `argument-invalid`.
 * @see CloudWatch API Reference, PutMetricData
 */
export function readMetricData(body: unknown, numbers: "number" | "text"): readonly MetricDatum[] {
  const reading = new Reading("json");
  const { Namespace, MetricData } = inputs[numbers].read(body, reading);
  reading.finish();
  return MetricData.map((datum, index) => ({
    namespace: Namespace,
    metric: datum.MetricName,
    operation: datum.Dimensions?.find(({ Name }) => Name === "Operation")?.Value ?? "",
    unit: datum.Unit ?? "",
    ...total(datum, `MetricData.member.${index + 1}`),
  }));
}

function double(read: (value: unknown) => unknown): Shape<number> {
  return {
    read(value, reading) {
      const number = read(value);
      if (typeof number !== "number") throw wrongType(value, "a Double");
      if (!(Math.abs(number) <= VALUE_MAX)) reading.violated("Member must be between -2^360 and 2^360", number);
      return number;
    },
  };
}

function fromText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const number = value.trim() === "" ? NaN : Number(value);
  if (Number.isNaN(number)) throw malformed(`'${value.slice(0, 100)}' can not be converted to a Double`);
  return number;
}

function inputOf(number: Shape<number>) {
  const name = string({ min: 1, max: 255 });
  const values = list(number, { min: 1, max: VALUES_MAX });
  const datum = structure({
    required: { MetricName: name },
    optional: {
      Unit: string({ min: 1, max: 255 }),
      Dimensions: list(structure({ required: { Name: name, Value: string({ min: 1, max: 1024 }) }, optional: {} }), {
        min: 0,
        max: 30,
      }),
      Value: number,
      Values: values,
      Counts: values,
      StatisticValues: structure({
        required: { SampleCount: number, Sum: number, Minimum: number, Maximum: number },
        optional: {},
      }),
    },
  });
  return structure({
    required: {
      Namespace: string({ min: 1, max: 255, pattern: "[^:].*" }),
      MetricData: list(datum, { min: 1, max: DATA_MAX }),
    },
    optional: {},
  });
}

const inputs = { number: inputOf(double((value) => value)), text: inputOf(double(fromText)) };

type Datum = ValueOf<typeof inputs.number>["MetricData"][number];

function total(
  { Value, Values, Counts, StatisticValues }: Datum,
  where: string,
): { readonly samples: number; readonly sum: number } {
  const [first, second] = Object.entries({ Value, Values, StatisticValues }).flatMap(([name, form]) =>
    form === undefined ? [] : `${where}.${name}`,
  );
  if (first === undefined) {
    const forms = `${where}.Value, ${where}.Values or ${where}.StatisticValues`;
    throw new CloudError("argument-invalid", `One of the parameters ${forms} must be specified.`);
  }
  if (second !== undefined) {
    const both = `The parameters ${first} and ${second} are mutually exclusive and you have specified both.`;
    throw new CloudError("argument-invalid", both);
  }
  if (Counts !== undefined && Counts.length !== Values?.length) {
    const sizes = `The parameters ${where}.Values and ${where}.Counts must be of the same size.`;
    throw new CloudError("constraint-violated", sizes);
  }
  if (Value !== undefined) return { samples: 1, sum: Value };
  const counts = StatisticValues ? [StatisticValues.SampleCount] : (Counts ?? Values?.map(() => 1) ?? []);
  if (counts.some((count) => count < 0)) {
    throw new CloudError("argument-invalid", `${where} must not count less than no samples.`);
  }
  const sum = StatisticValues?.Sum ?? counts.reduce((all, count, i) => all + count * (Values?.[i] ?? 0), 0);
  return { samples: counts.reduce((all, count) => all + count, 0), sum };
}
