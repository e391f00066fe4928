import { writeSync } from "node:fs";
import { Device } from "@headwater/device/sdk";

/** Puts records all at once and says of each on stdout, in one system call, that its put has resolved. */
const [, , argument = ""] = process.argv;
const { data, payloads } = JSON.parse(argument) as { data: string; payloads: string[] };

// There is no gateway: a put needs none.
const device = await Device.open({ id: "traced", gateway: "mqtt://127.0.0.1:9", data });
await Promise.all(
  payloads.map(async (payload) => {
    await device.putRecord({ stream: "traced", partitionKey: "k", data: Buffer.from(payload) });
    writeSync(1, `put ${payload}\n`);
  }),
);
await device.close();
