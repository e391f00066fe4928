import { agentCost } from "./video/agent-cost.js";
import { loadavg } from "node:os";
import { type Answer, answerText } from "./video/answer.js";
import { fragmentLatency } from "./video/fragment-latency.js";
import { partLatency } from "./video/part-latency.js";
import { cameraLatency, playerLatency } from "./video/player-latency.js";
import { Rig } from "./video/rig.js";
import { describeMachine } from "./machine.js";

// How quickly does video get through, and what does it cost a device? `npm run bench -- video` asks all questions, about
// five minutes; `npm run bench -- video parts agent` asks these.

const questions: Readonly<Record<string, (rig: Rig) => Promise<Answer>>> = {
  fragments: fragmentLatency,
  parts: partLatency,
  player: playerLatency,
  camera: cameraLatency,
  agent: agentCost,
};

const asked = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(questions);
const unknown = asked.filter((name) => !Object.hasOwn(questions, name));
if (unknown.length > 0) {
  process.stderr.write(`${unknown.join(", ")}: the questions are ${Object.keys(questions).join(", ")}\n`);
  process.exit(2);
}
// Of the last minute, before there is a load of our own: a busy machine makes other figures.
const [loadBefore = Number.NaN] = loadavg();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));
for (const name of asked) {
  const rig = await Rig.open();
  try {
    const answer = await questions[name]!(rig);
    process.stdout.write(`${answerText(answer, { ...describeMachine(rig.data), loadBefore })}\n`);
  } finally {
    await rig.close();
  }
}
