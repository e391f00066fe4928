import { z } from "zod";

/** One key of a settings schema, and how an operator gives it. */
export interface Field {
  /** As in the schema and in YAML: `mqttPort`. */
  readonly key: string;
  /** `--mqtt-port`. */
  readonly flag: string;
  /** `HEADWATER_MQTT_PORT`. */
  readonly env: string;
  /** How text becomes a value; `structured` values can be given in YAML only. */
  readonly kind: "boolean" | "number" | "string" | "number-or-string" | "structured";
  readonly choices: readonly string[];
  readonly description: string;
  /** Undefined where there is none. */
  readonly defaultValue: unknown;
  readonly isRequired: boolean;
  /** Not given by flag, since other users of the machine can read those, and never printed. */
  readonly isSecret: boolean;
  /** The keys of a setting that is itself an object. */
  readonly nested: readonly Field[];
}

/** What is read of JSON Schema here. */
const propertySchema = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  default: z.unknown().optional(),
  description: z.string().optional(),
  secret: z.boolean().optional(),
});
const objectSchema = z.object({
  properties: z.record(z.string(), z.unknown()).default({}),
  required: z.array(z.string()).optional(),
});

/** The keys of an object schema, in its order. Read through JSON Schema, which is zod's public account of a schema. */
export function fieldsOf(schema: z.ZodType): Field[] {
  return fieldsOfObject(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
}

function fieldsOfObject(json: unknown): Field[] {
  const { properties, required = [] } = objectSchema.parse(json);
  return Object.entries(properties).map(([key, raw]) => {
    const property = propertySchema.parse(raw);
    const words = key.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
    return {
      key,
      flag: `--${words}`,
      env: `HEADWATER_${words.replaceAll("-", "_").toUpperCase()}`,
      kind: kindOf(new Set(typesOf(raw))),
      choices: (property.enum ?? []).map(String),
      description: property.description ?? "",
      defaultValue: property.default,
      isRequired: required.includes(key),
      isSecret: property.secret ?? false,
      nested: fieldsOfObject(raw),
    };
  });
}

/** The flag and the variable that give a field, where it has them. */
export function waysToGive(field: Field): string[] {
  if (field.kind === "structured") return [];
  return field.isSecret ? [field.env] : [field.flag, field.env];
}

function typesOf(raw: unknown): string[] {
  const { type = [], anyOf = [] } = propertySchema.parse(raw);
  return [type, ...anyOf.map(typesOf)].flat();
}

function kindOf(types: ReadonlySet<string>): Field["kind"] {
  const isNumber = types.has("number") || types.has("integer");
  if (types.has("string")) return isNumber ? "number-or-string" : "string";
  if (isNumber) return "number";
  return types.has("boolean") ? "boolean" : "structured";
}
