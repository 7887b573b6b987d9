/**
 * A term sheet as a form: its leaves by JSON pointer (RFC 6901), grouped as people read them, and
 * written back without touching anything else.
 */
import type { Json, Terms } from "@/api/contract.otc";

export interface TermField {
  pointer: string;
  /** Names from the top: `["terms", "coupon", "rate"]`. */
  path: string[];
  value: null | boolean | number | string;
}

/** Codes of the underlyings a sheet names. */
export function codesOf(terms: Terms): string[] {
  const named = fieldsOf(terms).filter(({ pointer }) =>
    /^\/underlying(s\/\d+)?\/code$/.test(pointer),
  );
  return named.map(({ value }) => String(value));
}

export type TermGroup = "deal" | "underlying" | "dates" | "terms" | "conventions" | "other";

const GROUPS: Record<string, TermGroup> = {
  trade_id: "deal",
  preset: "deal",
  direction: "deal",
  notional: "deal",
  quantity: "deal",
  unit: "deal",
  currency: "deal",
  premium: "deal",
  underlying: "underlying",
  underlyings: "underlying",
  dates: "dates",
  terms: "terms",
  clocks: "conventions",
  payment: "conventions",
  rounding: "conventions",
  observe_start: "conventions",
};

export const GROUP_ORDER: readonly TermGroup[] = [
  "deal",
  "underlying",
  "dates",
  "terms",
  "conventions",
  "other",
];

/** Written by the house, not by the person at the ticket. */
const FIXED = new Set(["schema", "template", "version", "trade_id"]);

const escape = (part: string): string => part.replaceAll("~", "~0").replaceAll("/", "~1");
const unescape = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");

export const pointerOf = (path: readonly string[]): string =>
  path.map((part) => `/${escape(part)}`).join("");

export const pathOfPointer = (pointer: string): string[] =>
  pointer === "" ? [] : pointer.slice(1).split("/").map(unescape);

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** All leaves a person may fill in, in the order of the sheet. Empty lists and objects have none. */
export function fieldsOf(terms: Terms): TermField[] {
  const found: TermField[] = [];
  const walk = (value: Json, path: string[]): void => {
    if (Array.isArray(value)) value.forEach((inner, i) => walk(inner, [...path, String(i)]));
    else if (isObject(value)) {
      for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key]);
    } else found.push({ pointer: pointerOf(path), path, value });
  };
  for (const [key, value] of Object.entries(terms)) if (!FIXED.has(key)) walk(value, [key]);
  return found;
}

export function groupsOf(terms: Terms): { group: TermGroup; fields: TermField[] }[] {
  const fields = fieldsOf(terms);
  return GROUP_ORDER.map((group) => ({
    group,
    fields: fields.filter((f) => (GROUPS[f.path[0] ?? ""] ?? "other") === group),
  })).filter(({ fields: mine }) => mine.length > 0);
}

export function valueAt(terms: Terms, pointer: string): Json | undefined {
  let at: Json | undefined = terms;
  for (const part of pathOfPointer(pointer)) {
    if (Array.isArray(at)) at = at[Number(part)];
    else if (isObject(at)) at = at[part];
    else return undefined;
  }
  return at;
}

/** The sheet with another value at the pointer; the original stays as it is. */
export function withValue(terms: Terms, pointer: string, value: Json): Terms {
  const set = (at: Json | undefined, path: string[]): Json => {
    const [first, ...rest] = path;
    if (first === undefined) return value;
    if (Array.isArray(at)) {
      const copy = [...at];
      copy[Number(first)] = set(at[Number(first)], rest);
      return copy;
    }
    const object = isObject(at) ? at : {};
    return { ...object, [first]: set(object[first], rest) };
  };
  return set(terms, pathOfPointer(pointer)) as Terms;
}

/** What was typed, in the kind of the value it replaces: a number stays one only when exact. */
export function typed(text: string, before: TermField["value"]): string | number {
  const trimmed = text.trim();
  if (typeof before === "number" && /^-?\d+(\.\d+)?$/.test(trimmed)) {
    const number = Number(trimmed);
    if (String(number) === trimmed) return number;
  }
  return trimmed;
}

/** Where each unknown stands, the first place the sheet has. */
const PLACES: Record<string, string[]> = {
  coupon: ["/terms/coupon/rate", "/terms/rate", "/terms/enhancement", "/terms/cash"],
  bonus: ["/terms/bonus"],
  strike: ["/terms/strike", "/terms/loss/k_hi"],
  ko_level: ["/terms/ko/levels", "/terms/barrier"],
  ki_level: ["/terms/ki/level", "/terms/barrier"],
  premium: ["/premium/amount", "/premium"],
  part: ["/terms/part", "/terms/loss/part"],
  rebate: ["/terms/rebate"],
  spread: ["/terms/financing/spread"],
};

/** The pointer of the field that is solved for; null when the sheet does not write it out. */
export function unknownPlace(terms: Terms, unknown: string): string | null {
  return PLACES[unknown]?.find((pointer) => valueAt(terms, pointer) !== undefined) ?? null;
}

/** Whether the field lies at or under the place of the unknown. */
export const isUnknown = (field: string, place: string | null): boolean =>
  place !== null && (field === place || field.startsWith(`${place}/`));

/** What a field may say, where the product knows only a few words. */
const CHOICES: Record<string, readonly string[]> = {
  "/direction": ["house_sells", "house_buys"],
  "/terms/type": ["call", "put"],
};

export const choicesOf = (pointer: string): readonly string[] => CHOICES[pointer] ?? [];

/** A sheet read from text; the message of the reader says where it stops. */
export function parseTerms(text: string): { terms: Terms } | { error: string } {
  try {
    const value = JSON.parse(text) as Json;
    if (!isObject(value)) return { error: "{ … }" };
    return { terms: value };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Names that stand twice in one object of a text that is JSON: only the last would count. */
export function repeatedNames(text: string): string[] {
  const found = new Set<string>();
  const open: Set<string>[] = [];
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;
  for (const [part, colon] of text.matchAll(token)) {
    if (part === "{" || part === "[") open.push(new Set());
    else if (part === "}" || part === "]") open.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(part.slice(0, -colon.length)) as string;
      const names = open.at(-1);
      if (names?.has(name)) found.add(name);
      names?.add(name);
    }
  }
  return [...found];
}

export const printTerms = (terms: Terms): string => JSON.stringify(terms, null, 2);

/** Numbers that a reader of JSON cannot hold exactly; they are refused instead of changed. */
export function inexactNumbers(text: string): string[] {
  const found: string[] = [];
  const literal = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  for (const [token] of text.matchAll(literal)) {
    if (token.startsWith('"')) continue;
    const plain = token.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
    if (String(Number(token)) !== plain) found.push(token);
  }
  return found;
}
