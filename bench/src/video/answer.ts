import type { Machine } from "../machine.js";

/** One row for people: what was measured, and which figures say it, in the order of the columns. */
export interface AnswerRow {
  readonly what: string;
  readonly figures: readonly string[];
}

/** What one question found. */
export interface Answer {
  readonly question: string;
  /** Heads of the rows and of their columns. */
  readonly head: readonly string[];
  readonly rows: readonly AnswerRow[];
  /** By name with its unit. */
  readonly figures: Readonly<Record<string, number>>;
  /** What some of the figures are not to exceed. */
  readonly limits: Readonly<Record<string, number>>;
  /** What else has to be known to read the figures. */
  readonly notes: readonly string[];
  readonly shape: Readonly<Record<string, unknown>>;
}

export interface AnswerMachine extends Machine {
  /** Processes that wanted to run, on average, just before all questions. */
  readonly loadBefore: number;
}

/** The names of figures above their limits; one that could not be measured is above. */
export function missesOf({ figures, limits }: Pick<Answer, "figures" | "limits">): string[] {
  return Object.entries(limits).flatMap(([name, limit]) => ((figures[name] ?? Number.NaN) <= limit ? [] : [name]));
}

/** A table for people and one line of JSON for machines. */
export function answerText(answer: Answer, machine: AnswerMachine): string {
  const { question, head, rows, figures, limits, notes, shape } = answer;
  const misses = missesOf(answer);
  const lines = [line(head)];
  for (const row of rows) {
    lines.push(line([row.what, ...row.figures.map((name) => cell(figures[name]))]));
    if (row.figures.some((name) => limits[name] !== undefined)) {
      lines.push(line(["  to reach", ...row.figures.map((name) => cell(limits[name]))]));
    }
  }
  const missed = misses.map((name) => `${name} is ${cell(figures[name])}, not ${cell(limits[name])}`);
  return [
    ...lines,
    ...(missed.length === 0 ? [] : [`MISSED: ${missed.join("; ")}`]),
    ...notes,
    `commit ${machine.commit}, Node ${machine.node}, ${machine.cores} cores of ${machine.cpu}, data on ${machine.disk}, load ${machine.loadBefore} before`,
    JSON.stringify({ bench: "video", question, ...figures, limits, misses, shape, ...machine }),
    "",
  ].join("\n");
}

function line([first = "", ...cells]: readonly string[]): string {
  return first.padEnd(64) + cells.map((text) => text.padStart(12)).join("");
}

function cell(value: number | undefined): string {
  return value === undefined ? "" : value.toLocaleString("en", { maximumFractionDigits: 1 });
}
