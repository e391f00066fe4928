import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fragment, header } from "../testing/producer-document.js";
import { TestVideo } from "../testing/test-video.js";

let it: TestVideo;

beforeEach(async () => {
  it = await TestVideo.start();
});
afterEach(() => it.close());

async function infoOf(StreamName: string): Promise<Record<string, unknown>> {
  const { body } = await it.call("describeStream", { StreamName });
  return body["StreamInfo"] as Record<string, unknown>;
}

const refusal = async (operation: string, input: unknown): Promise<[number, string | undefined]> => {
  const { status, type, body } = await it.call(operation, input);
  expect(typeof body["Message"]).toBe("string");
  return [status, type];
};

const listStreams = async (input: unknown): Promise<{ names: unknown[]; next: unknown }> => {
  const { body } = await it.call("listStreams", input);
  const streams = body["StreamInfoList"] as { StreamName: string }[];
  return { names: streams.map(({ StreamName }) => StreamName), next: body["NextToken"] };
};

const list = async (input: object): Promise<{ times: number[]; next: unknown; fragments: unknown[] }> => {
  const { body } = await it.call("listFragments", { StreamName: "s", ...input });
  const fragments = body["Fragments"] as { ProducerTimestamp: number }[];
  return { times: fragments.map(({ ProducerTimestamp }) => ProducerTimestamp), next: body["NextToken"], fragments };
};

test("a stream is described as it was created, with its times in seconds", async () => {
  const StreamARN = await it.createStream("s", 2);
  await it.call("createStream", { StreamName: "t", DeviceName: "door", MediaType: "video/h264,audio/aac" });
  const createdMs = it.clock.now();
  expect(StreamARN).toBe(`arn:aws:kinesisvideo:us-east-1:000000000000:stream/s/${createdMs}`);
  expect(await infoOf("s")).toEqual({
    StreamName: "s",
    StreamARN,
    Version: expect.stringMatching(/^[a-zA-Z0-9]{1,64}$/) as string,
    Status: "ACTIVE",
    CreationTime: createdMs / 1000,
    DataRetentionInHours: 2,
    KmsKeyId: "aws/kinesisvideo",
  });
  expect(await infoOf("t")).toMatchObject({
    DeviceName: "door",
    MediaType: "video/h264,audio/aac",
    DataRetentionInHours: 0,
  });
});

test.each<[string, string, number]>([
  ["Größe 東", "42 %", 400],
  ["a*", "b", 400],
  ["𠮷", "", 200],
  ["Größe 東_.:/=+-@", "42 cm", 200],
])("tags have letters of any script, digits, spaces and few signs: %s=%s", async (key, value, status) => {
  const created = await it.call("createStream", { StreamName: "s", Tags: { [key]: value } });
  expect(created.status).toBe(status);
});

test("streams are found by ARN, but not by that of an earlier stream of the same name", async () => {
  const StreamARN = await it.createStream("s");
  const describe = async (): Promise<number> => (await it.call("describeStream", { StreamARN })).status;
  expect(await describe()).toBe(200);
  expect((await it.call("deleteStream", { StreamARN })).status).toBe(200);
  await it.service.close(); // waits for the bytes to be gone
  it.clock.advance(1);
  await it.createStream("s");
  expect(await describe()).toBe(404);
});

test("a stream made anew has nothing of the old one, and greater fragment numbers", async () => {
  const put = async (): Promise<string> => (await it.put("s", header(), fragment(1000)))[0]?.FragmentNumber ?? "";
  const StreamARN = await it.createStream("s");
  const before = await put();
  await it.call("deleteStream", { StreamARN });
  await it.service.close();
  it.clock.advance(1);
  await it.createStream("s");
  expect((await put()) > before).toBe(true);
  const { body } = await it.call("listFragments", { StreamName: "s", FragmentSelector: all });
  expect(body["Fragments"]).toHaveLength(1);
});

