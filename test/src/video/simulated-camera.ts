import { join } from "node:path";
import { Child } from "../harness/child.js";
import { repository } from "../harness/part.js";
import type { Scope } from "../harness/scope.js";

/** The camera of hardware/simulated-camera, which can go and come back at its address. */
export class SimulatedCamera {
  readonly #scope: Scope;
  readonly #flags: readonly string[];
  #child: Child;
  /** Without credentials. */
  readonly url: string;

  static async start(scope: Scope, flags: readonly string[] = []): Promise<SimulatedCamera> {
    const { child, url } = await launch(scope, "0", flags);
    return new SimulatedCamera(scope, flags, child, url);
  }

  private constructor(scope: Scope, flags: readonly string[], child: Child, url: string) {
    this.#scope = scope;
    this.#flags = flags;
    this.#child = child;
    this.url = url;
  }

  async vanish(): Promise<void> {
    await this.#child.kill("SIGKILL");
  }

  async comeBack(flags: readonly string[] = this.#flags): Promise<void> {
    const { child } = await launch(this.#scope, new URL(this.url).port, flags);
    this.#child = child;
  }
}

async function launch(
  scope: Scope,
  port: string,
  flags: readonly string[],
): Promise<{ readonly child: Child; readonly url: string }> {
  const program = join(repository, "hardware/simulated-camera/rtsp-camera.py");
  const command = ["/usr/bin/python3", program, "--port", port, "--size", "320x240", ...flags] as const;
  const child = await Child.start(scope, "simulated camera", [...command]);
  const [url] = await child.line("the camera's URL", /^rtsp:\/\/.*$/m);
  return { child, url };
}
