import { describe, expect, test } from "vitest";
import { z } from "zod";
import { fieldsOf } from "./field.js";
import { readSettings, type Sources } from "./read-settings.js";
import { SettingsError } from "./settings-error.js";
import { parseYaml } from "./yaml-file.js";

const schema = z
  .strictObject({
    mqttPort: z.number().int().min(0).max(65535).default(1883).describe("MQTT port"),
    upstream: z.url().describe("where to"),
    allowAnonymous: z.boolean().default(false),
    mode: z.enum(["commit", "spill"]).default("commit"),
    users: z.array(z.strictObject({ name: z.string(), hash: z.string() })).default([]),
    rootSecretKey: z.string().min(8).optional().meta({ secret: true }),
    limit: z.union([z.number(), z.literal("none")]).default("none"),
  })
  .superRefine(({ allowAnonymous, users }, context) => {
    if (allowAnonymous && users.length > 0)
      context.addIssue({ code: "custom", path: ["allowAnonymous"], message: "contradicts users" });
  });
const other = z.strictObject({ logLevel: z.enum(["info", "debug"]).default("info") });

function read(given: {
  flags?: Record<string, string | boolean>;
  environment?: Record<string, string>;
  yaml?: string;
}): unknown[] {
  const sources: Sources = {
    flags: new Map(Object.entries(given.flags ?? {})),
    environment: given.environment ?? {},
    file: given.yaml === undefined ? undefined : parseYaml("/etc/headwater/site.yaml", given.yaml),
    problems: [],
  };
  return readSettings([schema, other], sources);
}

function mistakes(given: Parameters<typeof read>[0]): string[] {
  try {
    read(given);
  } catch (error) {
    if (error instanceof SettingsError) return error.message.split("\n");
    throw error;
  }
  return [];
}

describe("where a setting comes from", () => {
  const upstream = "http://127.0.0.1:4567";

  test("flags beat the environment, which beats the file, which beats the default", () => {
    const yaml = `upstream: ${upstream}\nmqttPort: 1\nlogLevel: debug\n`;
    const environment = { HEADWATER_MQTT_PORT: "2" };
    expect(read({ yaml, environment, flags: { mqttPort: "3" } })).toMatchObject([
      { mqttPort: 3 },
      { logLevel: "debug" },
    ]);
    expect(read({ yaml, environment })).toMatchObject([{ mqttPort: 2 }, {}]);
    expect(read({ yaml })).toMatchObject([{ mqttPort: 1 }, {}]);
    expect(read({ flags: { upstream } })).toMatchObject([
      { mqttPort: 1883, allowAnonymous: false },
      { logLevel: "info" },
    ]);
  });

  test("an empty variable counts as not set", () => {
    expect(read({ flags: { upstream }, environment: { HEADWATER_MQTT_PORT: "" } })).toMatchObject([
      { mqttPort: 1883 },
      {},
    ]);
  });

  test("lists come from the file, and cannot be changed afterwards", () => {
    const [settings] = read({ yaml: `upstream: ${upstream}\nusers: [{ name: camera-1, hash: x }]\n` });
    expect(settings).toMatchObject({ users: [{ name: "camera-1" }] });
    expect(Object.isFrozen(settings) && Object.isFrozen((settings as { users: unknown }).users)).toBe(true);
  });

  test.each([
    ["true", true],
    ["1", true],
    ["false", false],
    ["0", false],
  ])("a variable %s switches", (text, value) => {
    expect(read({ flags: { upstream }, environment: { HEADWATER_ALLOW_ANONYMOUS: text } })[0]).toHaveProperty(
      "allowAnonymous",
      value,
    );
  });

  test.each([
    ["17", 17],
    ["none", "none"],
  ])("a setting of several types takes %s", (text, value) => {
    expect(read({ flags: { upstream, limit: text } })[0]).toHaveProperty("limit", value);
  });
});

describe("mistakes", () => {
  test("are reported together, each with its key and where it was made", () => {
    const yaml = ["mqtPort: 7", "mode: fast", "users:", "  - name: camera-1", "    hash: 12", "logLevel: loud"].join(
      "\n",
    );
    expect(mistakes({ yaml, flags: { mqttPort: "1883x" }, environment: { HEADWATER_ALLOW_ANONYMOUS: "yes" } })).toEqual(
      [
        'mqttPort (--mqtt-port): must be a number, not "1883x"',
        'allowAnonymous (HEADWATER_ALLOW_ANONYMOUS): must be true or false, not "yes"',
        "mqtPort (site.yaml:1): no such setting; did you mean mqttPort?",
        "upstream: is required; give it as --upstream, HEADWATER_UPSTREAM, upstream: in the file",
        'mode (site.yaml:2): Invalid option: expected one of "commit"|"spill" (it is "fast")',
        "users.0.hash (site.yaml:5): Invalid input: expected string, received number",
        'logLevel (site.yaml:6): Invalid option: expected one of "info"|"debug" (it is "loud")',
      ],
    );
  });

  test("between settings are found as well", () => {
    const yaml = "upstream: http://a\nusers: [{ name: a, hash: b }]\nallowAnonymous: true\n";
    expect(mistakes({ yaml })).toEqual(["allowAnonymous (site.yaml:3): contradicts users (it is true)"]);
  });

  test.each(["0x75b", "1e3", " 1883", "1883 ", "", "1_000", "Infinity", "--1"])("%j is no number", (text) => {
    expect(mistakes({ flags: { upstream: "http://a", mqttPort: text } })).toEqual([
      `mqttPort (--mqtt-port): must be a number, not ${JSON.stringify(text)}`,
    ]);
  });

  test("never show a secret", () => {
    const [mistake = ""] = mistakes({
      flags: { upstream: "http://a" },
      environment: { HEADWATER_ROOT_SECRET_KEY: "hunter2" },
    });
    expect(mistake).toMatch(/^rootSecretKey \(HEADWATER_ROOT_SECRET_KEY\): /);
    expect(mistake).not.toContain("hunter2");
  });

  test.each([
    ["a: [", /^site.yaml \(site.yaml:1\): /],
    ["- a\n- b\n", /must be a list of `key: value`/],
    ["mqttPort: 1\nmqttPort: 2\n", /site.yaml:2.*unique/],
  ])("in the file's form: %j", (yaml, message) => {
    expect(mistakes({ flags: { upstream: "http://a" }, yaml })[0]).toMatch(message);
  });

  test("an empty file is none", () => {
    expect(mistakes({ flags: { upstream: "http://a" }, yaml: "# nothing yet\n" })).toEqual([]);
  });
});

test("fields know their flag, variable and kind", () => {
  const fields = fieldsOf(schema).map(({ key, flag, env, kind, isRequired }) => [key, flag, env, kind, isRequired]);
  expect(fields).toEqual([
    ["mqttPort", "--mqtt-port", "HEADWATER_MQTT_PORT", "number", false],
    ["upstream", "--upstream", "HEADWATER_UPSTREAM", "string", true],
    ["allowAnonymous", "--allow-anonymous", "HEADWATER_ALLOW_ANONYMOUS", "boolean", false],
    ["mode", "--mode", "HEADWATER_MODE", "string", false],
    ["users", "--users", "HEADWATER_USERS", "structured", false],
    ["rootSecretKey", "--root-secret-key", "HEADWATER_ROOT_SECRET_KEY", "string", false],
    ["limit", "--limit", "HEADWATER_LIMIT", "number-or-string", false],
  ]);
});
