const BASIC = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** Writes milliseconds since 1970 as `20130524T000000Z`. */
export function formatAmzDate(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}

/** Reads `20130524T000000Z`, or an HTTP date, as milliseconds since 1970; undefined where it is neither. */
export function parseAmzDate(text: string): number | undefined {
  const timeMs = Date.parse(text.replace(BASIC, "$1-$2-$3T$4:$5:$6Z"));
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
