import { expect, it } from "vitest";
import { below, random } from "../../../test/random";
import {
  dateOf,
  dayOf,
  extent,
  lanes,
  linear,
  monthTicks,
  nearest,
  padded,
  pathOf,
  type Place,
  type Point,
  spread,
  textWidth,
  ticks,
} from "./scale";

it("a_scale_and_its_inverse_agree", () => {
  const scale = linear([4200, 6100], [300, 10]);
  expect(scale(4200)).toBe(300);
  expect(scale(6100)).toBe(10);
  for (const value of [4200, 4777.7, 5999]) {
    expect(scale.invert(scale(value))).toBeCloseTo(value, 9);
  }
  expect(linear([5, 5], [0, 100])(5)).toBe(50);
});

it("ticks_are_round_and_inside", () => {
  expect(ticks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks([4187, 6120], 4)).toEqual([4500, 5000, 5500, 6000]);
  expect(ticks([-0.3, 0.3], 6)).toEqual([-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]);
  const next = random(11);
  for (let round = 0; round < 2000; round += 1) {
    const low = (next() - 0.5) * 10 ** below(next, 8);
    const high = low + next() * 10 ** below(next, 8) + 1e-6;
    const found = ticks([low, high], 6);
    expect(found.length).toBeLessThanOrEqual(14);
    const slack = (high - low) * 1e-6;
    for (const tick of found) {
      expect(tick).toBeGreaterThanOrEqual(low - slack);
      expect(tick).toBeLessThanOrEqual(high + slack);
    }
  }
});

it("unknown_values_are_no_extent_and_break_the_line", () => {
  expect(extent([null, Number.NaN, undefined])).toBeNull();
  expect(extent([3, null, -1])).toEqual([-1, 3]);
  expect(padded([2, 2])).toEqual([1, 3]);
  const points: Point[] = [
    [0, 0],
    [1, 1],
    [2, null],
    [3, 2],
    [4, 1],
  ];
  const x = linear([0, 4], [0, 40]);
  const y = linear([0, 2], [20, 0]);
  expect(pathOf(points, x, y)).toBe("M0 20L10 10M30 0L40 10");
  expect(pathOf(points, x, y, true)).toBe("M0 20H10V10M30 0H40V10");
});

it("plain_dates_know_no_zone_and_refuse_what_is_no_date", () => {
  expect(dayOf("1970-01-02")).toBe(1);
  expect(dayOf("2026-02-30")).toBeNull();
  expect(dayOf("2026-2-3")).toBeNull();
  for (const date of ["2000-02-29", "2026-11-22", "2028-03-09"]) {
    expect(dateOf(dayOf(date) ?? Number.NaN)).toBe(date);
  }
});

it("months_are_marked_at_their_first_day", () => {
  const domain = [dayOf("2026-03-09") ?? 0, dayOf("2028-03-09") ?? 0] as const;
  const shown = monthTicks(domain, 8).map(dateOf);
  expect(shown).toEqual([
    "2026-04-01",
    "2026-07-01",
    "2026-10-01",
    "2027-01-01",
    "2027-04-01",
    "2027-07-01",
    "2027-10-01",
    "2028-01-01",
  ]);
});

it("the_nearest_point_is_found_like_by_looking_at_all", () => {
  const next = random(3);
  const points: Point[] = [];
  let x = 0;
  for (let i = 0; i < 200; i += 1) points.push([(x += 0.1 + next()), i]);
  for (let round = 0; round < 500; round += 1) {
    const at = next() * 140 - 10;
    const found = nearest(points, at);
    const best = Math.min(...points.map((p) => Math.abs(p[0] - at)));
    expect(Math.abs((found?.[0] ?? Infinity) - at)).toBeCloseTo(best, 12);
  }
  expect(nearest([], 1)).toBeNull();
});

it("labels_are_pushed_apart_and_stay_inside", () => {
  expect(spread([10, 12, 90], 14, [0, 100])).toEqual([10, 24, 90]);
  const put = spread([99, 98, 97], 14, [0, 100]);
  expect(put).toEqual([100, 86, 72]);
});

it("names_of_lines_that_lie_close_never_overlap_and_stay_in_the_picture", () => {
  const sides = [68, 560] as const;
  const span = ({ side, x }: Place, width: number) =>
    side === "start" ? [x, x + width] : [x - width, x];
  const next = random(11);
  for (let round = 0; round < 300; round += 1) {
    const lines = Array.from({ length: 1 + Math.floor(next() * 9) }, () => ({
      // Half of them within a few pixels of each other, as barriers near the initial level are.
      at: next() < 0.5 ? 300 + 8 * next() : 68 + 492 * next(),
      width: 40 + Math.floor(120 * next()),
    }));
    const put = lanes(lines, sides);
    put.forEach((one, i) => {
      const [from = 0, to = 0] = span(one, lines[i]?.width ?? 0);
      expect(from).toBeGreaterThanOrEqual(sides[0]);
      expect(to).toBeLessThanOrEqual(sides[1]);
      put.slice(i + 1).forEach((other, k) => {
        if (other.lane !== one.lane) return;
        const [f = 0, t = 0] = span(other, lines[i + 1 + k]?.width ?? 0);
        expect(to < f || t < from).toBe(true);
      });
    });
  }
});

it("lines_far_apart_share_the_first_lane_and_the_last_name_turns_to_the_left", () => {
  const put = lanes(
    [
      { at: 500, width: 90 },
      { at: 100, width: 90 },
    ],
    [68, 560],
  );
  expect(put).toEqual([
    { lane: 0, side: "end", x: 496 },
    { lane: 0, side: "start", x: 104 },
  ]);
  expect(textWidth("敲出 1.5")).toBe(2 * 11 + Math.ceil(4 * 6.4));
});
