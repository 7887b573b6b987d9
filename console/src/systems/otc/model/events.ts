/** The events people send about a contract: what each asks for and how its payload is written. */
import type { Json, Terms } from "@/api/contract.otc";
import type { Permission } from "@/api/permissions";
import { parseTerms } from "./terms";

export type FieldType = "decimal" | "date" | "text" | "sheet" | "choice" | "number";

export interface EventField {
  name: string;
  type: FieldType;
  /** What is in the field at first. */
  initial?: string;
  optional?: boolean;
  choices?: readonly string[];
  /** Asked for only while another field holds this value. */
  when?: { field: string; is: string };
}

const PAYMENT: readonly EventField[] = [
  { name: "unwind", type: "decimal", initial: "0" },
  { name: "fee", type: "decimal", initial: "0" },
  { name: "pay_date", type: "date" },
];

/** Only events of this table are offered; the reason is asked for with every one. */
export const EVENT_FIELDS: Record<string, readonly EventField[]> = {
  submit: [],
  confirm: [{ name: "reference", type: "text" }],
  amend: [{ name: "sheet", type: "sheet" }],
  extend: [{ name: "sheet", type: "sheet" }],
  "terminate-partial": [{ name: "size", type: "decimal" }, ...PAYMENT],
  "notional-increase": [{ name: "size", type: "decimal" }, ...PAYMENT],
  terminate: PAYMENT,
  novate: [
    { name: "form", type: "choice", choices: ["three_party", "one_leg"], initial: "three_party" },
    { name: "transferee", type: "text", when: { field: "form", is: "three_party" } },
    { name: "replacement", type: "text" },
    ...PAYMENT,
  ],
  exercise: [],
  abandon: [],
  cancel: [{ name: "pay_date", type: "date", optional: true }],
  "barrier-hit": [
    { name: "code", type: "text" },
    { name: "date", type: "date" },
    { name: "price", type: "decimal" },
  ],
  "review-closed": [{ name: "review", type: "number" }],
};

/** Steps on the way into force stand as buttons; the rest is in the menu. */
export const FIRST_STEPS = ["submit", "confirm"] as const;

/** Events whose payload carries the reason itself. */
const REASONED: Record<string, string> = {
  amend: "reason",
  extend: "reason",
  abandon: "reason",
  cancel: "reason",
  "review-closed": "note",
};

/** What sending an event takes; every other takes the right to book. */
const PERMISSIONS: Record<string, Permission> = {
  confirm: "otc.trade.confirm",
  "review-closed": "otc.trade.confirm",
  "barrier-hit": "otc.fixing.enter",
};

export const permissionOf = (kind: string): Permission => PERMISSIONS[kind] ?? "otc.trade.book";

const DECIMAL = /^-?\d+(\.\d+)?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Why a field cannot be sent as it is: the key of a text; null when it can. */
export function fieldProblem(field: EventField, text: string): string | null {
  const value = text.trim();
  if (value === "") return field.optional ? null : "missing";
  if (field.type === "decimal" && !DECIMAL.test(value)) return "decimal";
  if (field.type === "date" && !DATE.test(value)) return "date";
  if (field.type === "number" && !/^\d+$/.test(value)) return "number";
  if (field.type === "sheet" && "error" in parseTerms(value)) return "sheet";
  return null;
}

/** The fields an event asks for with what is filled in so far. */
export const fieldsOf = (kind: string, values: Record<string, string>): readonly EventField[] =>
  (EVENT_FIELDS[kind] ?? []).filter(({ when }) => !when || values[when.field] === when.is);

/** The payload in the form of the ledger. Fields have been checked before. */
export function payloadOf(kind: string, values: Record<string, string>, reason: string): Json {
  const payload: { [key: string]: Json } = {};
  for (const field of fieldsOf(kind, values)) {
    const value = (values[field.name] ?? "").trim();
    if (value === "" && field.optional) continue;
    if (field.type === "sheet") {
      const read = parseTerms(value);
      payload[field.name] = "terms" in read ? read.terms : value;
    } else if (field.type === "number") payload[field.name] = Number(value);
    else payload[field.name] = value;
  }
  if (kind === "exercise") payload.settlement = "cash";
  const place = REASONED[kind];
  if (place) payload[place] = reason;
  return payload;
}

/** The sheet an amendment starts from: the version one higher. */
export function nextVersion(terms: Terms): Terms {
  const version = typeof terms.version === "number" ? terms.version : 1;
  return { ...terms, version: version + 1 };
}

/** Tone of an event in the time line: what it means for the contract. */
export function eventTone(kind: string): string {
  if (["ko", "expiry", "exercise", "confirm", "settled"].includes(kind)) return "success";
  if (["ki", "barrier-hit", "fixing-corrected", "withdrawn", "review"].includes(kind))
    return "warned";
  if (["reject", "cancel", "settlement-failed", "flow-reversed"].includes(kind)) return "failed";
  if (["coupon", "flow", "settlement-instructed"].includes(kind)) return "running_calm";
  return "created";
}

/** Everyday observations that hide the decisions in a long life. */
export const QUIET_KINDS: ReadonlySet<string> = new Set(["fixing", "averaging", "accrual"]);
