import { afterAll, expect, test } from "vitest";
import { createStream, kinesisClient, readAll } from "../harness/kinesis.js";
import { gaugeOf } from "../harness/metrics.js";
import type { Part } from "../harness/part.js";
import { startCloud, startDevice, startGateway } from "../harness/parts.js";
import { isFull, Random } from "../harness/random.js";
import { Scope } from "../harness/scope.js";
import { TcpProxy } from "../harness/tcp-proxy.js";
import { until } from "../harness/until.js";
import { checkHistories, lostRecords } from "./check-histories.js";
import { checkSensor } from "./check-sensor.js";
import { DeviceProgram } from "./device-program.js";
import { type Fault, planFaults, type Victim } from "./fault-plan.js";
import { ForeignProducer } from "./foreign-producer.js";
import { MqttProducer } from "./mqtt-producer.js";

const KILLS = isFull ? 100 : 8;
const STREAM = "crash";
const SENSOR_STREAM = "sensor";

const scope = new Scope();
afterAll(() => scope.close());

test(
  `${KILLS} kills: nothing acknowledged is lost, order per key holds, nothing of a device appears twice`,
  { timeout: isFull ? 3_600_000 : 240_000 },
  async () => {
    const random = Random.announced("crash test");
    const cloud = await startCloud(scope);
    const client = kinesisClient(scope, cloud.url);
    await createStream(client, STREAM, 4);
    await createStream(client, SENSOR_STREAM, 1);
    const gateway = await startGateway(scope, cloud.url);
    const link = await TcpProxy.start(scope, gateway.port("mqtt"));
    const reachable = `mqtt://127.0.0.1:${link.port}`;

    const agent = await startDevice(
      scope,
      { id: "agent", hostSensor: { stream: SENSOR_STREAM, intervalMs: 100 } },
      { flags: { gateway: reachable } },
    );
    const programs = [
      await DeviceProgram.start(scope, {
        id: "sdk-1",
        gateway: reachable,
        stream: STREAM,
        keys: ["a", "b", "c"],
        everyMs: 30,
      }),
      await DeviceProgram.start(scope, {
        id: "sdk-2",
        gateway: reachable,
        stream: STREAM,
        keys: ["a", "d"],
        everyMs: 25,
      }),
    ] as const;
    const plain = new MqttProducer(scope, "plain", reachable, STREAM, ["a", "e"]);
    const foreign = new ForeignProducer("foreign", client, STREAM, ["a", "f", "g"]);
    const producers = [...programs, plain, foreign];

    const victims: Record<Victim, DeviceProgram | Part> = {
      "sdk-1": programs[0],
      "sdk-2": programs[1],
      agent,
      gateway,
      cloud,
    };
    const faults = planFaults(random, KILLS);
    for (const fault of faults) await inflict(fault, victims, link, producers);

    for (const producer of producers) await producer.finish();
    const histories = producers.map((producer) => producer.history());
    await until(
      () => `everything acknowledged to reach the cloud\n${gateway.child.describe()}`,
      async () => lostRecords(histories, await readAll(client, STREAM)).length === 0,
      { deadlineMs: 60_000, everyMs: 1_000 },
    );
    await until("the gateway's spool to be empty", async () => gaugeOf(await gateway.metrics(), SPOOL_RECORDS) === 0);

    const read = await readAll(client, STREAM);
    expect(checkHistories(histories, read)).toEqual([]);
    const sensed = await readAll(client, SENSOR_STREAM);
    expect(checkSensor(sensed)).toEqual([]);
    process.stdout.write(`crash test: ${describeRun(faults, histories, read.length, sensed.length)}\n`);
    for (const part of [...programs, agent, gateway, cloud]) await part.stop();
  },
);

const SPOOL_RECORDS = /^headwater_gateway_spool_records\{/;

async function inflict(
  { kill, afterPuts, afterMs, downForPuts, link: state }: Fault,
  victims: Record<Victim, DeviceProgram | Part>,
  link: TcpProxy,
  producers: readonly { readonly acknowledged: number }[],
): Promise<void> {
  const total = (): number => producers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  const grown = async (by: number): Promise<void> => {
    const from = total();
    await until(`${by} more puts to be acknowledged (${kill.join(" and ")} next)`, () => total() >= from + by);
  };
  if (state === "cut") link.cut();
  if (state === "frozen") link.freeze();
  await grown(afterPuts);
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await Promise.all(kill.map(async (victim) => await victims[victim].kill("SIGKILL")));
  // The one producer that is left must get its puts acknowledged, whatever else is dead: it has its own disk.
  await grown(downForPuts);
  for (const victim of kill) await victims[victim].restart();
  link.restore();
}

function describeRun(
  faults: readonly Fault[],
  histories: readonly { producer: string; attempted: readonly unknown[]; acknowledged: readonly unknown[] }[],
  read: number,
  sensed: number,
): string {
  const kills = faults.map(({ kill, link }) => kill.join("+") + (link === "open" ? "" : ` (${link})`)).join(", ");
  const counts = histories.map(
    ({ producer, attempted, acknowledged }) => `${producer} ${acknowledged.length}/${attempted.length}`,
  );
  return `killed ${kills}; acknowledged/attempted: ${counts.join(", ")}; read ${read} and ${sensed} of the sensor`;
}
