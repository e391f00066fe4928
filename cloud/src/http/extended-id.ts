import { randomFillSync } from "node:crypto";

const EXTENDED_ID_BYTES = 72;
/** Of many ids at once: each draw costs a call to the system. */
const drawn = Buffer.allocUnsafe(128 * EXTENDED_ID_BYTES);
let drawnAt = drawn.length;

/** The second id that an answer of AWS bears. */
export function nextExtendedId(): string {
  if (drawnAt === drawn.length) {
    randomFillSync(drawn);
    drawnAt = 0;
  }
  const from = drawnAt;
  drawnAt += EXTENDED_ID_BYTES;
  return drawn.toString("base64", from, drawnAt);
}
