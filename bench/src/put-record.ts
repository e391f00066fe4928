import { compare } from "./compare.js";
import { measure } from "./measure.js";
import { startPeers } from "./peers.js";
import { onStream, Stage, target } from "./stage.js";

// How many PutRecord calls a second do one cloud process and its peers take, on 8 and on 64 connections? `npm run bench --
// put-record`; about four minutes. Of the servers, the cloud alone checks signatures and syncs before it answers; what that costs at the least, the bare
// sockets show.

const SHAPE = { records: 1, recordBytes: 1024, warmUpMs: 2_000, measureMs: 4_000 };
const SHARDS = 4;

const stage = await Stage.set();
try {
  const bare = [
    { what: "bare Node server", server: await stage.bare() },
    { what: "bare sockets, hashed and synced", server: await stage.bareSockets() },
  ];
  const [cloud, peers] = [await stage.cloud(), await startPeers(stage)];
  await compare(
    [8, 64].flatMap((connections) => [
      ...bare.map(({ what, server }) => ({
        what: `${what}, ${connections} connections`,
        run: () => measure({ ...SHAPE, connections, target: target(server, "none") }, server.pid),
      })),
      ...[{ what: "cloud", server: cloud }, ...peers].map(({ what, server }) => ({
        what: `${what}, ${connections} connections`,
        run: () => onStream(server, SHARDS, (stream) => measure({ ...SHAPE, connections, target: stream }, server.pid)),
      })),
    ]),
    {
      bench: "put-record",
      title: "PutRecord",
      runs: 3,
      shape: { ...SHAPE, shards: SHARDS },
      notes: [
        "only the cloud verifies signatures and keeps records in order; it and the bare sockets sync before they answer",
        "the load generator shares the cores",
      ],
    },
    stage.data,
  );
} finally {
  await stage.end();
}
