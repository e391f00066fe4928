import { expect, test } from "vitest";
import { settingsSchema } from "./settings.js";

const user = {
  name: "cam",
  hash: "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

function problems(settings: Record<string, unknown>): string[] {
  const { error } = settingsSchema.safeParse({ data: "/data", ...settings });
  return (error?.issues ?? []).map(({ path }) => path.join("."));
}

// Invariant 8: no open door by default.
test.each<[string, Record<string, unknown>, string[]]>([
  ["loopback, anonymous", { allowAnonymous: true }, []],
  ["loopback, users", { users: [user] }, []],
  ["loopback, nothing said", {}, ["users"]],
  ["beyond loopback, users", { mqttHost: "0.0.0.0", users: [user] }, []],
  ["beyond loopback, no users", { mqttHost: "0.0.0.0" }, ["users"]],
  ["beyond loopback, anonymous", { mqttHost: "0.0.0.0", allowAnonymous: true }, ["allowAnonymous"]],
  ["a host that begins like loopback", { mqttHost: "127.0.0.1.example.com", allowAnonymous: true }, ["allowAnonymous"]],
  ["IPv6 loopback, anonymous", { mqttHost: "::1", allowAnonymous: true }, []],
  ["users and anonymous", { users: [user], allowAnonymous: true }, ["allowAnonymous"]],
  ["a user twice", { users: [user, user] }, ["users"]],
])("%s", (_, settings, expected) => {
  expect(problems(settings)).toEqual(expected);
});

test("mistakes are reported together, each with its key", () => {
  const mistakes = {
    allowAnonymous: true,
    upstream: "ftp://x",
    region: "US EAST",
    mqttPort: 70_000,
    users: [{ name: "a/b", hash: "x", publish: ["a/#/b"] }],
    nonsense: 1,
  };
  expect(problems(mistakes).sort()).toEqual([
    "",
    "allowAnonymous",
    "mqttPort",
    "region",
    "upstream",
    "users.0.hash",
    "users.0.name",
    "users.0.publish.0",
  ]);
});
