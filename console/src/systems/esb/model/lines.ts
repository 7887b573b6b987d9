/** A line of a comparison: in both, taken away or added, with its numbers on both sides. */
export interface DiffLine {
  kind: "same" | "gone" | "new";
  text: string;
  /** From 1; null where it is not on that side. */
  old: number | null;
  now: number | null;
}

/** More differing lines than this are shown as one block taken away and one added. */
const MOST_STEPS = 600;

/** Where each side ends on the furthest paths of every number of steps (Myers, 1986). */
function trace(a: readonly string[], b: readonly string[]): Map<number, number>[] | null {
  const ends = new Map([[1, 0]]);
  const taken: Map<number, number>[] = [];
  const most = Math.min(a.length + b.length, MOST_STEPS);
  for (let steps = 0; steps <= most; steps += 1) {
    taken.push(new Map(ends));
    for (let k = -steps; k <= steps; k += 2) {
      let x = isDown(ends, k, steps) ? (ends.get(k + 1) ?? 0) : (ends.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      ends.set(k, x);
      if (x >= a.length && x - k >= b.length) return taken;
    }
  }
  return null;
}

/** Whether the furthest path to a diagonal came by an added line. */
const isDown = (ends: Map<number, number>, k: number, steps: number): boolean =>
  k === -steps || (k !== steps && (ends.get(k - 1) ?? -1) < (ends.get(k + 1) ?? -1));

type Pair = [old: number | null, now: number | null];

/** Pairs of positions from 0, in order; null on the side where a line is not. */
function pairs(a: readonly string[], b: readonly string[]): Pair[] {
  const taken = trace(a, b);
  if (!taken) return [...a.map((_, x): Pair => [x, null]), ...b.map((_, y): Pair => [null, y])];
  const found: Pair[] = [];
  let [x, y] = [a.length, b.length];
  for (let steps = taken.length - 1; steps >= 0; steps -= 1) {
    const ends = taken[steps] ?? new Map<number, number>();
    const k = x - y;
    const from = isDown(ends, k, steps) ? k + 1 : k - 1;
    const fromX = steps === 0 ? 0 : (ends.get(from) ?? 0);
    const fromY = steps === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) found.push([(x -= 1), (y -= 1)]);
    if (steps === 0) break;
    if (x > fromX) found.push([(x -= 1), null]);
    else found.push([null, (y -= 1)]);
  }
  return found.reverse();
}

/** What became of a text, line by line, with as few differences as there can be. */
export function compareLines(old: string, now: string): DiffLine[] {
  const [a, b] = [old.split("\n"), now.split("\n")];
  let [head, tail] = [0, 0];
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  const rest = Math.min(a.length, b.length) - head;
  while (tail < rest && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const line = ([x, y]: Pair): DiffLine => ({
    kind: y === null ? "gone" : x === null ? "new" : "same",
    text: (x === null ? b[y ?? 0] : a[x]) ?? "",
    old: x === null ? null : x + 1,
    now: y === null ? null : y + 1,
  });
  const shift = ([x, y]: Pair): Pair => [
    x === null ? null : x + head,
    y === null ? null : y + head,
  ];
  return [
    ...Array.from({ length: head }, (_, i): Pair => [i, i]),
    ...pairs(a.slice(head, a.length - tail), b.slice(head, b.length - tail)).map(shift),
    ...Array.from({ length: tail }, (_, i): Pair => [a.length - tail + i, b.length - tail + i]),
  ].map(line);
}

/** Without the lines far from any difference: `null` stands for some that were left out. */
export function around(lines: readonly DiffLine[], context = 3): (DiffLine | null)[] {
  const near = new Set<number>();
  lines.forEach((line, i) => {
    if (line.kind === "same") return;
    for (let j = i - context; j <= i + context; j += 1) near.add(j);
  });
  const shown: (DiffLine | null)[] = [];
  lines.forEach((line, i) => {
    if (near.has(i)) shown.push(line);
    else if (shown.at(-1) !== null) shown.push(null);
  });
  return shown;
}

/** Position of a place in a text; line and column from 1, past its end the last there is. */
export function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const inLine = Math.min(column - 1, lines[line - 1]?.length ?? 0);
  return Math.min(before + inLine, text.length);
}
