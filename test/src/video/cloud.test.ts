import { expect, onTestFinished, test } from "vitest";
import { startCloud } from "../harness/parts.js";
import { Random } from "../harness/random.js";
import { Scope } from "../harness/scope.js";
import { until } from "../harness/until.js";
import { endOfFragment, sdkFragment, sdkHeader, type SdkFragment } from "./cloud-documents.js";
import { CloudProducer } from "./cloud-producer.js";
import { VideoClients } from "./cloud-reader.js";

const STREAM = "camera";

function newScope(): Scope {
  const scope = new Scope();
  onTestFinished(() => scope.close());
  return scope;
}

test("the bytes of AWS's producer SDK come back equal through AWS's JavaScript clients", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope);
  const clients = new VideoClients(scope, cloud.url);
  await clients.createStream(STREAM);
  const producer = await CloudProducer.open(scope, cloud.url, STREAM);
  expect(producer.status).toBe("HTTP/1.1 200 OK");
  const sent = Array.from({ length: 5 }, (_, i) => sdkFragment(Date.now() + i * 1000, "sdk"));
  await producer.send(sdkHeader());
  for (const { bytes, timecodeMs } of sent) {
    await producer.send(bytes);
    await producer.ack("BUFFERING", timecodeMs);
  }
  // As at the end of a stream: the tag, then nothing until the last fragment is acknowledged.
  await producer.send(endOfFragment);
  const last = await producer.ack("PERSISTED", sent.at(-1)?.timecodeMs ?? -1);
  producer.end();
  const read = await clients.read(STREAM, sent.length);
  expect(read.map(({ producerMs }) => producerMs)).toEqual(sent.map(({ timecodeMs }) => timecodeMs));
  expect(read.map(({ frames }) => frames)).toEqual(sent.map(({ frames }) => frames));
  expect(read.at(-1)?.number).toBe(last.FragmentNumber);
  const listed = await clients.list(STREAM, 2);
  expect(listed.map(({ FragmentNumber }) => FragmentNumber)).toEqual(read.map(({ number }) => number));
  expect(listed.map(({ FragmentLengthInMilliseconds: ms }) => ms)).toEqual(sent.map(() => 1000));
});

const KILLS = 5;

test(`${KILLS} times kill -9 while media comes in: what was PERSISTED is there, byte for byte, and once`, async () => {
  const scope = newScope();
  const random = Random.announced("video cloud kills");
  const cloud = await startCloud(scope);
  const clients = new VideoClients(scope, cloud.url);
  await clients.createStream(STREAM);
  const fragments: SdkFragment[] = [];
  const persisted = new Map<number, string>();
  let timecodeMs = Date.now();
  for (let kill = 0; kill < KILLS; kill++) {
    const producer = await CloudProducer.open(scope, cloud.url, STREAM, { expectsContinue: kill % 2 === 0 });
    const persistedNow = (): number => producer.acks.filter(({ EventType }) => EventType === "PERSISTED").length;
    await producer.send(sdkHeader());
    // What the last call did not get acknowledged is sent again.
    const again = fragments.filter(({ timecodeMs: sent }) => !persisted.has(sent));
    for (const { bytes } of again) await producer.send(bytes);
    let sent = again.length;
    const enough = sent + random.between(3, 15);
    while (persistedNow() < enough) {
      const fragment = sdkFragment(timecodeMs, "kill", random.between(1000, 60_000));
      timecodeMs += 1000;
      fragments.push(fragment);
      await producer.send(fragment.bytes);
      sent += 1;
      // A few are always on their way, so that the kill finds some in every state.
      await until("fragments to be persisted", () => persistedNow() >= sent - 4);
    }
    await producer.send(sdkFragment(timecodeMs, "never complete").bytes);
    await cloud.kill("SIGKILL");
    await until("the producer to notice", () => producer.isClosed);
    for (const { EventType, FragmentTimecode = -1, FragmentNumber = "" } of producer.acks) {
      if (EventType === "PERSISTED") persisted.set(FragmentTimecode, FragmentNumber);
    }
    await cloud.restart();
  }
  const expected = new Map(fragments.map((fragment) => [fragment.timecodeMs, fragment]));
  const listed = await clients.list(STREAM);
  const read = await clients.read(STREAM, listed.length);
  for (const { producerMs, frames } of read) {
    expect(Buffer.concat(frames).equals(Buffer.concat(expected.get(producerMs)?.frames ?? []))).toBe(true);
  }
  const times = read.map(({ producerMs }) => producerMs);
  expect(new Set(times).size, "none twice").toBe(times.length);
  expect(times).toEqual(expect.arrayContaining([...persisted.keys()]));
  const numbers = new Map(read.map(({ producerMs, number }) => [producerMs, number]));
  for (const [time, number] of persisted) expect(numbers.get(time)).toBe(number);
});
