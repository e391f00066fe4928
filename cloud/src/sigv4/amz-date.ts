const BASIC = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** The last date of either direction: requests of one second mostly have the same. */
let lastFormatted = { timeMs: Number.NaN, text: "" };
let lastParsed: { readonly text: string; readonly timeMs: number | undefined } = { text: "", timeMs: undefined };

/** Writes milliseconds since 1970 as `20130524T000000Z`. */
export function formatAmzDate(timeMs: number): string {
  if (lastFormatted.timeMs !== timeMs) {
    lastFormatted = { timeMs, text: `${new Date(timeMs).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z` };
  }
  return lastFormatted.text;
}

/** Reads `20130524T000000Z`, or an HTTP date, as milliseconds since 1970; undefined where it is neither. */
export function parseAmzDate(text: string): number | undefined {
  if (lastParsed.text !== text) {
    const timeMs = Date.parse(text.replace(BASIC, "$1-$2-$3T$4:$5:$6Z"));
    lastParsed = { text, timeMs: Number.isNaN(timeMs) ? undefined : timeMs };
  }
  return lastParsed.timeMs;
}
