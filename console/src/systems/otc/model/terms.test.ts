import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Terms } from "@/api/contract.otc";
import {
  codesOf,
  fieldsOf,
  groupsOf,
  inexactNumbers,
  isUnknown,
  parseTerms,
  repeatedNames,
  pathOfPointer,
  pointerOf,
  printTerms,
  typed,
  unknownPlace,
  valueAt,
  withValue,
} from "./terms";

const FOLDER = join(import.meta.dirname, "../../../../../examples/otc");
const sheets = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json") && name !== "market.json")
  .map((name) => [name, JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Terms] as const);
const sheet = (name: string): Terms => {
  const found = sheets.find(([file]) => file === `${name}.json`);
  if (!found) throw new Error(`no example ${name}`);
  return found[1];
};

describe("every example sheet", () => {
  it.each(sheets)("%s_is_written_back_unchanged_field_by_field", (_, terms) => {
    const fields = fieldsOf(terms);
    expect(fields.length).toBeGreaterThan(5);
    for (const field of fields) {
      expect(valueAt(terms, field.pointer)).toBe(field.value);
      expect(printTerms(withValue(terms, field.pointer, field.value))).toBe(printTerms(terms));
    }
    const grouped = groupsOf(terms).flatMap(({ fields: mine }) => mine.map((f) => f.pointer));
    expect(new Set(grouped)).toEqual(new Set(fields.map((f) => f.pointer)));
    expect(grouped).toHaveLength(fields.length);
  });

  it.each(sheets)("%s_keeps_what_the_house_writes_out_of_the_form", (_, terms) => {
    const pointers = fieldsOf(terms).map((f) => f.pointer);
    for (const own of ["/schema", "/template", "/trade_id"]) expect(pointers).not.toContain(own);
  });
});

it("changing_a_field_leaves_the_original_alone", () => {
  const before = sheet("snowball");
  const text = printTerms(before);
  const after = withValue(before, "/terms/ki/level", "70%");
  expect(valueAt(after, "/terms/ki/level")).toBe("70%");
  expect(printTerms(before)).toBe(text);
  expect(valueAt(withValue(before, "/payment/lag", 3), "/payment/lag")).toBe(3);
});

it("lists_of_underlyings_are_changed_in_place", () => {
  const after = withValue(sheet("trs"), "/underlyings/1/units", "300000");
  expect(Array.isArray(after.underlyings)).toBe(true);
  expect(valueAt(after, "/underlyings/1/units")).toBe("300000");
  expect(valueAt(after, "/underlyings/0/code")).toBe("XSHG:600519");
});

it("pointers_escape_and_read_back", () => {
  for (const path of [["a/b", "c~d"], [], ["terms", "0"]]) {
    expect(pathOfPointer(pointerOf(path))).toEqual(path);
  }
});

it("a_number_stays_a_number_only_when_nothing_is_lost", () => {
  expect(typed("4", 3)).toBe(4);
  expect(typed(" 4.5 ", 3)).toBe(4.5);
  expect(typed("4.50", 3)).toBe("4.50");
  expect(typed("0.1000000000000000055", 3)).toBe("0.1000000000000000055");
  expect(typed("4", "3")).toBe("4");
  expect(typed("three", 3)).toBe("three");
});

it("the_unknown_is_found_where_the_product_writes_it", () => {
  expect(unknownPlace(sheet("snowball"), "coupon")).toBe("/terms/coupon/rate");
  expect(unknownPlace(sheet("snowball"), "ko_level")).toBe("/terms/ko/levels");
  expect(unknownPlace(sheet("sharkfin"), "ko_level")).toBe("/terms/barrier");
  expect(unknownPlace(sheet("trs"), "spread")).toBe("/terms/financing/spread");
  expect(unknownPlace(sheet("trs"), "coupon")).toBeNull();
  expect(isUnknown("/terms/ko/levels/first", "/terms/ko/levels")).toBe(true);
  expect(isUnknown("/terms/ko/levelsx", "/terms/ko/levels")).toBe(false);
});

it("text_that_is_no_sheet_says_why", () => {
  expect(parseTerms('{"a": 1')).toHaveProperty("error");
  expect(parseTerms("[1]")).toHaveProperty("error");
  expect(parseTerms('{"a": "1"}')).toEqual({ terms: { a: "1" } });
});

it("a_number_that_would_be_changed_by_reading_is_named", () => {
  expect(
    inexactNumbers('{"a": 0.1, "b": 20000000, "c": "0.10000000000000000001", "d": 3.50}'),
  ).toEqual([]);
  expect(inexactNumbers('{"a": 0.10000000000000000001, "b": 12345678901234567890}')).toEqual([
    "0.10000000000000000001",
    "12345678901234567890",
  ]);
});

it("names given twice are found in their own object only", () => {
  expect(repeatedNames('{"a": 1, "b": {"a": 2, "a": 3}, "c": [{"d": 1}, {"d": 2}]}')).toEqual([
    "a",
  ]);
  expect(repeatedNames('{"a": "\\"a\\": 1", "b": "a"}')).toEqual([]);
  expect(repeatedNames('{"\\u0061": 1, "a": 2}')).toEqual(["a"]);
});

it("names_the_underlyings_of_one_and_of_many", () => {
  expect(codesOf({ underlying: { code: "XSHG:000905", initial: "100" } })).toEqual(["XSHG:000905"]);
  const basket = { underlyings: [{ code: "XSHG:000905" }, { code: "XSHG:000016" }] };
  expect(codesOf(basket)).toEqual(["XSHG:000905", "XSHG:000016"]);
  expect(codesOf({})).toEqual([]);
});
