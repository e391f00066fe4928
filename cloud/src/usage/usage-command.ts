import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type Credentials, credentialsFileOf, readCredentials } from "../credentials.js";
import { askUsage } from "./ask-usage.js";
import { type Prices, pricesSchema } from "./prices.js";
import { withCosts } from "./cost.js";
import { usageTable } from "./usage-table.js";

/** What the command line was given, as text. */
export interface UsageOptions {
  readonly endpoint: string;
  readonly region: string;
  /** The cloud's data directory, whose keys sign. */
  readonly data?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** A JSON file. */
  readonly prices?: string | undefined;
  readonly json: boolean;
}

export interface UsageWorld {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
}

/** `headwater usage`: what a running cloud's streams used, and what that would have cost on AWS. */
export const usage = {
  summary: "shows what the streams of a running cloud used, and what AWS would have charged for it",
  /** @throws {Error} whose message tells the operator what is wrong. */
  async run(options: UsageOptions, { environment, stdout }: UsageWorld): Promise<void> {
    const prices = await pricesOf(options.prices);
    const report = await askUsage({
      endpoint: endpointOf(options.endpoint),
      region: options.region,
      credentials: await credentialsOf(options.data, environment),
      fromMs: timeOf("--from", options.from),
      toMs: timeOf("--to", options.to),
    });
    stdout.write(options.json ? `${JSON.stringify(withCosts(report, prices))}\n` : usageTable(report, prices));
  },
};

function endpointOf(text: string): URL {
  const endpoint = URL.canParse(text) ? new URL(text) : undefined;
  if (endpoint?.protocol === "http:" || endpoint?.protocol === "https:") return endpoint;
  throw new Error(`--endpoint must be an http or https URL, not ${text}`);
}

function timeOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeMs = /^\d{4}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new Error(`${flag} must be a date or a time such as 2026-01-31 or 2026-01-31T12:00Z, not ${text}`);
}

async function credentialsOf(data: string | undefined, environment: UsageWorld["environment"]): Promise<Credentials> {
  if (data !== undefined) return readCredentials(credentialsFileOf(data));
  for (const [accessKey, secretKey] of [
    ["HEADWATER_ROOT_ACCESS_KEY", "HEADWATER_ROOT_SECRET_KEY"],
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
  ] as const) {
    const { [accessKey]: accessKeyId = "", [secretKey]: secretAccessKey = "" } = environment;
    if (accessKeyId !== "" && secretAccessKey !== "") return { accessKeyId, secretAccessKey };
  }
  const { AWS_SHARED_CREDENTIALS_FILE: file = "" } = environment;
  if (file !== "") return readCredentials(file);
  throw new Error(
    "no keys to sign with: give --data DIR, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE",
  );
}

async function pricesOf(file: string | undefined): Promise<Prices> {
  if (file === undefined) return pricesSchema.parse({});
  const given = pricesSchema.safeParse(await jsonOf(file));
  if (given.success) return given.data;
  throw new Error(`${file} is no price list: ${z.prettifyError(given.error).replaceAll(/\s*\n\s*/g, " ")}`);
}

async function jsonOf(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new Error(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}
