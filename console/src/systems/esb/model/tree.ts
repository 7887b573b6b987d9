import type { Branch, Facet } from "@/api/contract.esb";

/** A branch with the number of interfaces in it and below it. */
export interface Counted {
  path: string;
  name: Branch["name"];
  count: number;
  children: Counted[];
}

/** The tree with what fits by its place. */
export function withCounts(branches: readonly Branch[], facets: readonly Facet[]): Counted[] {
  const own = new Map(facets.map((facet) => [facet.taxonomy, facet.count]));
  const count = (branch: Branch): Counted => {
    const children = branch.children.map(count);
    const inner = children.reduce((sum, child) => sum + child.count, 0);
    return {
      path: branch.path,
      name: branch.name,
      count: (own.get(branch.path) ?? 0) + inner,
      children,
    };
  };
  return branches.map(count);
}

/** Every branch with the branches that lead to it, itself the last. */
export function below(
  branches: readonly Branch[],
  above: Branch[] = [],
): { branch: Branch; trail: Branch[] }[] {
  return branches.flatMap((branch) => {
    const trail = [...above, branch];
    return [{ branch, trail }, ...below(branch.children, trail)];
  });
}

const DAY_MS = 86_400_000;
const ZONE_MS = 8 * 3_600_000;

/** A day so many days from today in the zone of the house (UTC+8), `2026-05-18`. */
export const inDays = (days: number, now: number): string =>
  new Date(now + ZONE_MS + days * DAY_MS).toISOString().slice(0, 10);
