/** One mistake in what the operator gave. */
export interface Problem {
  /** The setting, such as `mqttPort` or `users.camera-1.hash`; for a flag that does not exist, the flag. */
  readonly key: string;
  /** `--mqtt-port`, `HEADWATER_MQTT_PORT` or `site.yaml:3`; undefined where nothing was given. */
  readonly from?: string;
  readonly message: string;
}

/** All mistakes at once, so that nobody fixes them one restart at a time. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(line).join("\n"));
  }
}

function line({ key, from, message }: Problem): string {
  return from === undefined || from === key ? `${key}: ${message}` : `${key} (${from}): ${message}`;
}

/** `; did you mean mqttPort?` where one name differs in case, dashes or a letter or two. */
export function suggestion(name: string, known: Iterable<string>): string {
  for (const candidate of known)
    if (distance(plain(name), plain(candidate)) <= 2) return `; did you mean ${candidate}?`;
  return "";
}

function plain(name: string): string {
  return name.replace(/[-_]/g, "").toLowerCase();
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
