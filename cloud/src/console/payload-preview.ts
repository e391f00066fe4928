/** A record's data as the console shows it: never more than a few kilobytes of it. */
export interface PayloadPreview {
  readonly kind: "json" | "text" | "binary";
  /** The text, or the first bytes as hexadecimal pairs. Comes from devices, so it may be hostile. */
  readonly text: string;
  readonly isCut: boolean;
}

const TEXT_BYTES_MAX = 2048;
const BINARY_BYTES_MAX = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function previewPayload(data: Buffer): PayloadPreview {
  const text = decodeText(data);
  if (text === undefined) {
    const shown = data.subarray(0, BINARY_BYTES_MAX);
    const pairs = shown.toString("hex").replace(/..(?=.)/g, "$& ");
    return { kind: "binary", text: pairs, isCut: shown.length < data.length };
  }
  const isCut = data.length > TEXT_BYTES_MAX;
  return { kind: !isCut && isJson(text) ? "json" : "text", text, isCut };
}

/** The (first part of the) data as text, or undefined where it is none: not UTF-8, or with control characters. */
function decodeText(data: Buffer): string | undefined {
  let shown = data.subarray(0, TEXT_BYTES_MAX);
  if (shown.length < data.length) shown = shown.subarray(0, wholeCharacters(shown));
  let text: string;
  try {
    text = utf8.decode(shown);
  } catch {
    return undefined;
  }
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\u0000-\u0008\u000e-\u001f]/.test(text) ? undefined : text;
}

/** How many of the bytes make whole characters: a cut may go through the last one. */
function wholeCharacters(bytes: Buffer): number {
  let at = bytes.length - 1;
  while (at > 0 && at > bytes.length - 4 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at--;
  const lead = bytes[at] ?? 0;
  const length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return at + length <= bytes.length ? bytes.length : at;
}

function isJson(text: string): boolean {
  // Only what can hold fields is worth showing as JSON.
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
