/** From the server's answers to lines and marks of a plot; texts come in from the page. */
import type { BarrierPoint, Path, Payoff } from "@/api/contract.otc";
import { dayOf, type Mark, type Point, type Series } from "@/shared/chart";

type Ink = Series["ink"];
const INKS: Record<string, Ink> = {
  knock_out: 2,
  ko: 2,
  knock_in: 3,
  ki: 3,
  coupon: 5,
  strike: 6,
  initial: 6,
  spot: 1,
};
export const inkOf = (kind: string): Ink => INKS[kind] ?? 4;

const zip = (x: readonly number[], y: readonly (number | null)[]): Point[] =>
  x.map((at, i) => [at, y[i] ?? null] as const);

/** Payoff at the end, the same once knocked in, and the value now. */
export function payoffSeries(
  payoff: Payoff,
  labels: { payoff: string; knockedIn: string; now: string },
): Series[] {
  const lines: Series[] = [
    { key: "payoff", label: labels.payoff, points: zip(payoff.axis, payoff.payoff), ink: 1 },
  ];
  if (payoff.knocked_in) {
    const points = zip(payoff.axis, payoff.knocked_in);
    lines.push({ key: "knocked_in", label: labels.knockedIn, points, ink: 3, dash: "long" });
  }
  if (payoff.value_now) {
    const points = zip(payoff.axis, payoff.value_now);
    lines.push({ key: "now", label: labels.now, points, ink: 2, dash: "short" });
  }
  return lines;
}

/** Levels as upright marks; equal levels of one kind once. */
export function levelMarks(
  levels: Payoff["levels"],
  name: (kind: string, level: number) => string,
): Mark[] {
  const seen = new Set<string>();
  return levels.flatMap(({ kind, level }) => {
    const key = `${kind}:${level}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ key, label: name(kind, level), at: level, axis: "x" as const, ink: inkOf(kind) }];
  });
}

/** Longer than this between two dates of one level, and the level was watched all the time. */
const WATCHED_DAYS = 40;

/**
 * A level watched day by day is told by its first and last dates: those are joined by a line; all
 * other dates are loose.
 */
export function watched(points: readonly Point[]): { line: Point[]; loose: Point[] } {
  const line: Point[] = [];
  const loose: Point[] = [];
  let joined = false;
  points.forEach((point, i) => {
    const next = points[i + 1];
    const joins = next !== undefined && next[1] === point[1] && next[0] - point[0] > WATCHED_DAYS;
    if (joins || joined) line.push(point);
    else loose.push(point);
    // The line ends here: what comes next begins a new one.
    if (joined && !joins) line.push([point[0], null]);
    joined = joins;
  });
  return { line, loose };
}

/** The fixings so far, each kind of barrier, and the dates on which one was hit. */
export function pathSeries(
  path: Path,
  labels: { fixings: string; kind: (kind: string) => string; hit: (kind: string) => string },
): Series[] {
  const points = path.points.flatMap(({ date, value }): Point[] => {
    const day = dayOf(date);
    return day === null ? [] : [[day, value]];
  });
  const lines: Series[] = [{ key: "fixings", label: labels.fixings, points, ink: 1 }];
  for (const kind of [...new Set(path.barriers.map((b) => b.kind))]) {
    const mine = path.barriers.filter((b) => b.kind === kind && dayOf(b.date) !== null);
    const at = (b: BarrierPoint): Point => [dayOf(b.date) ?? 0, b.level];
    const ink = inkOf(kind);
    const { line, loose } = watched(mine.map(at));
    const hits = new Set(mine.filter((b) => b.hit).map((b) => dayOf(b.date)));
    if (line.length > 0)
      lines.push({
        key: `${kind}:line`,
        label: labels.kind(kind),
        points: line,
        ink,
        dash: "long",
      });
    if (loose.length > 0)
      lines.push({
        key: kind,
        label: labels.kind(kind),
        points: loose,
        ink,
        kind: "dots",
        filled: (i: number) => hits.has(loose[i]?.[0] ?? null),
      });
    const hitOnLine = line.filter(([day, level]) => level !== null && hits.has(day));
    if (hitOnLine.length > 0)
      lines.push({
        key: `${kind}:hit`,
        label: labels.hit(kind),
        points: hitOnLine,
        ink,
        kind: "dots",
        filled: () => true,
      });
  }
  return lines;
}

/** The last fixing, as the date up to which the contract was observed. */
export function observedMark(path: Path, label: string): Mark[] {
  const last = path.points.at(-1);
  const day = last ? dayOf(last.date) : null;
  return day === null ? [] : [{ key: "observed", label, at: day, axis: "x", ink: 6 }];
}
