import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

// What the figures stand beside: a Node server that takes the same requests and does nothing with them but read them.
// No signature, no order, no disk.

/** A PutRecords or a PutRecord. */
interface Put {
  readonly Records?: readonly { readonly Data: string }[];
  readonly Data?: string;
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { Records, Data: single = "" } = JSON.parse(Buffer.concat(chunks).toString()) as Put;
    let bytes = 0;
    for (const { Data } of Records ?? [{ Data: single }]) bytes += Buffer.from(Data, "base64").length;
    const answer = JSON.stringify({ FailedRecordCount: 0, SequenceNumber: "", Bytes: bytes });
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1", "content-length": answer.length });
    response.end(answer);
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`ready http=http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
