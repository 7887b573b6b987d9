/** `12, 13, 14, 20` as `12–14, 20`. */
export function lineRanges(lines: readonly number[]): string[] {
  const sorted = [...lines].sort((a, b) => a - b);
  const out: string[] = [];
  let start = 0;
  for (let i = 1; i <= sorted.length; i += 1) {
    const previous = sorted[i - 1];
    if (i < sorted.length && sorted[i] === (previous ?? 0) + 1) continue;
    const first = sorted[start];
    out.push(first === previous ? String(first) : `${first}–${previous}`);
    start = i;
  }
  return out;
}
