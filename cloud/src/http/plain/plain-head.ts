import type { CallHeaders } from "../call.js";

/** The start of a request that came whole enough to be understood without a parser that remembers. */
export interface PlainHead {
  readonly headers: CallHeaders & { readonly "x-amz-target": string };
  /** Names, in lower case, and values in turn, in the order received. */
  readonly rawHeaders: readonly string[];
  /** Where the body begins. */
  readonly bodyFrom: number;
  readonly bodyBytes: number;
}

/** The only one: others go the long way. */
const REQUEST_LINE = "POST / HTTP/1.1\r\n";
const HEAD_BYTES_MAX = 16 << 10;
const HEADERS_MAX = 64;
/** Of such a head and what follows it a text is made; only of a longer one another. */
const USUAL_HEAD_BYTES_MAX = 2 << 10;
const HEAD_END = "\r\n\r\n";
const LINE_END_BYTES = 2;

/**
 * What a header is to the short way: one that it reads, which must not come twice; one that makes a request anything but
 * plain; one that is another in each request; or one that only a signature may ask for.
 */
type Role = "read" | "refused" | "connection" | "varying" | "other";

const roles = new Map<string, Role>([
  ["host", "read"],
  ["content-type", "read"],
  ["content-length", "read"],
  ["x-amz-target", "read"],
  ["x-headwater-producer", "read"],
  ["connection", "connection"],
  ["authorization", "varying"],
  ["x-amz-content-sha256", "varying"],
  ["amz-sdk-invocation-id", "varying"],
  // These change how a message is read or answered, or what Node makes of it.
  ["transfer-encoding", "refused"],
  ["trailer", "refused"],
  ["te", "refused"],
  ["upgrade", "refused"],
  ["expect", "refused"],
  ["proxy-connection", "refused"],
  ["origin", "refused"],
]);

interface KnownName {
  readonly lower: string;
  readonly role: Role;
}

/** Names as they were spelled, so that none is put into lower case twice. */
const knownNames = new Map<string, KnownName>();
const KNOWN_NAMES_MAX = 512;

/** A header that was found well formed. */
interface Line {
  /** With its line end. */
  readonly text: string;
  readonly name: KnownName;
  readonly value: string;
}

/** The last lines, by their place: most clients say the same as in their last request. */
const lastLines: (Line | undefined)[] = [];
const LINE_CHARACTERS_MAX = 256;

const [CR, LF, SPACE, COLON] = [0x0d, 0x0a, 0x20, 0x3a];
/** RFC 9110, section 5.6.2. */
const isTokenByte = table((byte) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)));
/** Narrower than RFC 9110, section 5.5: neither tabs nor bytes that are no ASCII. */
const isValueByte = table((byte) => byte >= 0x20 && byte < 0x7f);

/**
 * Reads the head of a request that begins where the bytes begin. Answers undefined for all that is not plainly a POST to `/` with
 * a length: then nothing is said of it, and Node's parser decides. What it reads, Node's parser would read as the same
 * (docs/design/http-front.md, invariant 9).
 */
export function readPlainHead(bytes: Buffer): PlainHead | undefined {
  let text = bytes.toString("latin1", 0, USUAL_HEAD_BYTES_MAX);
  if (!text.startsWith(REQUEST_LINE)) return undefined;
  let end = text.indexOf(HEAD_END);
  if (end < 0 && bytes.length > USUAL_HEAD_BYTES_MAX) {
    text = bytes.toString("latin1", 0, HEAD_BYTES_MAX);
    end = text.indexOf(HEAD_END);
  }
  const rawHeaders: string[] = [];
  let hasHost = false;
  let contentType: string | undefined;
  let contentLength: string | undefined;
  let target: string | undefined;
  let producer: string | undefined;
  let at = REQUEST_LINE.length;
  for (let place = 0; at < end; place++) {
    let line = lastLines[place];
    if (line === undefined || !text.startsWith(line.text, at)) {
      line = readLine(bytes, text, at);
      if (line === undefined || place === HEADERS_MAX) return undefined;
      if (line.name.role !== "varying" && line.text.length <= LINE_CHARACTERS_MAX) lastLines[place] = line;
    }
    at += line.text.length;
    const { value } = line;
    const { lower, role } = line.name;
    if (role === "refused") return undefined;
    if (role === "connection" && value.toLowerCase() !== "keep-alive") return undefined;
    if (role === "read") {
      if (lower === "host") {
        if (hasHost || value === "") return undefined;
        hasHost = true;
      } else if (lower === "content-type") {
        if (contentType !== undefined) return undefined;
        contentType = value;
      } else if (lower === "content-length") {
        if (contentLength !== undefined) return undefined;
        contentLength = value;
      } else if (lower === "x-amz-target") {
        if (target !== undefined) return undefined;
        target = value;
      } else {
        if (producer !== undefined) return undefined;
        producer = copyOf(value);
      }
    }
    rawHeaders.push(lower, value);
  }
  if (!hasHost || target === undefined || contentLength === undefined) return undefined;
  // Neither a sign nor zeros before it, nor more digits than any body has.
  if (!/^(?:0|[1-9][0-9]{0,8})$/.test(contentLength)) return undefined;
  return {
    headers: {
      "content-type": contentType,
      "content-length": contentLength,
      "x-amz-target": target,
      "x-headwater-producer": producer,
    },
    rawHeaders,
    bodyFrom: end + HEAD_END.length,
    bodyBytes: Number(contentLength),
  };
}

/** The header that begins at a place; undefined where it is not plainly well formed. */
function readLine(bytes: Buffer, text: string, from: number): Line | undefined {
  let at = from;
  while (isTokenByte[bytes[at]!] === 1) at += 1;
  if (at === from || bytes[at] !== COLON) return undefined;
  const nameTo = at;
  at += 1;
  while (bytes[at] === SPACE) at += 1;
  const valueFrom = at;
  while (isValueByte[bytes[at]!] === 1) at += 1;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return undefined;
  let valueTo = at;
  while (valueTo > valueFrom && bytes[valueTo - 1] === SPACE) valueTo -= 1;
  return {
    text: text.slice(from, at + LINE_END_BYTES),
    name: nameOf(text.slice(from, nameTo)),
    value: text.slice(valueFrom, valueTo),
  };
}

function nameOf(spelled: string): KnownName {
  const known = knownNames.get(spelled);
  if (known !== undefined) return known;
  const copy = copyOf(spelled);
  const lower = copy.toLowerCase();
  const name = { lower, role: roles.get(lower) ?? "other" };
  if (knownNames.size < KNOWN_NAMES_MAX) knownNames.set(copy, name);
  return name;
}

/** For what is remembered beyond the request: a slice would keep the whole text that it is of. */
function copyOf(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

function table(holds: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(holds(byte)));
}
