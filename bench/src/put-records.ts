import { compare } from "./compare.js";
import { measure } from "./measure.js";
import { startPeers } from "./peers.js";
import { onStream, Stage, target } from "./stage.js";

// How many PutRecords records a second do one cloud process and its peers take, at what CPU time each? `npm run bench --
// put-records`; about two minutes. The cloud alone checks signatures and syncs before it answers.

const SHAPE = { connections: 8, records: 500, recordBytes: 1024, warmUpMs: 2_000, measureMs: 5_000 };

const stage = await Stage.set();
try {
  const [cloud, bare, peers] = [await stage.cloud(), await stage.bare(), await startPeers(stage)];
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
      ...peers.map(({ what, server }) => ({
        what: `${what}, 4 shards`,
        run: () => onStream(server, 4, (stream) => measure({ ...SHAPE, target: stream }, server.pid)),
      })),
    ],
    {
      bench: "put-records",
      title: "PutRecords",
      runs: 3,
      shape: SHAPE,
      notes: ["only the cloud verifies signatures and syncs before it answers; the load generator shares the cores"],
    },
    stage.data,
  );
} finally {
  await stage.end();
}
