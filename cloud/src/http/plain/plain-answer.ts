import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { CallAnswer } from "../call.js";

/** A smaller body is sent as one text with its head, which costs less than two pieces. */
const JOINED_BYTES_MAX = 16 << 10;

export interface PlainAnswerOptions {
  /** Said to the client; undefined where the connection ends with the answer. */
  readonly keepAliveMs: number | undefined;
  /** Called once the system has all of it, or with an error where the connection broke before. */
  readonly onTaken: (error?: Error | null) => void;
}

/** Writes an answer as Node's server would, head and body. */
export function writePlainAnswer(
  socket: Socket,
  answer: CallAnswer,
  { keepAliveMs, onTaken }: PlainAnswerOptions,
): void {
  const { body } = answer;
  const pieces = Buffer.isBuffer(body) ? [body] : body;
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  let text = headOf(answer, bytes, keepAliveMs);
  if (bytes <= JOINED_BYTES_MAX) {
    for (const piece of pieces) text += piece.toString("latin1");
    socket.write(text, "latin1", onTaken);
    return;
  }
  socket.cork();
  socket.write(text, "latin1");
  for (const [i, piece] of pieces.entries()) socket.write(piece, i === pieces.length - 1 ? onTaken : undefined);
  socket.uncork();
}

function headOf(
  { status, contentType, requestId, extendedId }: CallAnswer,
  bytes: number,
  keepAliveMs: number | undefined,
): string {
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
    (contentType === undefined ? "" : `content-type: ${contentType}\r\n`) +
    `x-amzn-requestid: ${requestId}\r\nx-amz-id-2: ${extendedId}\r\ncontent-length: ${bytes}\r\nDate: ${httpDate()}\r\n` +
    (keepAliveMs === undefined
      ? "Connection: close\r\n\r\n"
      : `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n\r\n`)
  );
}

/** Of the current second; most answers have the last one's. */
let shown = { second: Number.NaN, text: "" };

function httpDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== shown.second) shown = { second, text: new Date(second * 1000).toUTCString() };
  return shown.text;
}
