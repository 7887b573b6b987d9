import { describe, expect, it } from "vitest";
import type { Branch } from "@/api/contract.esb";
import { boundsOf, labelOf, partsOf, refName, typeOf } from "./schema";
import { below, inDays, withCounts } from "./tree";

describe("a schema in the documentation", () => {
  it("names_the_shared_schema_it_points_at_and_no_other_place", () => {
    expect(refName({ $ref: "#/$defs/Order" })).toBe("Order");
    expect(refName({ $ref: "#/$defs/a~1b%20c" })).toBe("a/b c");
    expect(refName({ $ref: "#/$defs/50%" })).toBe("50%");
    expect(refName({ $ref: "#/properties/x" })).toBeNull();
    expect(refName(true)).toBeNull();
  });

  it("shows_fields_items_parts_and_alternatives_in_written_order", () => {
    const parts = partsOf({
      required: ["id"],
      properties: { id: { type: "string" }, note: {} },
      additionalProperties: { type: "number" },
      allOf: [{ $ref: "#/$defs/Base" }, { properties: { more: {} } }],
      oneOf: [{ $ref: "#/$defs/Cash" }, { title: "Shares" }, {}],
    });
    expect(parts.map((part) => [part.kind, part.name, part.required])).toEqual([
      ["field", "id", true],
      ["field", "note", false],
      ["field", "{ * }", false],
      ["part", "Base", true],
      ["field", "more", false],
      ["branch", "Cash", false],
      ["branch", "Shares", false],
      ["branch", "3", false],
    ]);
    expect(
      partsOf({ items: { type: "string" }, prefixItems: [{}, {}] }).map((p) => p.name),
    ).toEqual(["[ ]", "[ 0 ]", "[ 1 ]"]);
    expect(partsOf(false)).toEqual([]);
  });

  it("says_type_bounds_and_label_as_they_are_written", () => {
    expect(typeOf({ type: ["string", "null"], format: "date" })).toBe("string | null date");
    expect(typeOf({ properties: {} })).toBe("object");
    expect([typeOf(true), typeOf(false), typeOf({})]).toEqual(["any", "never", "any"]);
    expect(boundsOf({ maxLength: 20, enum: ["a", 1], minLength: 0 })).toEqual([
      "minLength 0",
      "maxLength 20",
      "a | 1",
    ]);
    expect(boundsOf({ pattern: "x".repeat(200) })[0]).toHaveLength("pattern ".length + 80);
    expect(labelOf({ "x-label": "amount" })).toBe("amount");
    expect(labelOf({})).toBeNull();
  });
});

describe("the taxonomy beside the list", () => {
  const name = { en: "n", zh: "名" };
  const tree: Branch[] = [
    {
      path: "trade",
      name,
      children: [
        { path: "trade/order", name, children: [] },
        { path: "trade/otc", name, children: [] },
      ],
    },
    { path: "risk", name, children: [] },
  ];

  it("counts_what_stands_in_a_branch_and_below_it", () => {
    const counted = withCounts(tree, [
      { taxonomy: "trade", count: 1 },
      { taxonomy: "trade/order", count: 4 },
      { taxonomy: "risk", count: 2 },
      { taxonomy: "gone/elsewhere", count: 9 },
    ]);
    expect(counted.map((one) => [one.path, one.count])).toEqual([
      ["trade", 5],
      ["risk", 2],
    ]);
    expect(counted[0]?.children.map((one) => one.count)).toEqual([4, 0]);
  });

  it("lists_every_branch_with_its_names_from_the_root", () => {
    expect(below(tree).map(({ branch, trail }) => [branch.path, trail.length])).toEqual([
      ["trade", 1],
      ["trade/order", 2],
      ["trade/otc", 2],
      ["risk", 1],
    ]);
  });

  it("knows_the_day_so_many_days_from_now_in_the_zone_of_the_house", () => {
    // Ten in the evening in Greenwich is the next morning in Shanghai.
    expect(inDays(0, Date.parse("2026-12-31T22:00:00Z"))).toBe("2027-01-01");
    expect(inDays(30, Date.parse("2026-12-02T01:00:00Z"))).toBe("2027-01-01");
  });
});