test("streams are listed by name, in pages, and by how they begin", async () => {
  for (const name of ["b", "a2", "a1"]) await it.createStream(name);
  const first = await listStreams({ MaxResults: 2 });
  expect(first.names).toEqual(["a1", "a2"]);
  expect(await listStreams({ NextToken: first.next })).toEqual({ names: ["b"], next: undefined });
  const StreamNameCondition = { ComparisonOperator: "BEGINS_WITH", ComparisonValue: "a" };
  expect((await listStreams({ StreamNameCondition })).names).toEqual(["a1", "a2"]);
  expect(await refusal("listStreams", { NextToken: "AAAA" })).toEqual([400, "InvalidArgumentException"]);
});

test("retention changes by steps, for who knows the current version", async () => {
  await it.createStream("s", 2);
  const { Version: CurrentVersion } = await infoOf("s");
  const change = (Operation: string, DataRetentionChangeInHours: number, version = CurrentVersion): unknown => ({
    StreamName: "s",
    CurrentVersion: version,
    Operation,
    DataRetentionChangeInHours,
  });
  expect((await it.call("updateDataRetention", change("INCREASE_DATA_RETENTION", 3))).status).toBe(200);
  const now = await infoOf("s");
  expect(now["DataRetentionInHours"]).toBe(5);
  expect(await refusal("updateDataRetention", change("DECREASE_DATA_RETENTION", 1))).toEqual([
    400,
    "VersionMismatchException",
  ]);
  const { Version } = now;
  for (const [operation, hours] of [
    ["DECREASE_DATA_RETENTION", 6],
    ["INCREASE_DATA_RETENTION", 87_600],
  ] as const) {
    expect(await refusal("updateDataRetention", change(operation, hours, Version))).toEqual([
      400,
      "InvalidArgumentException",
    ]);
  }
  it = await it.restarted();
  expect((await infoOf("s"))["DataRetentionInHours"]).toBe(5);
});

test("no stream is created with a retention that it could not be changed to", async () => {
  const input = { StreamName: "s", DataRetentionInHours: 87_601 };
  expect(await refusal("createStream", input)).toEqual([400, "InvalidArgumentException"]);
  expect((await it.call("createStream", { ...input, DataRetentionInHours: 87_600 })).status).toBe(200);
});

const all = {
  FragmentSelectorType: "PRODUCER_TIMESTAMP",
  TimestampRange: { StartTimestamp: 0, EndTimestamp: 4_000_000_000 },
};

describe("ListFragments", () => {
  const startMs = 1_700_000_000_000;
  beforeEach(async () => {
    await it.createStream("s");
    for (const time of [1000, 3000, 2000]) {
      await it.put("s", header(), fragment(time));
      it.clock.advance(60_000);
    }
  });

  test("tells number, size, times and length", async () => {
    const { fragments } = await list({ FragmentSelector: all, MaxResults: 1 });
    expect(fragments).toEqual([
      {
        FragmentNumber: expect.stringMatching(/^\d{47}$/) as string,
        FragmentSizeInBytes: 6 + 4 * 8,
        ProducerTimestamp: 1,
        ServerTimestamp: startMs / 1000,
        FragmentLengthInMilliseconds: 1000,
      },
    ]);
  });

  test("goes through all pages, each fragment once", async () => {
    const times: number[] = [];
    let page = await list({ FragmentSelector: all, MaxResults: 1 });
    for (; page.next !== undefined; page = await list({ NextToken: page.next, MaxResults: 1 }))
      times.push(...page.times);
    expect([...times, ...page.times]).toEqual([1, 3, 2]);
  });

  test.each([
    ["PRODUCER_TIMESTAMP", 2, 3, [3, 2]],
    ["PRODUCER_TIMESTAMP", 2.001, 2.999, []],
    ["SERVER_TIMESTAMP", startMs / 1000 + 60, startMs / 1000 + 119, [3]],
  ])("by %s from %d to %d", async (FragmentSelectorType, StartTimestamp, EndTimestamp, expected) => {
    const TimestampRange = { StartTimestamp, EndTimestamp };
    const { times } = await list({ FragmentSelector: { FragmentSelectorType, TimestampRange } });
    expect(times).toEqual(expected);
  });

  test("has nothing of a stream without retention", async () => {
    await it.createStream("live", 0);
    await it.put("live", header(), fragment(1000));
    expect((await list({ StreamName: "live", FragmentSelector: all })).times).toEqual([]);
  });

  test("refuses a foreign token, and to list without a selector", async () => {
    const { next } = await list({ FragmentSelector: all, MaxResults: 1 });
    await it.createStream("other");
    for (const input of [
      { StreamName: "other", NextToken: next },
      { StreamName: "s", NextToken: "AAAA" },
      { StreamName: "s" },
    ]) {
      expect(await refusal("listFragments", input)).toEqual([400, "InvalidArgumentException"]);
    }
  });
});

