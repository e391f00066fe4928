import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./free-port.js";
import { Child } from "./child.js";
import type { Keys } from "./credentials.js";
import { repository } from "./part.js";
import type { Scope } from "./scope.js";

/** `npm start` on data and ports of the test's own. */
export class WholeSystem {
  private constructor(
    readonly child: Child,
    readonly data: string,
    readonly port: number,
    readonly mqttPort: number,
  ) {}

  static async start(scope: Scope, data: string): Promise<WholeSystem> {
    const [port, mqttPort] = [await freePort(), await freePort()];
    const command = ["npm", "start", "--", "--port", `${port}`, "--mqtt-port", `${mqttPort}`, "--data", data] as const;
    const child = await Child.start(scope, "npm start", [...command], { cwd: repository, ownGroup: true });
    const system = new WholeSystem(child, data, port, mqttPort);
    // All is installed and built here, so what counts is the minute that a person waits for the page.
    await child.line("the console's address", new RegExp(`http://(127\\.0\\.0\\.1|localhost):${port}`), 60_000);
    return system;
  }

  get console(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The root keys that the cloud made for itself. */
  async credentials(): Promise<Keys> {
    const file = await readFile(join(this.data, "cloud", "credentials"), "utf8");
    const value = (name: string): string => new RegExp(`^${name} *= *(\\S+)$`, "m").exec(file)?.[1] ?? "";
    return { accessKeyId: value("aws_access_key_id"), secretAccessKey: value("aws_secret_access_key") };
  }

  /** What a terminal does on Ctrl-C: every process of the group gets SIGINT. */
  async interrupt(): Promise<void> {
    const exit = await this.child.kill("SIGINT", 30_000);
    if (exit.code !== 0 && exit.code !== 130 && exit.signal !== "SIGINT") throw new Error(this.child.describe());
  }
}
