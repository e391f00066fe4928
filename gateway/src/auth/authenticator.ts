import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { Refusal } from "../gateway-error.js";
import { hashPassword, verifyPassword } from "./scrypt-hash.js";

/** Who may connect with a password, and what it may publish beside its own device topics. */
export interface User {
  /** Also the device id. */
  readonly name: string;
  /** See {@link hashPassword}. */
  readonly hash: string;
  /** Topic filters; absent: `streams/#` and `video/#`. */
  readonly publish?: readonly string[] | undefined;
}

/** Each verification takes 32 MiB and a thread of the pool that also syncs the disk. */
const VERIFICATIONS_AT_A_TIME = 2;
const WAITING_MAX = 256;

/**
 * Checks user names and passwords. A password that was right once is remembered for this process as a keyed digest, so a
 * thousand devices that reconnect at once don't wait for a thousand derivations.
 */
export class Authenticator {
  readonly #users: ReadonlyMap<string, User>;
  readonly #key = randomBytes(32);
  readonly #verified = new Map<string, Buffer>();
  /** Verified in place of a hash where the user does not exist, so that the time does not tell. */
  #decoy: Promise<string> | undefined;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(users: readonly User[]) {
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  /**
   * @returns the user, or undefined where name or password is wrong.
   * @throws {Refusal} `verification-busy` where too many wait already.
   */
  async authenticate(name: string, password: Uint8Array): Promise<User | undefined> {
    const user = this.#users.get(name);
    const digest = createHmac("sha256", this.#key).update(name).update("\0").update(password).digest();
    const known = this.#verified.get(name);
    if (known !== undefined && timingSafeEqual(known, digest)) return user;
    await this.#turn();
    try {
      this.#decoy ??= hashPassword(randomBytes(16));
      const isRight = await verifyPassword(password, user?.hash ?? (await this.#decoy));
      if (!isRight || user === undefined) return undefined;
      this.#verified.set(name, digest);
      return user;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** Waits for one of the places; the one who leaves hands it on. */
  async #turn(): Promise<void> {
    if (this.#running < VERIFICATIONS_AT_A_TIME) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= WAITING_MAX) {
      throw new Refusal("verification-busy", "too many passwords are being verified");
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
