import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/**
 * A password's hash with its parameters, in the manner of PHC strings: `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, where ln is
 * the binary logarithm of scrypt's N and salt and hash are base64 without padding.
 */
interface ScryptHash {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const SHAPE = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
/** 32 MiB and about 0.1 s for each guess. */
const COST = { logN: 15, r: 8, p: 1 } as const;
/** What a hash may ask of this machine at most: 256 MiB. */
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;

export function isScryptHash(text: string): boolean {
  return parse(text) !== undefined;
}

/** Hashes a password with a new salt, off the event loop. */
export async function hashPassword(password: Uint8Array): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, { ...COST, salt, hash: Buffer.alloc(32) });
  return `$scrypt$ln=${COST.logN},r=${COST.r},p=${COST.p}$${base64(salt)}$${base64(hash)}`;
}

/**
 * Whether the password is the one that was hashed; compared in constant time, derived off the event loop.
 * @throws {TypeError} where `text` is no hash; see {@link isScryptHash}.
 */
export async function verifyPassword(password: Uint8Array, text: string): Promise<boolean> {
  const expected = parse(text);
  if (expected === undefined) throw new TypeError("not a scrypt hash");
  return timingSafeEqual(await derive(password, expected), expected.hash);
}

function parse(text: string): ScryptHash | undefined {
  const [, logN, r, p, salt, hash] = SHAPE.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const parsed = { logN: Number(logN), r: Number(r), p: Number(p), salt: bytes(salt), hash: bytes(hash) };
  if (parsed.logN < 1 || parsed.r < 1 || parsed.p < 1 || parsed.p > 16) return undefined;
  return memoryBytes(parsed) <= MEMORY_BYTES_MAX ? parsed : undefined;
}

function derive(password: Uint8Array, { logN, r, p, salt, hash }: ScryptHash): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const maxmem = 2 * MEMORY_BYTES_MAX;
    scrypt(password, salt, hash.length, { N: 2 ** logN, r, p, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function memoryBytes({ logN, r, p }: ScryptHash): number {
  return 128 * r * (2 ** logN + p);
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}

function bytes(text: string): Buffer {
  return Buffer.from(text, "base64");
}
