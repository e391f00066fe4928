import { beforeAll, expect, test } from "vitest";
import { Authenticator, type User } from "./authenticator.js";
import { hashPassword } from "./scrypt-hash.js";

const right = Buffer.from("right");
let user: User;

beforeAll(async () => {
  user = { name: "cam", hash: await hashPassword(right) };
});

test("knows a user by the right password only, also after it was right once", async () => {
  const authenticator = new Authenticator([user]);
  expect(await authenticator.authenticate("cam", Buffer.from("wrong"))).toBeUndefined();
  expect(await authenticator.authenticate("cam", right)).toBe(user);
  expect(await authenticator.authenticate("cam", right)).toBe(user);
  expect(await authenticator.authenticate("cam", Buffer.from("wrong"))).toBeUndefined();
  expect(await authenticator.authenticate("other", right)).toBeUndefined();
});

test("more connections at once than may wait: some are refused, the others are all answered", async () => {
  // As little work as a hash can ask for.
  const cheap = { name: "cheap", hash: user.hash.replace("ln=15,r=8", "ln=2,r=1") };
  const authenticator = new Authenticator([user, cheap]);
  const attempts = Array.from({ length: 300 }, () => authenticator.authenticate("cheap", Buffer.alloc(1)));
  const results = await Promise.allSettled(attempts);
  const refused = results.filter((result) => result.status === "rejected");
  expect(refused.length).toBe(300 - 2 - 256);
  expect(refused[0]?.reason).toMatchObject({ code: "verification-busy" });
  expect(await authenticator.authenticate("cam", right)).toBe(user);
});
