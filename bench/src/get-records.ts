import { compare } from "./compare.js";
import { measureReading } from "./measure.js";
import { startPeers } from "./peers.js";
import { randomBytes, randomUUID } from "node:crypto";
import type { ServerProcess } from "./server-process.js";
import { call, type Target } from "./signed-request.js";
import { onStream, Stage } from "./stage.js";

// How many records a second do one cloud process and its peers serve to readers from TRIM_HORIZON, one for each shard?
// `npm run bench -- get-records`; about three minutes.

const SHAPE = { shards: 4, recordBytes: 1024, recordsStored: 40_000, warmUpMs: 1_500, measureMs: 4_000 };
const RECORDS_A_CALL = 500;
/** kinesis-local takes minutes for one answer of a shard with 10,000 records. */
const RECORDS_STORED_OF = new Map([["kinesis-local", 4_000]]);

const stage = await Stage.set();
try {
  const cloud = await stage.cloud();
  const subjects = [{ what: "cloud", server: cloud }, ...(await startPeers(stage))];
  await compare(
    subjects.map(({ what, server }) => {
      const recordsStored = RECORDS_STORED_OF.get(what.split(" ")[0]!) ?? SHAPE.recordsStored;
      return {
        what: recordsStored === SHAPE.recordsStored ? what : `${what}, ${recordsStored} stored`,
        run: () => onStream(server, SHAPE.shards, (stream) => read(server, stream, recordsStored)),
      };
    }),
    {
      bench: "get-records",
      title: "GetRecords from TRIM_HORIZON",
      runs: 3,
      shape: SHAPE,
      notes: [
        "a reader for each shard, as many records a call as there are; the readers count the records and parse nothing else",
      ],
    },
    stage.data,
  );
} finally {
  await stage.end();
}

async function read(server: ServerProcess, target: Target, recordsStored: number): ReturnType<typeof measureReading> {
  const { stream: StreamName } = target;
  for (let stored = 0; stored < recordsStored; stored += RECORDS_A_CALL) {
    const Records = Array.from({ length: RECORDS_A_CALL }, () => ({
      PartitionKey: randomUUID(),
      Data: randomBytes(SHAPE.recordBytes).toString("base64"),
    }));
    await call(target, "PutRecords", { StreamName, Records });
  }
  const { Shards } = await call(target, "ListShards", { StreamName });
  const shardIds = (Shards as { ShardId: string }[]).map(({ ShardId }) => ShardId);
  const { warmUpMs, measureMs } = SHAPE;
  return measureReading({ target, shardIds, warmUpMs, measureMs }, server.pid);
}
