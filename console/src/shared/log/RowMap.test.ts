import { describe, expect, it } from "vitest";
import { below, random } from "../../../test/random";
import { type Fold, RowMap } from "./RowMap";

/** The same questions answered line by line. */
class Naive {
  readonly hidden: boolean[];
  readonly heights: number[];

  constructor(total: number, folds: Fold[]) {
    this.hidden = Array.from({ length: total }, (_, i) =>
      folds.some((f) => i >= f.from && i <= f.to),
    );
    this.heights = Array.from({ length: total }, () => 20);
  }

  top(line: number): number {
    let sum = 0;
    for (let i = 0; i < line; i += 1) if (!this.hidden[i]) sum += this.heights[i] ?? 0;
    return sum;
  }

  visible(): number[] {
    return this.hidden.flatMap((h, i) => (h ? [] : [i]));
  }
}

describe("row map", () => {
  it("agrees_with_counting_line_by_line", () => {
    const next = random(42);
    for (let round = 0; round < 150; round += 1) {
      const total = 1 + below(next, 60);
      const folds = Array.from({ length: below(next, 5) }, () => {
        const from = below(next, total + 5);
        return { from, to: from + below(next, 12) - 1 };
      });
      const map = new RowMap(20);
      const naive = new Naive(total, folds);
      map.setTotal(total);
      map.setFolds(folds);
      for (let i = below(next, 10); i > 0; i -= 1) {
        const line = below(next, total);
        const height = 20 + 20 * below(next, 4);
        map.measure(line, height);
        naive.heights[line] = height;
      }
      const visible = naive.visible();
      expect(map.visible).toBe(visible.length);
      expect(map.height).toBe(naive.top(total));
      visible.forEach((line, rank) => {
        expect(map.rank(line)).toBe(rank);
        expect(map.lineAt(rank)).toBe(line);
        expect(map.isFolded(line)).toBe(false);
        expect(map.top(line)).toBe(naive.top(line));
        expect(map.lineAtY(naive.top(line))).toBe(line);
        expect(map.lineAtY(naive.top(line) + 19)).toBe(line);
      });
    }
  });

  it("a_million_lines_answer_at_once", () => {
    const map = new RowMap(20);
    map.setTotal(1_000_000);
    map.setFolds([{ from: 100, to: 499_999 }]);
    map.measure(700_000, 400);
    expect(map.height).toBe((1_000_000 - 499_900) * 20 + 380);
    const started = performance.now();
    for (let i = 0; i < 2000; i += 1) map.lineAtY(i * 4000);
    // Two thousand look-ups are what a minute of scrolling asks; linear work would take minutes.
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("growing_keeps_folds_and_heights", () => {
    const map = new RowMap(20);
    map.setTotal(10);
    map.setFolds([{ from: 5, to: 14 }]);
    expect(map.visible).toBe(5);
    map.measure(2, 60);
    map.setTotal(5000);
    map.setFolds([{ from: 5, to: 14 }]);
    expect(map.visible).toBe(4990);
    expect(map.top(20)).toBe(10 * 20 + 40);
    map.forgetHeights();
    expect(map.top(20)).toBe(200);
  });
});
