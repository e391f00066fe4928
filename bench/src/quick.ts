import { compare } from "./compare.js";
import { measure } from "./measure.js";
import { onStream, Stage, target } from "./stage.js";

// How many durable PutRecords records a second does one cloud process take, at what CPU time each, beside a Node server that
// only parses the same bodies? `npm run bench -- quick`; about a minute.

const SHAPE = { connections: 8, records: 500, recordBytes: 1024, warmUpMs: 1_000, measureMs: 4_000 };

const stage = await Stage.set();
const [cloud, bare] = [await stage.cloud(), await stage.bare()];
try {
  await compare(
    [
      {
        what: "bare Node server, parses only",
        run: () => measure({ ...SHAPE, target: target(bare, "none") }, bare.pid),
      },
      ...[4, 256].map((shards) => ({
        what: `cloud, ${shards} shards`,
        run: () => onStream(cloud, shards, (stream) => measure({ ...SHAPE, target: stream }, cloud.pid)),
      })),
    ],
    {
      bench: "quick",
      title: "durable PutRecords",
      runs: 3,
      shape: SHAPE,
      notes: ["the cloud verifies each signature and syncs before it answers; the load generator shares the cores"],
    },
    stage.data,
  );
} finally {
  await stage.end();
}
