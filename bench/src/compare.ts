import type { Measured } from "./measure.js";
import { describeMachine } from "./machine.js";
import { jsonLine, type Report, summarise, table } from "./report.js";
import { rest } from "./rest.js";

/** One of those that a bench puts side by side. */
export interface Subject {
  readonly what: string;
  run(): Promise<Measured>;
}

/** Runs the subjects in turns, so that a slow minute of the machine is shared by all, and prints a table and a JSON line. */
export async function compare(
  subjects: readonly Subject[],
  report: Omit<Report, "machine">,
  data: string,
): Promise<void> {
  const measured = subjects.map((): Measured[] => []);
  for (let run = 0; run < report.runs; run++) {
    for (const [i, subject] of subjects.entries()) {
      await rest();
      process.stderr.write(`run ${run + 1} of ${report.runs}: ${subject.what}\n`);
      measured[i]?.push(await subject.run());
    }
  }
  const results = subjects.map(({ what }, i) => summarise(what, measured[i] ?? []));
  const whole = { ...report, machine: describeMachine(data) };
  process.stdout.write(`${table(results, whole)}\n${jsonLine(results, whole)}\n`);
}
