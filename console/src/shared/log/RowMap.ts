/** Lines `from..=to` that are folded away. */
export interface Fold {
  from: number;
  to: number;
}

/** Prefix sums that can be changed: heights that rows have beyond one row height. */
class Sums {
  private tree = new Float64Array(1024);
  private readonly own = new Map<number, number>();

  get(index: number): number {
    return this.own.get(index) ?? 0;
  }

  set(index: number, value: number): number {
    const delta = value - this.get(index);
    if (delta === 0) return 0;
    if (index + 2 > this.tree.length) this.grow(index + 2);
    if (value === 0) this.own.delete(index);
    else this.own.set(index, value);
    this.add(index, delta);
    return delta;
  }

  /** Sum over indices below `index`. */
  before(index: number): number {
    let sum = 0;
    for (let i = Math.min(index, this.tree.length - 1); i > 0; i -= i & -i)
      sum += this.tree[i] ?? 0;
    return sum;
  }

  clear(): void {
    this.own.clear();
    this.tree.fill(0);
  }

  private add(index: number, delta: number): void {
    for (let i = index + 1; i < this.tree.length; i += i & -i) {
      this.tree[i] = (this.tree[i] ?? 0) + delta;
    }
  }

  private grow(size: number): void {
    let capacity = this.tree.length;
    while (capacity < size) capacity *= 2;
    this.tree = new Float64Array(capacity);
    for (const [index, value] of this.own) this.add(index, value);
  }
}

/**
 * Where each line is drawn. Every line is one row high until it was measured (wrapped text); folded
 * lines have no height. All questions are answered in logarithmic time, so that a million lines
 * cost no more than a thousand.
 */
export class RowMap {
  readonly rowHeight: number;
  private lines = 0;
  private folds: Fold[] = [];
  /** Folded lines before fold i. */
  private foldedBefore: number[] = [];
  private folded = 0;
  private readonly extra = new Sums();

  constructor(rowHeight: number) {
    this.rowHeight = rowHeight;
  }

  get total(): number {
    return this.lines;
  }

  get visible(): number {
    return this.lines - this.folded;
  }

  setTotal(lines: number): void {
    if (lines === this.lines) return;
    this.lines = lines;
    this.setFolds(this.folds);
  }

  /** Folds may touch, overlap and nest; what is past the end is ignored. */
  setFolds(folds: readonly Fold[]): void {
    const sorted = folds
      .filter((f) => f.to >= f.from && f.from < this.lines)
      .map((f) => ({ from: Math.max(0, f.from), to: Math.min(f.to, this.lines - 1) }))
      .sort((a, b) => a.from - b.from);
    const merged: Fold[] = [];
    for (const fold of sorted) {
      const last = merged.at(-1);
      if (last && fold.from <= last.to + 1) last.to = Math.max(last.to, fold.to);
      else merged.push({ ...fold });
    }
    this.folds = merged;
    this.foldedBefore = [];
    this.folded = 0;
    for (const fold of merged) {
      this.foldedBefore.push(this.folded);
      this.folded += fold.to - fold.from + 1;
    }
  }

  /** Records a measured height; returns by how much everything below moved. */
  measure(line: number, height: number): number {
    return this.extra.set(line, Math.max(0, height - this.rowHeight));
  }

  forgetHeights(): void {
    this.extra.clear();
  }

  heightOf(line: number): number {
    return this.rowHeight + this.extra.get(line);
  }

  isFolded(line: number): boolean {
    const at = this.foldAtOrBefore(line);
    const fold = this.folds[at];
    return fold !== undefined && line <= fold.to;
  }

  /** Number of visible lines before `line`. */
  rank(line: number): number {
    const at = this.foldAtOrBefore(line);
    const fold = this.folds[at];
    if (!fold) return line;
    const inside = Math.min(line, fold.to + 1) - fold.from;
    return line - (this.foldedBefore[at] ?? 0) - inside;
  }

  /** The visible line with this rank. */
  lineAt(rank: number): number {
    let low = 0;
    let high = this.folds.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      const fold = this.folds[mid];
      if (fold && fold.from - (this.foldedBefore[mid] ?? 0) <= rank) low = mid + 1;
      else high = mid;
    }
    const fold = this.folds[low - 1];
    if (!fold) return rank;
    return rank + (this.foldedBefore[low - 1] ?? 0) + (fold.to - fold.from + 1);
  }

  /** Distance of the line's upper edge from the top. */
  top(line: number): number {
    let extra = this.extra.before(line);
    for (const fold of this.folds) {
      if (fold.from >= line) break;
      extra -= this.extra.before(Math.min(fold.to + 1, line)) - this.extra.before(fold.from);
    }
    return this.rank(line) * this.rowHeight + extra;
  }

  get height(): number {
    return this.top(this.lines);
  }

  /** The visible line drawn at distance `y`, at most the last one. */
  lineAtY(y: number): number {
    let low = 0;
    let high = Math.max(0, this.visible - 1);
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.top(this.lineAt(mid)) <= y) low = mid;
      else high = mid - 1;
    }
    return this.lineAt(low);
  }

  /** Index of the last fold that begins at or before `line`; -1 for none. */
  private foldAtOrBefore(line: number): number {
    let low = 0;
    let high = this.folds.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((this.folds[mid]?.from ?? Infinity) <= line) low = mid + 1;
      else high = mid;
    }
    return low - 1;
  }
}
