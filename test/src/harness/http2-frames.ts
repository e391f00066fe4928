import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** The types of RFC 9113, section 6. */
const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, windowUpdate: 8, continuation: 9 } as const;
const END_HEADERS = 4;
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const CANCEL = 8;
/** SETTINGS_INITIAL_WINDOW_SIZE. */
const WINDOW_SIZE = 4;

/** A frame as no decent client would send it. */
export function frame(type: keyof typeof types, stream: number, payload: Buffer = Buffer.alloc(0), flags = 0): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = types[type];
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Begins a request, whose body is still to come. */
export function headersFrame(stream: number, headers: Readonly<Record<string, string>>): Buffer {
  return frame("headers", stream, headerBlock(headers), END_HEADERS);
}

export function resetFrame(stream: number): Buffer {
  const code = Buffer.alloc(4);
  code.writeUInt32BE(CANCEL);
  return frame("reset", stream, code);
}

/** Settings: how much of each stream the client takes before it says that it takes more. */
export function windowFrame(bytes: number): Buffer {
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(WINDOW_SIZE);
  setting.writeUInt32BE(bytes, 2);
  return frame("settings", 0, setting);
}

/** Header fields as HPACK writes them without its tables and without Huffman's code (RFC 7541, section 6.2.2). */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(headers).map(([name, value]) => Buffer.concat([Buffer.of(0), text(name), text(value)])),
  );
}

/** A connection that has said that it speaks HTTP/2, and no more. What comes is thrown away. */
export async function openHttp2(port: number, windowBytes = 65_535): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined); // being cut is what it is there for
  await once(socket, "connect");
  socket.resume();
  socket.write(Buffer.concat([Buffer.from(PREFACE, "latin1"), windowFrame(windowBytes)]));
  return socket;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const digits = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) digits.push((rest % 128) + 128);
  return Buffer.concat([Buffer.of(...digits, rest), bytes]);
}
