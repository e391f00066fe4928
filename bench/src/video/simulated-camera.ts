import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Rig } from "./rig.js";
import { PICTURE } from "./test-pattern.js";

const simulatedCamera = fileURLToPath(new URL("../../../hardware/simulated-camera/rtsp-camera.py", import.meta.url));

/** A camera on the network, with a clock in its picture, that goes with the rig. @returns its address. */
export async function startCamera(rig: Rig): Promise<string> {
  const { width, height, framesPerSecond } = PICTURE;
  const flags = ["--port", "0", "--size", `${width}x${height}`, "--rate", String(framesPerSecond)];
  const child = spawn("/usr/bin/python3", [simulatedCamera, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  rig.defer(() => child.kill("SIGKILL"));
  return await new Promise((resolve, reject) => {
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const [url] = /^rtsp:\/\/.*$/m.exec(stdout) ?? [];
      if (url !== undefined) resolve(url);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the simulated camera ended with ${code}`)));
  });
}
