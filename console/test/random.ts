/** Small seeded generator (mulberry32): the same numbers in every run. */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const below = (next: () => number, limit: number): number => Math.floor(next() * limit);

export function pick<T>(next: () => number, list: readonly T[]): T {
  const item = list[below(next, list.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}
