import { createInterface } from "node:readline";
import { hashPassword } from "./scrypt-hash.js";

interface PasswdIo {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

const PASSWORD_CHARACTERS_MAX = 1024;

/**
 * `headwater gateway passwd`: reads a password, twice and without echo from a terminal, one line from anything else, and
 * prints its hash for `users:` in the gateway's YAML.
 * @throws {Error} where it is empty, too long, or the two differ.
 */
export async function passwd({ stdin, stdout, stderr }: PasswdIo): Promise<void> {
  let password: string;
  if (stdin.isTTY) {
    password = await readHidden(stdin, stderr, "Password: ");
    if ((await readHidden(stdin, stderr, "Again: ")) !== password) throw new Error("the two passwords differ");
  } else {
    password = await readLine(stdin);
  }
  if (password.length === 0) throw new Error("the password is empty");
  if (password.length > PASSWORD_CHARACTERS_MAX) {
    throw new Error(`the password has more than ${PASSWORD_CHARACTERS_MAX} characters`);
  }
  stdout.write(`${await hashPassword(Buffer.from(password, "utf8"))}\n`);
}

async function readLine(stdin: NodeJS.ReadStream): Promise<string> {
  const lines = createInterface({ input: stdin, crlfDelay: Infinity });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
  }
}

/** Reads a line from a terminal that shows nothing of it. Ctrl-C gives up. */
async function readHidden(stdin: NodeJS.ReadStream, stderr: NodeJS.WritableStream, prompt: string): Promise<string> {
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.resume();
  try {
    return await new Promise<string>((resolve, reject) => {
      let text = "";
      const onData = (chunk: Buffer): void => {
        for (const character of chunk.toString("utf8")) {
          if (character === "\r" || character === "\n" || character === "\u0004") {
            stdin.off("data", onData);
            resolve(text);
            return;
          }
          if (character === "\u0003") {
            stdin.off("data", onData);
            reject(new Error("interrupted"));
            return;
          }
          if (character === "\u007f" || character === "\b") text = text.slice(0, -1);
          else if (text.length <= PASSWORD_CHARACTERS_MAX) text += character;
        }
      };
      stdin.on("data", onData);
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}
