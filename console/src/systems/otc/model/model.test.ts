import { describe, expect, it } from "vitest";
import type { Path, Payoff } from "@/api/contract.otc";
import { dateOf } from "@/shared/chart";
import { EVENT_FIELDS, fieldProblem, nextVersion, payloadOf } from "./events";
import { levelMarks, observedMark, pathSeries, payoffSeries, watched } from "./plots";
import { daysAfter, latestMarket, remaining, today } from "./time";

const labels = { payoff: "payoff", knockedIn: "in", now: "now" };

describe("the payoff picture", () => {
  const payoff: Payoff = {
    axis: [4000, 5000, 6000],
    payoff: [100, 100, 114],
    knocked_in: null,
    value_now: [80, 95, 101],
    levels: [
      { kind: "knock_out", level: 5860 },
      { kind: "knock_out", level: 5860 },
      { kind: "knock_in", level: 4119 },
    ],
  };

  it("has_only_the_lines_there_are", () => {
    expect(payoffSeries(payoff, labels).map((s) => s.key)).toEqual(["payoff", "now"]);
    const both = payoffSeries({ ...payoff, knocked_in: [60, 80, 114] }, labels);
    expect(both.map((s) => s.key)).toEqual(["payoff", "knocked_in", "now"]);
    expect(both[1]?.points[0]).toEqual([4000, 60]);
  });

  it("names_equal_levels_once", () => {
    const marks = levelMarks(payoff.levels, (kind, level) => `${kind} ${level}`);
    expect(marks.map((m) => m.label)).toEqual(["knock_out 5860", "knock_in 4119"]);
  });
});

describe("the market a ticket begins with", () => {
  const csi = "XSHG:000905";
  const at = (id: string, as_of: unknown, name = csi) => ({ id, as_of, names: [name] });
  const morning = at("morning", { date: "2026-05-18", phase: "pre_open" });
  const close = at("close", { date: "2026-05-18", phase: "post_close" });
  const replayed = at("replayed", { date: "2024-03-11", phase: "post_close" });

  it("is_the_one_with_the_latest_quotes_and_not_the_last_entered", () => {
    expect(latestMarket([replayed, morning, close], [csi])?.id).toBe("close");
    expect(latestMarket([at("years", 0.5), replayed], [csi])?.id).toBe("replayed");
  });

  it("quotes_the_underlyings_of_the_sheet_where_there_is_one", () => {
    const others = at("others", { date: "2026-06-01", phase: "pre_open" }, "XSHG:000016");
    expect(latestMarket([others, close], [csi])?.id).toBe("close");
    expect(latestMarket([others, at("any", close.as_of, "*")], [csi])?.id).toBe("any");
    expect(latestMarket([others], [csi])?.id).toBe("others");
  });

  it("is_the_last_entered_of_equal_ones", () => {
    expect(latestMarket([close, { ...close, id: "older" }], [csi])?.id).toBe("close");
    expect(latestMarket([], [csi])).toBeUndefined();
  });
});

describe("the path", () => {
  const day = (i: number): string => dateOf(20_000 + i);
  const path: Path = {
    underlying: "XSHG:000905",
    points: [
      { date: day(0), value: 5800 },
      { date: day(1), value: 5810.5 },
    ],
    barriers: [
      { date: day(30), kind: "knock_out", level: 5860, status: "past", hit: true },
      { date: day(61), kind: "knock_out", level: 5860, status: "next", hit: false },
      { date: day(1), kind: "knock_in", level: 4119, status: "past", hit: false },
      { date: day(365), kind: "knock_in", level: 4119, status: "future", hit: false },
    ],
  };
  const series = pathSeries(path, {
    fixings: "fixings",
    kind: (k) => k,
    hit: (k) => `${k} hit`,
  });

  it("draws_single_dates_as_dots_and_a_level_watched_all_the_time_as_a_line", () => {
    expect(series.map((s) => [s.key, s.kind])).toEqual([
      ["fixings", undefined],
      ["knock_out", "dots"],
      ["knock_in:line", undefined],
    ]);
    expect(series[1]?.filled?.(0)).toBe(true);
    expect(series[1]?.filled?.(1)).toBe(false);
    expect(series[2]?.points).toEqual([
      [20_001, 4119],
      [20_365, 4119],
      [20_365, null],
    ]);
  });

  it("never_joins_levels_that_differ", () => {
    const points = [[0, 10] as const, [100, 10] as const, [200, 9] as const, [300, 9] as const];
    expect(watched(points)).toEqual({
      line: [
        [0, 10],
        [100, 10],
        [100, null],
        [200, 9],
        [300, 9],
        [300, null],
      ],
      loose: [],
    });
    expect(
      watched([
        [0, 10],
        [100, 9],
      ]).line,
    ).toEqual([]);
  });

  it("marks_the_last_fixing_and_nothing_without_one", () => {
    expect(observedMark(path, "x")[0]?.at).toBe(20_001);
    expect(observedMark({ ...path, points: [] }, "x")).toEqual([]);
  });
});

describe("events people send", () => {
  it("carry_their_payload_in_the_form_of_the_ledger", () => {
    const values = { unwind: "-1250.50", fee: "0", pay_date: "2026-12-01" };
    expect(payloadOf("terminate", values, "client asks")).toEqual(values);
    expect(payloadOf("cancel", { pay_date: " " }, "typed twice")).toEqual({
      reason: "typed twice",
    });
    expect(payloadOf("exercise", {}, "r")).toEqual({ settlement: "cash" });
    expect(payloadOf("review-closed", { review: "2" }, "seen")).toEqual({
      review: 2,
      note: "seen",
    });
    expect(payloadOf("amend", { sheet: '{"version": 2}' }, "new end")).toEqual({
      sheet: { version: 2 },
      reason: "new end",
    });
  });

  it("are_refused_while_a_field_is_missing_or_malformed", () => {
    const size = EVENT_FIELDS["terminate-partial"]?.[0];
    if (!size) throw new Error("a partial unwind has a size");
    expect(fieldProblem(size, "")).toBe("missing");
    expect(fieldProblem(size, "1,000")).toBe("decimal");
    expect(fieldProblem(size, "1000.00")).toBeNull();
    expect(fieldProblem({ name: "d", type: "date" }, "1.2.2026")).toBe("date");
    expect(fieldProblem({ name: "s", type: "sheet" }, "{")).toBe("sheet");
    expect(fieldProblem({ name: "d", type: "date", optional: true }, "")).toBeNull();
  });

  it("an_amendment_starts_one_version_higher", () => {
    expect(nextVersion({ version: 3 }).version).toBe(4);
    expect(nextVersion({}).version).toBe(2);
  });
});

it("a_quote_counts_down_and_never_below_nothing", () => {
  const now = Date.parse("2026-11-22T10:00:00Z");
  expect(remaining("2026-11-22T10:12:07Z", now)).toBe("12:07");
  expect(remaining("2026-11-22T11:02:03Z", now)).toBe("1:02:03");
  expect(remaining("2026-11-22T10:00:00Z", now)).toBeNull();
  expect(remaining("nonsense", now)).toBeNull();
});

it("plain_dates_move_by_days_over_months_and_leap_years", () => {
  expect(daysAfter("2028-02-28", 1)).toBe("2028-02-29");
  expect(daysAfter("2026-12-31", 1)).toBe("2027-01-01");
  expect(daysAfter("2026-11-22", -21)).toBe("2026-11-01");
  expect(today(Date.parse("2026-11-22T18:30:00Z"))).toBe("2026-11-23");
});
