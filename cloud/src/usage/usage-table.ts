import { chargesFor } from "./cost.js";
import type { Prices } from "./prices.js";
import type { UsageReport } from "./usage-report.js";

type Row = readonly [stream: string, mode: string, quantity: string, unit: string, cost: string];

const HEAD: Row = ["stream", "mode", "used", "", "on AWS"];

/** A report for people: a line for each charge, and the sum. */
export function usageTable({ From, To, Streams }: UsageReport, prices: Prices): string {
  let sum = 0;
  const rows: Row[] = [HEAD];
  for (const stream of Streams) {
    const mode = stream.StreamMode === "PROVISIONED" ? "provisioned" : "on demand";
    const charges = chargesFor(stream, prices);
    for (const [i, { of, quantity, unit, cost }] of charges.entries()) {
      sum += cost;
      const name = i === 0 ? [stream.StreamName, mode] : ["", ""];
      const what = unit === "GB" ? `GB ${of}` : unit;
      rows.push([name[0]!, name[1]!, shownQuantity(quantity), what, dollars(cost)]);
    }
  }
  const period = `${shownTime(From)} to ${shownTime(To)}`;
  if (rows.length === 1) return `Nothing was used from ${period}.\n`;
  rows.push(["", "", "", "together", dollars(sum)]);
  return `${period}, at AWS's prices for us-east-1 or those given\n\n${aligned(rows)}`;
}

function aligned(rows: readonly Row[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => {
      const [stream, mode, quantity, unit, cost] = row;
      const cells = [
        stream.padEnd(widths[0]!),
        mode.padEnd(widths[1]!),
        quantity.padStart(widths[2]!),
        unit.padEnd(widths[3]!),
        cost.padStart(widths[4]!),
      ];
      return `${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}

function shownQuantity(quantity: number): string {
  if (Number.isInteger(quantity)) return grouped(quantity, 0);
  return quantity < 0.0001 ? "<0.0001" : grouped(quantity, quantity < 1 ? 4 : 2);
}

function dollars(cost: number): string {
  return cost > 0 && cost < 0.01 ? "<$0.01" : `$${grouped(cost, 2)}`;
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function shownTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";
}
