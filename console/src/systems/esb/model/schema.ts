/** What a JSON Schema 2020-12 says, as a reader of documentation wants it. */
type Schema = Record<string, unknown>;

const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const DEFS = "#/$defs/";

/** Name of the shared schema that stands here; null when it is written out. */
export function refName(schema: unknown): string | null {
  if (!isSchema(schema) || typeof schema.$ref !== "string") return null;
  if (!schema.$ref.startsWith(DEFS)) return null;
  const name = schema.$ref.slice(DEFS.length).replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** What a schema holds: fields of an object, items of a list, alternatives, parts put together. */
export interface Part {
  kind: "field" | "item" | "branch" | "part";
  name: string;
  required: boolean;
  schema: unknown;
}

/** The parts of a schema, in written order. */
export function partsOf(schema: unknown): Part[] {
  if (!isSchema(schema)) return [];
  const parts: Part[] = [];
  const required = new Set(Array.isArray(schema.required) ? (schema.required as unknown[]) : []);
  if (isSchema(schema.properties)) {
    for (const [name, field] of Object.entries(schema.properties))
      parts.push({ kind: "field", name, required: required.has(name), schema: field });
  }
  if (isSchema(schema.additionalProperties))
    parts.push({
      kind: "field",
      name: "{ * }",
      required: false,
      schema: schema.additionalProperties,
    });
  if (isSchema(schema.items))
    parts.push({ kind: "item", name: "[ ]", required: false, schema: schema.items });
  if (Array.isArray(schema.prefixItems)) {
    for (const [i, item] of schema.prefixItems.entries())
      parts.push({ kind: "item", name: `[ ${i} ]`, required: false, schema: item });
  }
  for (const [i, part] of listOf(schema.allOf).entries()) {
    const name = refName(part);
    // What is written out belongs to the schema itself; a named part keeps its name.
    if (name === null) parts.push(...partsOf(part));
    else parts.push({ kind: "part", name: name || String(i + 1), required: true, schema: part });
  }
  for (const [i, branch] of [...listOf(schema.oneOf), ...listOf(schema.anyOf)].entries()) {
    const name = refName(branch) ?? titleOf(branch) ?? String(i + 1);
    parts.push({ kind: "branch", name, required: false, schema: branch });
  }
  return parts;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

const titleOf = (schema: unknown): string | null =>
  isSchema(schema) && typeof schema.title === "string" ? schema.title : null;

/** Its type in a word: `string decimal`, `array`, the name of a shared schema. */
export function typeOf(schema: unknown): string {
  if (schema === true) return "any";
  if (schema === false) return "never";
  if (!isSchema(schema)) return "any";
  const name = refName(schema);
  if (name !== null) return name;
  const types = Array.isArray(schema.type) ? schema.type.map(String).join(" | ") : schema.type;
  const type = typeof types === "string" ? types : guess(schema);
  return typeof schema.format === "string" ? `${type} ${schema.format}` : type;
}

function guess(schema: Schema): string {
  if (isSchema(schema.properties) || Array.isArray(schema.allOf)) return "object";
  if (isSchema(schema.items)) return "array";
  if (Array.isArray(schema.oneOf)) return "oneOf";
  if (Array.isArray(schema.anyOf)) return "anyOf";
  return "any";
}

const BOUNDS = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
  "default",
  "const",
] as const;

const short = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
};

/** Its bounds as written: `maxLength 20`, and the values it may have. */
export function boundsOf(schema: unknown): string[] {
  if (!isSchema(schema)) return [];
  const bounds = BOUNDS.filter((name) => schema[name] !== undefined).map(
    (name) => `${name} ${short(schema[name])}`,
  );
  if (Array.isArray(schema.enum)) bounds.push(schema.enum.map(short).join(" | "));
  if (schema.readOnly === true) bounds.push("readOnly");
  if (schema.writeOnly === true) bounds.push("writeOnly");
  if (schema.additionalProperties === false) bounds.push("additionalProperties false");
  return bounds;
}

/** Its masking label; null when it has none of its own. */
export const labelOf = (schema: unknown): string | null =>
  isSchema(schema) && typeof schema["x-label"] === "string" ? schema["x-label"] : null;

/** What it says of itself. */
export const wordsOf = (schema: unknown): string | null =>
  isSchema(schema)
    ? (([schema.description, schema.title].find((text) => typeof text === "string") as
        string | undefined) ?? null)
    : null;
