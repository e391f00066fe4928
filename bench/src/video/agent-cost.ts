import { readFileSync } from "node:fs";
import { cpuTimeUs } from "../cpu-time.js";
import { quantile } from "../median.js";
import type { Answer } from "./answer.js";
import { type Rig, STREAM } from "./rig.js";
import { startCamera } from "./simulated-camera.js";
import { PICTURE } from "./test-pattern.js";

const WARM_UP_MS = 15_000;
const MEASURE_MS = 40_000;
const SAMPLE_EVERY_MS = 500;

/** What do the agent and its child cost a device that passes the video of one camera on? */
export async function agentCost(rig: Rig): Promise<Answer> {
  const cloud = await rig.cloud();
  const device = await rig.device(cloud, { source: await startCamera(rig), audio: "off" });
  await sleep(WARM_UP_MS);

  const processes = { agent: device.pid, child: childOf(device.pid) };
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${device.url}/metrics`)).text();
    const pattern = new RegExp(`^headwater_device_camera_${name}\\{stream="${STREAM}"\\} (\\S+)$`, "m");
    return Number(pattern.exec(text)?.[1] ?? Number.NaN);
  };
  const cpuUs = (): number[] => Object.values(processes).map(cpuTimeUs);
  const rss = { agent: [] as number[], child: [] as number[] };
  const [frames, bytes, cpu, atMs] = [
    await metric("frames_total"),
    await metric("stored_bytes_total"),
    cpuUs(),
    performance.now(),
  ];
  while (performance.now() < atMs + MEASURE_MS) {
    await sleep(SAMPLE_EVERY_MS);
    rss.agent.push(rssMib(processes.agent));
    rss.child.push(rssMib(processes.child));
  }
  const elapsedMs = performance.now() - atMs;
  const [agentUs = 0, childUs = 0] = cpuUs().map((us, i) => us - (cpu[i] ?? 0));
  const framesPerSecond = ((await metric("frames_total")) - frames) / (elapsedMs / 1000);
  const bitsPerSecond = (((await metric("stored_bytes_total")) - bytes) * 8) / (elapsedMs / 1000);
  if (!(framesPerSecond > 0.9 * PICTURE.framesPerSecond)) {
    throw new Error(`the camera sent ${framesPerSecond} frames a second`);
  }
  const percent = (us: number): number => us / 10 / elapsedMs;
  return {
    question: "agent",
    head: ["one camera on the network, passed on", "CPU % of a core", "RSS MiB p50", "RSS MiB max"],
    rows: [
      { what: "the agent", figures: ["agentCpuPercent", "agentRssMibP50", "agentRssMibMax"] },
      { what: "its child, ffmpeg", figures: ["childCpuPercent", "childRssMibP50", "childRssMibMax"] },
    ],
    figures: {
      agentCpuPercent: percent(agentUs),
      agentRssMibP50: quantile(rss.agent, 0.5),
      agentRssMibMax: Math.max(...rss.agent),
      childCpuPercent: percent(childUs),
      childRssMibP50: quantile(rss.child, 0.5),
      childRssMibMax: Math.max(...rss.child),
    },
    limits: {},
    notes: [
      `${PICTURE.width}x${PICTURE.height} of hardware/simulated-camera, ${framesPerSecond.toFixed(1)} frames and ${(bitsPerSecond / 1e6).toFixed(2)} Mbit a second, no sound, no other sensor;`,
      `over ${Math.round(elapsedMs / 1000)} s after ${WARM_UP_MS / 1000} s, from /proc; camera, gateway and cloud share the cores, and are not counted`,
    ],
    shape: { ...PICTURE, framesPerSecond, bitsPerSecond, warmUpMs: WARM_UP_MS, measureMs: Math.round(elapsedMs) },
  };
}

/** The one process that the agent started (Linux). */
function childOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  if (children.length !== 1 || children[0] === "") throw new Error(`the agent has ${children.length} children`);
  return Number(children[0]);
}

function rssMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
