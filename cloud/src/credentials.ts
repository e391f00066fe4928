import { randomBytes, randomInt } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";

/** A pair of AWS keys. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/**
 * The root keys in a data directory, in the AWS shared-credentials format, so that AWS_SHARED_CREDENTIALS_FILE can
 * point there; made at the first start and kept from then on.
 * @throws {Error} where the file is there but holds no keys.
 */
export async function loadOrMakeCredentials(directory: string): Promise<Credentials & { readonly file: string }> {
  const file = credentialsFileOf(directory);
  const text = await readIfThere(file);
  if (text !== undefined) return { ...parse(text, file), file };
  const made = {
    accessKeyId: `HWAK${Array.from({ length: 16 }, () => KEY_LETTERS[randomInt(KEY_LETTERS.length)]).join("")}`,
    secretAccessKey: randomBytes(30).toString("base64"),
  };
  await writeSynced(directory, file, format(made));
  return { ...made, file };
}

/** Where a cloud that runs on the data directory keeps its root keys. */
export function credentialsFileOf(directory: string): string {
  return join(directory, "credentials");
}

/**
 * The keys in a file of the shared-credentials format.
 * @throws {Error} where there are none.
 */
export async function readCredentials(file: string): Promise<Credentials> {
  const text = await readIfThere(file);
  if (text === undefined)
    throw new Error(`${file} is not there; was the cloud started on this directory, without keys of its own?`);
  return parse(text, file);
}

function format({ accessKeyId, secretAccessKey }: Credentials): string {
  return `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
}

function parse(text: string, file: string): Credentials {
  const accessKeyId = /^\s*aws_access_key_id\s*=\s*(\S+)\s*$/m.exec(text)?.[1];
  const secretAccessKey = /^\s*aws_secret_access_key\s*=\s*(\S+)\s*$/m.exec(text)?.[1];
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Error(`${file} has no aws_access_key_id and aws_secret_access_key; remove it to have new keys made`);
  }
  return { accessKeyId, secretAccessKey };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whole or not at all, and not gone with the next power cut: content synced, then renamed, then the directory synced. */
async function writeSynced(directory: string, file: string, text: string): Promise<void> {
  const unfinished = `${file}.new`;
  const handle = await open(unfinished, "w", 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  const entries = await open(directory, "r");
  try {
    await entries.sync();
  } finally {
    await entries.close();
  }
}
