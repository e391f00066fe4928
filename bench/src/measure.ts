import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cpuTimeUs } from "./cpu-time.js";
import type { Load, Report } from "./load-generator.js";
import type { Reading } from "./read-generator.js";
import { quantile } from "./median.js";

const generatorOf = {
  puts: fileURLToPath(new URL("load-generator.js", import.meta.url)),
  reads: fileURLToPath(new URL("read-generator.js", import.meta.url)),
};

/** One run of a load against one server. */
export interface Measured {
  readonly recordsPerSecond: number;
  /** CPU time of the server process, all threads, over the counted time. */
  readonly cpuUsPerRecord: number;
  readonly callMsP50: number;
  readonly callMsP99: number;
}

export function measure(load: Load, serverPid: number): Promise<Measured> {
  return runGenerator(generatorOf.puts, load, serverPid);
}

/** Of whole GetRecords calls. */
export function measureReading(reading: Reading, serverPid: number): Promise<Measured> {
  return runGenerator(generatorOf.reads, reading, serverPid);
}

async function runGenerator(generator: string, order: Load | Reading, serverPid: number): Promise<Measured> {
  const child = fork(generator, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  return await new Promise<Measured>((resolve, reject) => {
    let cpuUs = 0;
    child.on("message", (report: Report) => {
      if (report.at === "began") cpuUs = -cpuTimeUs(serverPid);
      else if (report.at === "ended") cpuUs += cpuTimeUs(serverPid);
      else {
        const { records } = report;
        resolve({
          recordsPerSecond: (records / report.elapsedMs) * 1000,
          cpuUsPerRecord: cpuUs / records,
          callMsP50: quantile(report.callMs, 0.5),
          callMsP99: quantile(report.callMs, 0.99),
        });
      }
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the load generator ended with ${code}`)));
    child.send(order);
  });
}
