import { Refusal } from "../gateway-error.js";
import type { Session } from "../listener/session.js";
import type { DeadLetter, DeadLetters } from "../spool/dead-letters.js";

/** Keeps what cannot be delivered, with its reason; a session whose letter cannot be kept is over. @throws {Refusal} */
export async function putAside(deadLetters: DeadLetters, session: Session, letter: DeadLetter): Promise<void> {
  try {
    await deadLetters.add(letter);
  } catch (error) {
    const refusal = new Refusal("disk-failed", "the dead letter cannot be stored", { cause: error });
    session.fail(refusal);
    throw refusal;
  }
}
