import { describe, expect, it } from "vitest";
import { ApiError } from "@/api/problem";
import { addressesOf, faultOf, isName, labelsOf, writtenLabels } from "./config";
import { holds, rotationStop } from "./credential";
import { around, compareLines, offsetOf } from "./lines";

const marks = { same: " ", gone: "-", new: "+" };
const shown = (old: string, now: string): string[] =>
  compareLines(old, now).map((line) => marks[line.kind] + line.text);

describe("a comparison of two contents", () => {
  it("has_as_few_differences_as_there_can_be_and_numbers_of_both_sides", () => {
    expect(shown("a\nb\nc\nd", "a\nc\nx\nd")).toEqual([" a", "-b", " c", "+x", " d"]);
    expect(shown("", "")).toEqual([" "]);
    expect(shown("a", "b")).toEqual(["-a", "+b"]);
    expect(compareLines("a\nb", "b").map((one) => [one.old, one.now])).toEqual([
      [1, null],
      [2, 1],
    ]);
  });

  it("gives_both_texts_back_whatever_they_are", () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    const text = () => Array.from({ length: random(12) + 1 }, () => "abc"[random(3)]).join("\n");
    for (let n = 0; n < 400; n += 1) {
      const [old, now] = [text(), text()];
      const lines = compareLines(old, now);
      const side = (without: string) =>
        lines.filter((one) => one.kind !== without).map((one) => one.text);
      expect([side("new").join("\n"), side("gone").join("\n")]).toEqual([old, now]);
    }
  });

  it("stays_quick_when_nothing_is_alike", () => {
    const lines = (of: string) => Array.from({ length: 4_000 }, (_, i) => `${of}${i}`).join("\n");
    expect(compareLines(lines("a"), lines("b"))).toHaveLength(8_000);
  });

  it("leaves_out_what_is_far_from_any_difference", () => {
    const old = Array.from({ length: 20 }, (_, i) => String(i)).join("\n");
    const near = around(compareLines(old, old.replace("\n10\n", "\nten\n")), 1);
    expect(near.map((one) => one?.text ?? "…")).toEqual(["…", "9", "10", "ten", "11", "…"]);
    expect(around(compareLines("a", "a"))).toEqual([null]);
  });
});

describe("a refused content", () => {
  const refused = (message: string, zh: string) =>
    new ApiError(
      {
        type: "",
        title: "",
        status: 422,
        detail: "",
        code: "invalid",
        trace_id: null,
        errors: [{ pointer: "/content", code: "content", message }],
        text: { en: message, zh },
      },
      "PUT /",
    );

  it("says_line_column_and_reason_in_the_language_of_the_page", () => {
    const error = refused(
      "line 2, column 5: this is not JSON",
      "第 2 行第 5 列：此处不是合法的 JSON",
    );
    expect(faultOf(error, "en")).toEqual({ line: 2, column: 5, text: "this is not JSON" });
    expect(faultOf(error, "zh-CN")?.text).toBe("此处不是合法的 JSON");
    expect(faultOf(refused("too much", "过多"), "en")).toBeNull();
    expect(faultOf(new Error("line 1, column 1: x"), "en")).toBeNull();
  });

  it("is_found_in_the_text_also_past_an_end", () => {
    expect(offsetOf("ab\ncd", 2, 2)).toBe(4);
    expect(offsetOf("ab\ncd", 1, 9)).toBe(2);
    expect(offsetOf("ab\ncd", 9, 1)).toBe(5);
  });
});

describe("who gets a content first", () => {
  it("is_read_as_people_write_it", () => {
    expect(addressesOf("10.1.0.0/16, 10.2.0.1\n\n::1")).toEqual(["10.1.0.0/16", "10.2.0.1", "::1"]);
    expect(labelsOf("zone = sh, bj\nrole=quote\nzone=gz\nnothing\n=x\ny=")).toEqual({
      labels: { zone: ["sh", "bj", "gz"], role: ["quote"] },
      wrong: ["nothing", "=x", "y="],
    });
    expect(writtenLabels({ zone: ["sh", "bj"] })).toEqual(["zone=sh,bj"]);
  });

  it("names_are_those_the_server_takes", () => {
    expect(["a.b:c_d-e", "", "a/b", "x".repeat(129)].map(isName)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe("a credential", () => {
  const one = (id: string, state: string, replaces: string | null = null) => ({
    id,
    state,
    replaces,
  });

  it("is_rotated_while_it_works_and_never_with_three_at_work", () => {
    const old = one("a", "delivered");
    expect(rotationStop(one("a", "created"), [])).toBe("notYet");
    expect(rotationStop(one("a", "expired"), [])).toBe("gone");
    expect(rotationStop(old, [old])).toBeNull();
    const next = one("b", "delivered", "a");
    expect(rotationStop(next, [one("a", "rotating"), next])).toBe("before");
    expect(rotationStop(next, [one("a", "expired"), next])).toBeNull();
    expect(rotationStop(one("a", "rotating"), [one("b", "created", "a")])).toBe("waiting");
    // A successor that went away before it worked lets another be made.
    expect(rotationStop(one("a", "rotating"), [one("b", "revoked", "a")])).toBeNull();
  });

  it("belongs_to_who_answers_for_the_application_or_added_it", () => {
    const application = { owner: "amy", created_by: "ben" };
    expect(["amy", "ben", "cid"].map((login) => holds(login, application))).toEqual([
      true,
      true,
      false,
    ]);
    expect(holds("amy", undefined)).toBe(false);
  });
});
