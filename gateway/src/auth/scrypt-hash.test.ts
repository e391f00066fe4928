import { expect, test } from "vitest";
import { hashPassword, isScryptHash, verifyPassword } from "./scrypt-hash.js";

const password = Buffer.from("pleaseletmein");

test("a hash verifies its password and no other, and two hashes of one password differ", async () => {
  const [one, two] = await Promise.all([hashPassword(password), hashPassword(password)]);
  expect(one).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[\w+/]+\$[\w+/]+$/);
  expect(one).not.toBe(two);
  expect(await verifyPassword(password, one)).toBe(true);
  expect(await verifyPassword(Buffer.from("pleaseletmein "), one)).toBe(false);
});

test("the parameters are the string's own (RFC 7914, section 12)", async () => {
  const salt = Buffer.from("SodiumChloride").toString("base64").replaceAll("=", "");
  const hash = Buffer.from(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
      "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    "hex",
  );
  const text = `$scrypt$ln=14,r=8,p=1$${salt}$${hash.toString("base64").replaceAll("=", "")}`;
  expect(isScryptHash(text)).toBe(true);
  expect(await verifyPassword(password, text)).toBe(true);
});

test.each([
  "",
  "password",
  "$scrypt$ln=15,r=8,p=1$c2FsdA$aGFzaA",
  "$scrypt$ln=30,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "$scrypt$ln=0,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
])("%j is no hash that this machine takes", async (text) => {
  expect(isScryptHash(text)).toBe(false);
  await expect(verifyPassword(password, text)).rejects.toThrow(TypeError);
});
