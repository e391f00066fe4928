import { readFile, readdir, readlink } from "node:fs/promises";

/**
 * Who listens on a TCP port of this machine, such as `node cloud.js (pid 4242)`. Best effort: undefined off Linux, and
 * where the holder belongs to another user.
 */
export async function portHolder(port: number): Promise<string | undefined> {
  const sockets = new Set([
    ...(await listeningSockets("/proc/net/tcp", port)),
    ...(await listeningSockets("/proc/net/tcp6", port)),
  ]);
  if (sockets.size === 0) return undefined;
  for (const pid of await entries("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of await entries(`/proc/${pid}/fd`)) {
      const target = await unlessGone(readlink(`/proc/${pid}/fd/${descriptor}`));
      if (target !== undefined && sockets.has(target)) return describeProcess(Number(pid));
    }
  }
  return undefined;
}

/** A process in words: its command line, shortened, and its pid. */
export async function describeProcess(pid: number): Promise<string> {
  const command = await unlessGone(readFile(`/proc/${pid}/cmdline`, "utf8"));
  const words = (command ?? "").replaceAll("\0", " ").trim();
  if (words === "") return `pid ${pid}`;
  return `${words.length > 100 ? `${words.slice(0, 100)}…` : words} (pid ${pid})`;
}

/** The kernel's table: column 1 is address:port in hex, 3 the state (0A: listening), 9 the socket's inode. */
async function listeningSockets(table: string, port: number): Promise<string[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = ((await unlessGone(readFile(table, "utf8"))) ?? "").split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(suffix) && columns[3] === "0A")
    .map((columns) => `socket:[${columns[9]}]`);
}

async function entries(directory: string): Promise<string[]> {
  return (await unlessGone(readdir(directory))) ?? [];
}

/** Processes end while they are looked at, and those of other users cannot be. */
async function unlessGone<T>(result: Promise<T>): Promise<T | undefined> {
  return result.catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    return undefined;
  });
}
