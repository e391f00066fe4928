/** An attribute's value, told apart by DynamoDB's names of its types. Binary values stay base64; numbers are normal. */
export type AttributeValue =
  | { readonly type: "S" | "N" | "B"; readonly value: string }
  | { readonly type: "BOOL"; readonly value: boolean }
  | { readonly type: "NULL"; readonly value: true }
  | { readonly type: "SS" | "NS" | "BS"; readonly value: readonly string[] }
  | { readonly type: "M"; readonly value: Item }
  | { readonly type: "L"; readonly value: readonly AttributeValue[] };

export type AttributeType = AttributeValue["type"];

/** Attributes by name. A map, because names are the client's: `__proto__` is one like any other. */
export type Item = ReadonlyMap<string, AttributeValue>;

export const noItem: Item = new Map();

/** What a value or an item looks like in JSON. */
export type WireValue = Readonly<Record<string, unknown>>;

export function toWire(item: Item): WireValue {
  return Object.fromEntries([...item].map(([name, value]) => [name, valueToWire(value)]));
}

export function valueToWire(value: AttributeValue): WireValue {
  if (value.type === "M") return { M: toWire(value.value) };
  if (value.type === "L") return { L: value.value.map(valueToWire) };
  return { [value.type]: value.value };
}

/** Whether two values are the same; sets have no order. */
export function isEqual(a: AttributeValue, b: AttributeValue): boolean {
  if (a.type === "M" && b.type === "M") {
    if (a.value.size !== b.value.size) return false;
    return [...a.value].every(([name, value]) => {
      const other = b.value.get(name);
      return other !== undefined && isEqual(value, other);
    });
  }
  if (a.type === "L" && b.type === "L") {
    return a.value.length === b.value.length && a.value.every((value, i) => isEqual(value, b.value[i]!));
  }
  if (isSet(a) && isSet(b)) {
    const members = new Set(b.value);
    return a.type === b.type && a.value.length === b.value.length && a.value.every((one) => members.has(one));
  }
  return a.type === b.type && a.value === b.value;
}

export function isSet(value: AttributeValue): value is Extract<AttributeValue, { type: "SS" | "NS" | "BS" }> {
  return value.type === "SS" || value.type === "NS" || value.type === "BS";
}

/** Bytes as DynamoDB counts an item against its limit, near enough. */
export function sizeOf(item: Item): number {
  let bytes = 0;
  for (const [name, value] of item) bytes += Buffer.byteLength(name) + valueSize(value);
  return bytes;
}

function valueSize(value: AttributeValue): number {
  switch (value.type) {
    case "S":
      return Buffer.byteLength(value.value);
    case "N":
      return Math.ceil(value.value.length / 2) + 1;
    case "B":
      return Buffer.byteLength(value.value, "base64");
    case "BOOL":
    case "NULL":
      return 1;
    case "SS":
    case "NS":
    case "BS":
      return value.value.reduce((sum, one) => sum + Buffer.byteLength(one), 3);
    case "M":
      return sizeOf(value.value) + 3;
    case "L":
    default:
      return value.value.reduce((sum, one) => sum + valueSize(one) + 1, 3);
  }
}
