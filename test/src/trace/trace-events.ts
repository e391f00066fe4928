/** One end of one system call, in the order in which the kernel saw them. */
export interface TraceEvent {
  readonly at: "enter" | "exit";
  readonly thread: number;
  readonly call: string;
  /** The arguments as strace prints them, its `\x…` escapes decoded to one character a byte (latin1). */
  readonly args: string;
  /** The bytes in the arguments: all its quoted strings one after the other, as a vectored write sends them. */
  readonly data: string;
  /** On exit; negative where the call failed. */
  readonly result?: number;
}

/**
 * The calls that the proof needs: what creates, writes and syncs files, and what writes sockets and pipes. io_uring is
 * among them because a process that used it would sync unseen.
 */
const TRACED =
  "openat,rename,renameat2,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,sendto,sendmsg,sendmmsg,io_uring_setup";

/**
 * The command to run a process under so that `file` becomes a trace that {@link parseTrace} reads. With `-D` it is strace
 * that becomes the child, so signals and process ids are the traced process's own.
 */
export function straceInto(file: string): [string, ...string[]] {
  return [
    "strace",
    "-D",
    "--follow-forks",
    "-yy",
    "-xx",
    "-s",
    "65536",
    "-e",
    `trace=${TRACED}`,
    "-e",
    "signal=none",
    "-o",
    file,
  ];
}

/**
 * Reads a trace of {@link straceInto}. strace writes a call's line when the call begins; where another thread's call comes
 * between, the line ends in `<unfinished ...>` and a `resumed` line follows when the call ends. A call in which the process
 * was killed has `?` for its result: it began, its bytes may have been seen, and it has no end.
 */
export function parseTrace(trace: string): TraceEvent[] {
  const events: TraceEvent[] = [];
  const unfinished = new Map<number, Call>();
  for (const line of trace.split("\n")) {
    const [, pid, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (pid === undefined || rest === undefined) continue;
    const thread = Number(pid);
    const resumed = /^<\.\.\. (\w+) resumed>.*\) += (-?\d+|\?)/.exec(rest);
    if (resumed !== null) {
      const begun = unfinished.get(thread);
      unfinished.delete(thread);
      if (begun === undefined) throw new Error(`a call of thread ${pid} ends that never began: ${rest.slice(0, 200)}`);
      if (resumed[2] !== "?") events.push({ at: "exit", thread, ...begun, result: Number(resumed[2]) });
      continue;
    }
    const begins = /^(\w+)\((.*) <unfinished \.\.\.>$/.exec(rest);
    if (begins?.[1] !== undefined && begins[2] !== undefined) {
      const call = readCall(begins[1], begins[2]);
      unfinished.set(thread, call);
      events.push({ at: "enter", thread, ...call });
      continue;
    }
    const whole = /^(\w+)\((.*)\) += (-?\d+|\?)/.exec(rest);
    if (whole?.[1] !== undefined && whole[2] !== undefined) {
      const call = readCall(whole[1], whole[2]);
      events.push({ at: "enter", thread, ...call });
      if (whole[3] !== "?") events.push({ at: "exit", thread, ...call, result: Number(whole[3]) });
    }
  }
  return events;
}

type Call = Pick<TraceEvent, "call" | "args" | "data">;

function readCall(call: string, escaped: string): Call {
  // With `-xx` a quoted string holds nothing but escapes, so the next quote ends it.
  const data = Array.from(escaped.matchAll(/"([^"]*)"/g), ([, text = ""]) => decodeEscapes(text)).join("");
  return { call, args: decodeEscapes(escaped), data };
}

function decodeEscapes(text: string): string {
  return text.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
