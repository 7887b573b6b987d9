import { describe, expect, it } from "vitest";
import { random, below } from "../../../test/random";
import {
  formatBytes,
  formatClock,
  formatDateTime,
  formatDecimal,
  formatDuration,
  formatInteger,
  formatNumber,
  formatPercent,
  formatRelative,
  formatShort,
  percentDown,
  shortHash,
} from "./format";

describe("durations", () => {
  it("show_two_units_at_most", () => {
    const cases: [number, string, string][] = [
      [0, "0 ms", "0 毫秒"],
      [840, "840 ms", "840 毫秒"],
      [12_450, "12.4s", "12.4 秒"],
      [59_999, "59.9s", "59.9 秒"],
      [60_000, "1m 00s", "1 分 00 秒"],
      [185_000, "3m 05s", "3 分 05 秒"],
      [7_620_000, "2h 07m", "2 小时 07 分"],
      [273_600_000, "3d 04h", "3 天 04 小时"],
    ];
    for (const [ms, en, zh] of cases) {
      expect(formatDuration(ms, "en")).toBe(en);
      expect(formatDuration(ms, "zh-CN")).toBe(zh);
    }
  });

  it("an_unknown_duration_is_never_a_zero", () => {
    for (const value of [null, undefined, Number.NaN, -1])
      expect(formatDuration(value, "en")).toBe("–");
    expect(formatInteger(null, "en")).toBe("–");
    expect(formatBytes(undefined)).toBe("–");
  });

  it("a_clock_runs_past_the_hour", () => {
    expect(formatClock(452_000)).toBe("07:32");
    expect(formatClock(4_052_000)).toBe("1:07:32");
    expect(formatClock(-5)).toBe("00:00");
  });
});

describe("instants", () => {
  const now = Date.parse("2026-11-22T10:00:00Z");

  it("are_shown_in_the_zone_of_the_reader", () => {
    expect(formatDateTime("2026-11-22T10:00:05Z", "zh-CN")).toBe("2026-11-22 18:00:05");
    expect(formatDateTime("2026-11-22T16:30:00Z", "en")).toBe("2026-11-23 00:30:00");
    expect(formatDateTime("nonsense", "en")).toBe("–");
  });

  it("relative_times_round_towards_the_present", () => {
    expect(formatRelative("2026-11-22T09:57:01Z", now, "en")).toBe("2 min. ago");
    expect(formatRelative("2026-11-22T09:57:00Z", now, "zh-CN")).toBe("3分钟前");
    expect(formatRelative("2026-11-20T09:00:00Z", now, "en")).toBe("2 days ago");
    expect(formatRelative("2026-11-22T10:00:03Z", now, "en")).toBe("now");
    expect(formatRelative(null, now, "en")).toBe("–");
  });
});

describe("percentages", () => {
  it("round_down_so_that_79_996_never_shows_as_80", () => {
    expect(percentDown(79_996, 100_000)).toBe("79.99");
    expect(percentDown(4, 5)).toBe("80.00");
    expect(percentDown(1, 3)).toBe("33.33");
    expect(percentDown(0, 0)).toBeNull();
  });

  it("never_exceed_the_exact_value", () => {
    const next = random(5);
    for (let round = 0; round < 3000; round += 1) {
      const whole = 1 + below(next, 100_000);
      const part = below(next, whole + 1);
      const shown = Number(percentDown(part, whole));
      expect(shown).toBeLessThanOrEqual((part / whole) * 100 + 1e-9);
      expect((part / whole) * 100 - shown).toBeLessThan(0.01 + 1e-9);
    }
  });
});

it("sizes_and_hashes_are_short", () => {
  expect(formatBytes(0)).toBe("0 B");
  expect(formatBytes(1023)).toBe("1023 B");
  expect(formatBytes(1536)).toBe("1.5 KiB");
  expect(formatBytes(314_572_800)).toBe("300 MiB");
  expect(shortHash("sha256:abcdef0123456789")).toBe("abcdef01");
  expect(shortHash(null)).toBe("–");
});

describe("amounts", () => {
  it("a_decimal_text_keeps_every_digit", () => {
    expect(formatDecimal("20000000.00")).toBe("20,000,000.00");
    expect(formatDecimal("-123456789012345678901.5")).toBe("\u2212123,456,789,012,345,678,901.5");
    expect(formatDecimal("999")).toBe("999");
    expect(formatDecimal("14.7%")).toBe("14.7%");
    expect(formatDecimal(null)).toBe("–");
  });

  it("a_model_number_has_its_decimals_and_an_unknown_one_is_no_zero", () => {
    expect(formatNumber(-1234.567, "en", 2)).toBe("\u22121,234.57");
    expect(formatNumber(5, "zh-CN", 1, true)).toBe("+5.0");
    expect(formatNumber(0, "en", 2, true)).toBe("0.00");
    expect(formatPercent(0.14701, "en")).toBe("14.70%");
    for (const value of [null, undefined, Number.NaN]) {
      expect(formatNumber(value, "en", 2)).toBe("–");
      expect(formatPercent(value, "en")).toBe("–");
      expect(formatShort(value, "en")).toBe("–");
    }
    expect(formatShort(12_400_000, "en")).toBe("12.4M");
    expect(formatShort(12_400_000, "zh-CN")).toBe("1240万");
  });
});
