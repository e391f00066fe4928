import { CloudError } from "../../cloud-error.js";
import { enumeration, integer, structure } from "../../codec/shape.js";
import { streamInfo } from "./describe-stream.js";
import { nextToken, streamName } from "./members.js";
import { videoOperation } from "./video-operation.js";

const PAGE_STREAMS = 10_000;
const PURPOSE = "video-list-streams";

export const listStreams = videoOperation(
  structure({
    required: {},
    optional: {
      MaxResults: integer({ min: 1, max: PAGE_STREAMS }),
      NextToken: nextToken,
      StreamNameCondition: structure({
        required: {},
        optional: { ComparisonOperator: enumeration("BEGINS_WITH"), ComparisonValue: streamName },
      }),
    },
  }),
  ({ MaxResults = PAGE_STREAMS, NextToken, StreamNameCondition }, { service, sealer }) => {
    const start = StreamNameCondition?.ComparisonValue ?? "";
    const [after] = NextToken === undefined ? [""] : (sealer.open(PURPOSE, NextToken) ?? []);
    if (typeof after !== "string") throw new CloudError("argument-invalid", "Invalid NextToken.");
    const left = service.list().filter(({ name }) => name > after && name.startsWith(start));
    const page = left.slice(0, MaxResults);
    const last = page.at(-1);
    return {
      StreamInfoList: page.map(streamInfo),
      NextToken: left.length > page.length && last !== undefined ? sealer.seal(PURPOSE, [last.name]) : undefined,
    };
  },
);
