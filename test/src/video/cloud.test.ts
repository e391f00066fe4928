import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StartSelector } from "@aws-sdk/client-kinesis-video-media";
import { expect, onTestFinished, test } from "vitest";
import { clientEnvironment } from "../harness/credentials.js";
import { startCloud } from "../harness/parts.js";
import { Random } from "../harness/random.js";
import { run } from "../harness/run.js";
import { Scope } from "../harness/scope.js";
import { SmallDisk } from "../harness/small-disk.js";
import { until } from "../harness/until.js";
import { endOfFragment, sdkFragment, sdkHeader, type SdkFragment } from "./cloud-documents.js";
import { CloudProducer } from "./cloud-producer.js";
import { type ReadFragment, VideoClients } from "./cloud-reader.js";
import { record } from "./hls-recording.js";

const STREAM = "camera";
const tour = fileURLToPath(new URL("cloud-tour.py", import.meta.url));

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
  const [first, second, third] = read as [ReadFragment, ReadFragment, ReadFragment];
  const beginning: [StartSelector, number][] = [
    [{ StartSelectorType: "NOW" }, 4],
    [{ StartSelectorType: "FRAGMENT_NUMBER", AfterFragmentNumber: first.number }, 1],
    [{ StartSelectorType: "CONTINUATION_TOKEN", ContinuationToken: second.continuationToken }, 2],
    [{ StartSelectorType: "PRODUCER_TIMESTAMP", StartTimestamp: new Date(third.producerMs + 500) }, 2],
    [{ StartSelectorType: "SERVER_TIMESTAMP", StartTimestamp: new Date(0) }, 0],
  ];
  for (const [selector, from] of beginning) {
    const rest = await clients.read(STREAM, sent.length - from, selector);
    expect(rest.map(({ number }) => number)).toEqual(read.slice(from).map(({ number }) => number));
  }
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
    const producer = await CloudProducer.open(scope, cloud.url, STREAM, {
      expects: kill % 2 === 0 ? "waits" : "never",
    });
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

test("boto3 finds its way through the control plane, the archive, the media and to what plays", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope);
  await new VideoClients(scope, cloud.url).createStream(STREAM);
  const producer = await CloudProducer.open(scope, cloud.url, STREAM);
  // boto3 sends whole seconds.
  const firstMs = Math.floor(Date.now() / 1000) * 1000;
  await producer.send(record(3, firstMs).bytes);
  producer.end();
  await until("the answer to end", () => producer.hasEnded);
  const command = ["/usr/bin/python3", tour, cloud.url, STREAM, String(firstMs)];
  const { stdout } = await run(scope, command, { env: clientEnvironment });
  expect(JSON.parse(stdout)).toEqual({
    created: ["boto", "ACTIVE", 1, "video/h264"],
    createdAt: true,
    retention: 3,
    listed: ["boto", STREAM],
    errors: {
      exists: ["ResourceInUseException", 400],
      stale: ["VersionMismatchException", 400],
      nowhere: ["ResourceNotFoundException", 404],
    },
    fragments: [1000, 1000, 1000],
    firstAt: true,
    contentType: "video/webm",
    read: {
      NOW: [2],
      EARLIEST: [0, 1, 2],
      FRAGMENT_NUMBER: [1, 2],
      CONTINUATION_TOKEN: [2],
      PRODUCER_TIMESTAMP: [1, 2],
      SERVER_TIMESTAMP: [0, 1, 2],
    },
    // The range lasts for another hour, in which more may come.
    played: { LIVE: [3, false], LIVE_REPLAY: [3, false], ON_DEMAND: [3, true] },
  });
});

test("hostile bodies get an error or a closed connection, and the camera beside them does not notice", async () => {
  const scope = newScope();
  const random = Random.announced("hostile media");
  const cloud = await startCloud(scope);
  const clients = new VideoClients(scope, cloud.url);
  await clients.createStream(STREAM);
  await clients.createStream("attacked");
  const camera = await CloudProducer.open(scope, cloud.url, STREAM);
  await camera.send(sdkHeader());
  let timecodeMs = Date.now();
  const good = Buffer.concat([sdkHeader(), sdkFragment(1000, "h", 500).bytes, sdkFragment(2000, "h", 500).bytes]);
  for (let round = 0; round < 60; round++) {
    const body = Buffer.from(good);
    for (let i = random.between(1, 8); i > 0; i--) body[random.between(0, body.length - 1)] = random.between(0, 255);
    const attacker = await CloudProducer.open(scope, cloud.url, "attacked");
    await attacker.send(body.subarray(0, random.between(1, body.length)));
    if (random.fraction() < 0.5) attacker.end();
    else attacker.destroy();
    await until("the attacker's call to end", () => attacker.hasEnded || attacker.isClosed || attacker.hasError);
    attacker.destroy();
    const { bytes } = sdkFragment(timecodeMs, "camera");
    await camera.send(Buffer.concat([bytes, endOfFragment]));
    await camera.ack("PERSISTED", timecodeMs);
    timecodeMs += 1000;
  }
  expect(camera.acks.filter(({ EventType }) => EventType === "ERROR")).toEqual([]);
  expect(await clients.list(STREAM)).toHaveLength(60);
});

test("on a full disk media is refused and readable, and taken again when space returns", async () => {
  const scope = newScope();
  const disk = await SmallDisk.mount(scope, 32);
  const cloud = await startCloud(scope, { flags: { data: join(disk.directory, "data") } });
  const clients = new VideoClients(scope, cloud.url);
  await clients.createStream(STREAM);
  let timecodeMs = Date.now();
  const put = async (): Promise<string> => {
    const producer = await CloudProducer.open(scope, cloud.url, STREAM);
    timecodeMs += 1000;
    await producer.send(Buffer.concat([sdkHeader(), sdkFragment(timecodeMs, "full", 20_000).bytes, endOfFragment]));
    const ack = await until("an end", () =>
      producer.acks.find(({ EventType }) => EventType === "PERSISTED" || EventType === "ERROR"),
    );
    producer.destroy();
    return ack.EventType === "ERROR" ? `ERROR ${ack.ErrorId}` : ack.EventType;
  };
  expect(await put()).toBe("PERSISTED");
  await disk.fill();
  await until("media to be refused", async () => (await put()) === "ERROR 5001");
  const before = await clients.list(STREAM);
  expect(await clients.read(STREAM, before.length)).toHaveLength(before.length);
  await disk.free();
  await until("media to be taken again", async () => (await put()) === "PERSISTED");
  expect((await clients.list(STREAM)).length).toBeGreaterThan(before.length);
});

test("a cloud with producers and readers stops at once, and goes on where it was", async () => {
  const scope = newScope();
  const cloud = await startCloud(scope);
  const clients = new VideoClients(scope, cloud.url);
  await clients.createStream(STREAM);
  const producer = await CloudProducer.open(scope, cloud.url, STREAM);
  const [first, second] = [sdkFragment(1000, "stop"), sdkFragment(2000, "stop")];
  await producer.send(Buffer.concat([sdkHeader(), first.bytes, second.bytes]));
  await producer.ack("PERSISTED", first.timecodeMs);
  const reading = clients.read(STREAM, 2).then(
    () => "read",
    () => "cut",
  );
  await until("the reader to be there", async () => (await cloud.metrics()).get("headwater_cloud_video_readers") === 1);
  await cloud.stop();
  expect(await reading).toBe("cut");
  expect(producer.isClosed).toBe(true);
  await cloud.restart();
  expect((await clients.read(STREAM, 1)).map(({ frames }) => frames)).toEqual([first.frames]);
});
