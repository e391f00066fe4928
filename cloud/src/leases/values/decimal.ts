import { invalid } from "../lease-error.js";

const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;
const DIGITS_MAX = 38;
/** A longer text is no number that could be stored, whatever its zeros. */
const CHARACTERS_MAX = 400;

/** coefficient × 10^exponent, without zeros at the coefficient's end. Source: DynamoDB Developer Guide, "Number". */
interface Decimal {
  readonly coefficient: bigint;
  readonly exponent: number;
}

/**
 * A number as it is stored and shown: the shortest plain form.
 * @throws {LeaseError} `invalid` where it is no number, or has more than 38 digits or an exponent beyond DynamoDB's.
 */
export function normalNumber(text: string): string {
  return format(parse(text));
}

/** Of two normal numbers: negative, zero or positive. */
export function compareNumbers(a: string, b: string): number {
  const [x, y] = aligned(parse(a), parse(b));
  return x === y ? 0 : x < y ? -1 : 1;
}

/** @throws {LeaseError} `invalid` where the sum has too many digits. */
export function addNumbers(a: string, b: string): string {
  const [x, y, exponent] = aligned(parse(a), parse(b));
  return format(checked(x + y, exponent));
}

/** @throws {LeaseError} `invalid` where the difference has too many digits. */
export function subtractNumbers(a: string, b: string): string {
  const [x, y, exponent] = aligned(parse(a), parse(b));
  return format(checked(x - y, exponent));
}

function parse(text: string): Decimal {
  const [, sign, whole = "", fraction = "", power = "0"] = (text.length <= CHARACTERS_MAX && SHAPE.exec(text)) || [];
  if (sign === undefined || whole.length + fraction.length === 0) {
    throw invalid(`The parameter cannot be converted to a numeric value: ${text.slice(0, CHARACTERS_MAX)}`);
  }
  const coefficient = BigInt(whole + fraction);
  return checked(sign === "-" ? -coefficient : coefficient, Number(power) - fraction.length);
}

function checked(coefficient: bigint, exponent: number): Decimal {
  if (coefficient === 0n) return { coefficient, exponent: 0 };
  const digits = coefficient.toString().replace("-", "").replace(/0+$/, "");
  const zeros = coefficient.toString().replace("-", "").length - digits.length;
  if (digits.length > DIGITS_MAX) throw invalid("Attempting to store more than 38 significant digits in a Number");
  const magnitude = exponent + zeros + digits.length - 1;
  if (magnitude > 125)
    throw invalid("Number overflow. Attempting to store a number with magnitude larger than supported range");
  if (magnitude < -130) {
    throw invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range");
  }
  return { coefficient: (coefficient < 0n ? -1n : 1n) * BigInt(digits), exponent: exponent + zeros };
}

/** The coefficients at one exponent, which is the smaller of both. */
function aligned(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const exponent = Math.min(a.exponent, b.exponent);
  const at = (x: Decimal): bigint => x.coefficient * 10n ** BigInt(x.exponent - exponent);
  return [at(a), at(b), exponent];
}

function format({ coefficient, exponent }: Decimal): string {
  const sign = coefficient < 0n ? "-" : "";
  const digits = coefficient.toString().replace("-", "");
  if (exponent >= 0) return `${sign}${digits}${"0".repeat(exponent)}`;
  const padded = digits.padStart(1 - exponent, "0");
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}
