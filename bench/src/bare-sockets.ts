import { createHash, createHmac, hash } from "node:crypto";
import { open } from "node:fs/promises";
import { constants, write } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";

// What no server in Node that keeps its word can be quicker than: a PutRecord taken from its socket without an HTTP server, hashed
// as a signature needs it, decoded, written and synced together with what waits, and answered. Nothing is checked, no key is looked
// at, no order is kept, and only requests that come in one piece are understood. The argument is the file to write.

const HEAD_END = "\r\n\r\n";
const DATA = '"Data":"';
const KEY = Buffer.alloc(32, 1);

const [path = ""] = process.argv.slice(2);
const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC);
let writtenBytes = 0;
let isWriting = false;
let waiting: { readonly socket: Socket; readonly data: Buffer }[] = [];

function take(socket: Socket, request: Buffer): void {
  const bodyFrom = request.indexOf(HEAD_END) + HEAD_END.length;
  const head = request.toString("latin1", 0, bodyFrom);
  const body = request.subarray(bodyFrom);
  const [, announced] = /content-length: (\d+)/i.exec(head) ?? [];
  if (Number(announced) !== body.length) throw new Error("a request did not come in one piece");
  // Of the body, the request and the text that is signed; and the signature.
  const canonical = createHash("sha256")
    .update(head)
    .update(hash("sha256", body, "hex"))
    .digest("hex");
  createHmac("sha256", KEY).update(canonical).digest("hex");
  const dataFrom = body.indexOf(DATA) + DATA.length;
  waiting.push({ socket, data: Buffer.from(body.toString("latin1", dataFrom, body.indexOf('"', dataFrom)), "base64") });
  if (!isWriting && waiting.length === 1) setImmediate(writeWaiting);
}

function writeWaiting(): void {
  if (isWriting || waiting.length === 0) return;
  isWriting = true;
  const [batch, bytes] = [waiting, Buffer.concat(waiting.map(({ data }) => data))];
  waiting = [];
  write(file.fd, bytes, 0, bytes.length, writtenBytes, (error) => {
    if (error !== null) throw error;
    isWriting = false;
    writtenBytes += bytes.length;
    for (const { socket } of batch) socket.write(answer(writtenBytes), "latin1");
    writeWaiting();
  });
}

function answer(sequenceNumber: number): string {
  const body = `{"SequenceNumber":"${String(sequenceNumber).padStart(56, "4")}","ShardId":"shardId-000000000000"}`;
  return `HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (request: Buffer) => take(socket, request));
  socket.on("error", () => socket.destroy()); // a load generator that has ended
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`ready http=http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
