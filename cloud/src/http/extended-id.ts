import { randomFillSync } from "node:crypto";

/** How many are drawn and written at once: each by itself takes a call of the system. */
const AT_ONCE = 128;
const ID_BYTES = 72;
/** As base64, which needs no padding for so many bytes. */
const ID_CHARACTERS = 96;

const drawn = Buffer.alloc(AT_ONCE * ID_BYTES);
let ids = "";
let left = 0;

/** The second id that an answer of AWS bears. */
export function nextExtendedId(): string {
  if (left === 0) {
    ids = randomFillSync(drawn).toString("base64");
    left = AT_ONCE;
  }
  left -= 1;
  return ids.slice(left * ID_CHARACTERS, (left + 1) * ID_CHARACTERS);
}