test.each<[string, unknown, number, string]>([
  ["createStream", { StreamName: "s" }, 400, "ResourceInUseException"],
  ["createStream", { StreamName: "no spaces" }, 400, "InvalidArgumentException"],
  ["createStream", { StreamName: "x", DataRetentionInHours: -1 }, 400, "InvalidArgumentException"],
  ["createStream", {}, 400, "InvalidArgumentException"],
  ["createStream", "{", 400, "InvalidArgumentException"],
  ["createStream", "[]", 400, "InvalidArgumentException"],
  ["describeStream", { StreamName: "nowhere" }, 404, "ResourceNotFoundException"],
  ["describeStream", {}, 400, "InvalidArgumentException"],
  ["describeStream", { StreamName: 1 }, 400, "InvalidArgumentException"],
  ["deleteStream", { StreamARN: "arn:aws:kinesisvideo:us-east-1:0:stream/s/1" }, 404, "ResourceNotFoundException"],
  ["getDataEndpoint", { StreamName: "s", APIName: "DO_MEDIA" }, 400, "InvalidArgumentException"],
  [
    "getMedia",
    { StreamName: "nowhere", StartSelector: { StartSelectorType: "NOW" } },
    404,
    "ResourceNotFoundException",
  ],
  ["untold", {}, 404, "UnknownOperationException"],
])("%s %j is refused", async (operation, input, status, type) => {
  await it.createStream("s");
  expect(await refusal(operation, input)).toEqual([status, type]);
});

test("the C producer's JSON, with tabs and line breaks, is read", async () => {
  const { status } = await it.call("createStream", '{\n\t"StreamName": "x",\n\t"DataRetentionInHours": 2\n}');
  expect(status).toBe(200);
});

test("a Host without a port gets the port that it reached", async () => {
  await it.createStream("s");
  const { body } = await it.call(
    "getDataEndpoint",
    { StreamName: "s", APIName: "PUT_MEDIA" },
    { host: "camera.local" },
  );
  expect(body).toEqual({ DataEndpoint: `http://camera.local:${it.port}` });
});

describe("signatures", () => {
  let signed: TestVideo;
  beforeEach(async () => {
    signed = await TestVideo.start({ verified: true });
    const body = JSON.stringify({ StreamName: "s" });
    await signed.call("createStream", body, await signed.sign("createStream", body, {}));
  });
  afterEach(() => signed.close());

  const putHeaders = { "x-amzn-stream-name": "s", "x-amzn-fragment-timecode-type": "ABSOLUTE" };

  test("none, and one over another body, are refused", async () => {
    const input = { StreamName: "s" };
    expect(await signed.call("describeStream", input)).toMatchObject({
      status: 403,
      type: "MissingAuthenticationTokenException",
    });
    const headers = await signed.sign("describeStream", "{}", {});
    expect(await signed.call("describeStream", input, headers)).toMatchObject({
      status: 403,
      type: "InvalidSignatureException",
    });
  });

  test.each([{}, { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }])("PutMedia's covers no body: %j", async (extra) => {
    const headers = await signed.sign("putMedia", "", { ...putHeaders, ...extra });
    const call = await signed.putMedia("s", headers);
    call.outgoing.end(Buffer.concat([header(), fragment(1000)]));
    expect(await call.ack("PERSISTED", 1000)).toMatchObject({ FragmentNumber: expect.any(String) as string });
  });

  test("PutMedia's must cover the headers that say where media goes", async () => {
    const headers = await signed.sign("putMedia", "", {});
    const { answer } = await signed.putMedia("s", headers);
    expect([answer.statusCode, answer.headers["x-amzn-errortype"]]).toEqual([403, "InvalidSignatureException"]);
  });
});
