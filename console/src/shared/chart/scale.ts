/** Pure geometry of plots: scales, round ticks, paths, nearest points. */

export type Point = readonly [x: number, y: number | null];

export interface Scale {
  (value: number): number;
  /** The value at a place of the picture. */
  invert: (at: number) => number;
  domain: readonly [number, number];
}

/** Maps a domain to a range of pixels; a domain of one value lies in the middle. */
export function linear(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [d0, d1] = domain;
  const [r0, r1] = range;
  const width = d1 - d0;
  const scale = (value: number): number =>
    width === 0 ? (r0 + r1) / 2 : r0 + ((value - d0) / width) * (r1 - r0);
  const invert = (at: number): number => (r1 === r0 ? d0 : d0 + ((at - r0) / (r1 - r0)) * width);
  return Object.assign(scale, { invert, domain });
}

/** The finite extent of numbers, or null when there is none. */
export function extent(values: Iterable<number | null | undefined>): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/** The extent with a margin on both sides, so that no line runs along the frame. */
export function padded([low, high]: readonly [number, number], share = 0.06): [number, number] {
  const span = high - low;
  const pad = span > 0 ? span * share : Math.max(Math.abs(low) * share, 1);
  return [low - pad, high + pad];
}

/** The step of round ticks: 1, 2 or 5 times a power of ten. */
export function tickStep(span: number, count: number): number {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const rest = raw / power;
  const factor = rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10;
  return factor * power;
}

/** Round values inside the domain, about `count` of them. */
export function ticks([low, high]: readonly [number, number], count: number): number[] {
  if (!(high > low)) return [low];
  const step = tickStep(high - low, count);
  const found: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) {
    // Adding steps up would carry rounding along: each tick is made anew.
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

export const DAY_MS = 86_400_000;

/** Days since 1970-01-01 of a plain date, without any zone; null when it is none. */
export function dayOf(date: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  if (!match) return null;
  const at = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  const back = new Date(at).toISOString().slice(0, 10);
  return back === date ? at / DAY_MS : null;
}

export function dateOf(day: number): string {
  return new Date(Math.round(day) * DAY_MS).toISOString().slice(0, 10);
}

/** First days of months inside the domain, at most `count`: every, every third, sixth, twelfth. */
export function monthTicks([low, high]: readonly [number, number], count: number): number[] {
  const first = new Date(Math.ceil(low) * DAY_MS);
  const from = first.getUTCFullYear() * 12 + first.getUTCMonth();
  const last = new Date(Math.floor(high) * DAY_MS);
  const to = last.getUTCFullYear() * 12 + last.getUTCMonth();
  const step = [1, 2, 3, 6, 12, 24, 60].find((s) => (to - from) / s <= count) ?? 120;
  const found: number[] = [];
  for (let month = Math.ceil(from / step) * step; month <= to + 1; month += step) {
    const day = Date.UTC(Math.floor(month / 12), month % 12, 1) / DAY_MS;
    if (day >= low && day <= high) found.push(day);
  }
  return found;
}

/** An SVG path; an unknown value breaks the line. `step` holds each value until the next. */
export function pathOf(points: readonly Point[], x: Scale, y: Scale, step = false): string {
  const parts: string[] = [];
  let open = false;
  for (const [px, py] of points) {
    if (py === null || !Number.isFinite(py)) {
      open = false;
      continue;
    }
    const at = `${round(x(px))}`;
    const height = `${round(y(py))}`;
    if (!open) parts.push(`M${at} ${height}`);
    else if (step) parts.push(`H${at}V${height}`);
    else parts.push(`L${at} ${height}`);
    open = true;
  }
  return parts.join("");
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** The value known at exactly the nearest x; null without points. Points are sorted by x. */
export function nearest(points: readonly Point[], x: number): Point | null {
  let low = 0;
  let high = points.length - 1;
  if (high < 0) return null;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.[0] ?? 0) < x) low = middle + 1;
    else high = middle;
  }
  const right = points[low];
  const left = points[low - 1];
  if (right === undefined) return null;
  return left !== undefined && x - left[0] < right[0] - x ? left : right;
}

/** Places for labels so that none overlaps another: pushed apart, kept inside, order kept. */
export function spread(
  places: readonly number[],
  gap: number,
  [low, high]: readonly [number, number],
): number[] {
  const order = places.map((_, i) => i).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  const put = [...places];
  let floor = low;
  for (const i of order) {
    put[i] = Math.max(put[i] ?? 0, floor);
    floor = (put[i] ?? 0) + gap;
  }
  let ceiling = high;
  for (const i of [...order].reverse()) {
    put[i] = Math.min(put[i] ?? 0, ceiling);
    ceiling = (put[i] ?? 0) - gap;
  }
  return put;
}

/** About how wide a text is at 11 px: a Chinese character takes a square, others a little over half. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += (char.codePointAt(0) ?? 0) > 0x2e80 ? 11 : 6.4;
  return Math.ceil(width);
}

/** Where a name stands beside its line: the lane counted from the top, and on which side. */
export interface Place {
  lane: number;
  side: "start" | "end";
  x: number;
}

/** Between a line and its name, and between two names of one lane. */
const BESIDE = 4;
const APART = 6;

/**
 * Names of upright lines, so that none overlaps another: each stands right of its line, else left of
 * it, in the first lane with room, and between the sides of the picture.
 */
export function lanes(
  lines: readonly { at: number; width: number }[],
  [low, high]: readonly [number, number],
): Place[] {
  const taken: (readonly [number, number])[][] = [];
  const put: Place[] = lines.map(() => ({ lane: 0, side: "start", x: low }));
  const order = lines.map((_, i) => i).sort((a, b) => (lines[a]?.at ?? 0) - (lines[b]?.at ?? 0));
  for (const i of order) {
    const { at, width } = lines[i] ?? { at: low, width: 0 };
    const right = [at + BESIDE, at + BESIDE + width] as const;
    const left = [at - BESIDE - width, at - BESIDE] as const;
    const inside = [right, left].filter(([from, to]) => from >= low && to <= high);
    // Wider than both sides have room for: over its line, as far inside as it goes.
    const middle = Math.max(low, Math.min(high - width, at - width / 2));
    const places = inside.length > 0 ? inside : [[middle, middle + width] as const];
    for (let lane = 0; ; lane += 1) {
      const row = (taken[lane] ??= []);
      const free = places.find(([from, to]) =>
        row.every(([f, t]) => to + APART <= f || from >= t + APART),
      );
      if (!free) continue;
      row.push(free);
      const side = free === left ? "end" : "start";
      put[i] = { lane, side, x: side === "end" ? free[1] : free[0] };
      break;
    }
  }
  return put;
}
