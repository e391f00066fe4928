import { randomFillSync } from "node:crypto";

/** How many are drawn and written at once: by itself each would be put together of twenty pieces of text. */
const AT_ONCE = 128;
const UUID_BYTES = 16;
const UUID_CHARACTERS = 36;
/** Before these of its bytes stands a hyphen. */
const HYPHEN_BEFORE: readonly number[] = [4, 6, 8, 10];
const DIGITS = Buffer.from("0123456789abcdef", "latin1");

const drawn = Buffer.alloc(AT_ONCE * UUID_BYTES);
let ids = "";
let left = 0;

/** A UUID of version 4, as AWS's answers bear one. */
export function nextRequestId(): string {
  if (left === 0) {
    randomFillSync(drawn);
    ids = uuids(drawn);
    left = AT_ONCE;
  }
  left -= 1;
  return ids.slice(left * UUID_CHARACTERS, (left + 1) * UUID_CHARACTERS);
}

/** One after the other. @param random whose bits they take; version and variant are put in their place (RFC 9562, section 5.4). */
function uuids(random: Buffer): string {
  const text = Buffer.alloc((random.length / UUID_BYTES) * UUID_CHARACTERS, "-");
  let to = 0;
  for (let from = 0; from < random.length; from += UUID_BYTES) {
    random[from + 6] = (random[from + 6]! & 0x0f) | 0x40;
    random[from + 8] = (random[from + 8]! & 0x3f) | 0x80;
    for (let i = 0; i < UUID_BYTES; i += 1) {
      if (HYPHEN_BEFORE.includes(i)) to += 1;
      const byte = random[from + i]!;
      text[to++] = DIGITS[byte >> 4]!;
      text[to++] = DIGITS[byte & 0x0f]!;
    }
  }
  return text.toString("latin1");
}
