import { structure } from "../codec/shape.js";
import { streamSummary } from "./descriptions.js";
import { nextToken, pageSize, streamName } from "./members.js";
import { operation } from "./operation.js";
import { openPage, sealPage } from "./page-token.js";

/** Also for who asks for more. Source: API reference. */
const PAGE_STREAMS = 100;
const PURPOSE = "list-streams";

export const listStreams = operation(
  structure({
    required: {},
    optional: { Limit: pageSize, ExclusiveStartStreamName: streamName, NextToken: nextToken },
  }),
  ({ Limit = PAGE_STREAMS, ExclusiveStartStreamName, NextToken }, { service, sealer, now }) => {
    const [after] =
      NextToken === undefined ? [ExclusiveStartStreamName ?? ""] : openPage(sealer, PURPOSE, NextToken, now());
    const left = service.listStreams().filter(({ name }) => name > String(after));
    const page = left.slice(0, Math.min(Limit, PAGE_STREAMS));
    const last = page.at(-1);
    const hasMore = left.length > page.length;
    return {
      StreamNames: page.map(({ name }) => name),
      HasMoreStreams: hasMore,
      NextToken: hasMore && last !== undefined ? sealPage(sealer, PURPOSE, [last.name], now()) : undefined,
      StreamSummaries: page.map(streamSummary),
    };
  },
);
