import { expect, test } from "vitest";
import { refusalOf } from "../testing/refusal-of.js";
import { decodeQueryForm } from "./query-form.js";

function dimension(datum: number, at: number): string {
  const where = `MetricData.member.${datum}.Dimensions.member.${at}`;
  return `${where}.Name=d${at}&${where}.Value=${at}`;
}

test("a thousand metrics of five dimensions are read", () => {
  const metrics = Array.from({ length: 1000 }, (_, i) =>
    [`MetricData.member.${i + 1}.MetricName=m`, ...[1, 2, 3, 4, 5].map((at) => dimension(i + 1, at))].join("&"),
  );
  const { MetricData } = decodeQueryForm(Buffer.from(metrics.join("&")));
  expect(MetricData).toHaveLength(1000);
});

test("many more structures are refused: they would take most of a second", () => {
  const deep = Array.from({ length: 20_000 }, (_, i) => `a${i}.b.c.d.e.f=`).join("&");
  expect(refusalOf(() => decodeQueryForm(Buffer.from(deep)))?.code).toBe("body-malformed");
});

test("millions of parameters are refused before they are taken apart", () => {
  expect(refusalOf(() => decodeQueryForm(Buffer.alloc(1 << 20, "a&")))?.code).toBe("body-malformed");
});
