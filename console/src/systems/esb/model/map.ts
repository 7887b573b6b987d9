import type { CallEdge } from "@/api/contract.esb";

/** A caller, an interface or a system on the map. */
export interface MapNode {
  id: string;
  label: string;
  column: 0 | 1 | 2;
  y: number;
  height: number;
  requests: number;
}

/** Traffic between two of them. */
export interface MapLink {
  id: string;
  from: string;
  to: string;
  path: string;
  width: number;
  requests: number;
  failed: number;
}

export interface CallMap {
  nodes: MapNode[];
  links: MapLink[];
  width: number;
  height: number;
}

export const BOX = { width: 190, least: 26, gap: 12, channel: 130, head: 28 };
const THINNEST = 1.5;
const THICKEST = 18;

/** Who calls where anybody may call. */
export const ANYBODY = "";

interface Sum {
  label: string;
  requests: number;
}

function add(all: Map<string, Sum>, id: string, label: string, requests: number): void {
  const known = all.get(id);
  if (known) known.requests += requests;
  else all.set(id, { label, requests });
}

/**
 * Callers on the left, interfaces in the middle, the systems that provide them on the right; a
 * link's width grows with the logarithm of its calls. The busiest stand on top.
 */
export function callMap(
  edges: readonly CallEdge[],
  anybody: string,
  systemName: (edge: CallEdge) => string,
): CallMap {
  const columns: [Map<string, Sum>, Map<string, Sum>, Map<string, Sum>] = [
    new Map(),
    new Map(),
    new Map(),
  ];
  const sums = new Map<string, { from: string; to: string; requests: number; failed: number }>();
  const join = (from: string, to: string, edge: CallEdge): void => {
    const id = `${from}→${to}`;
    const known = sums.get(id);
    if (known) {
      known.requests += edge.requests;
      known.failed += edge.failed;
    } else sums.set(id, { from, to, requests: edge.requests, failed: edge.failed });
  };
  for (const edge of edges) {
    const caller = `0:${edge.application ?? ANYBODY}`;
    const target = `1:${edge.interface}`;
    const system = `2:${edge.system}`;
    add(columns[0], caller, edge.application_name ?? edge.application ?? anybody, edge.requests);
    add(columns[1], target, edge.interface, edge.requests);
    add(columns[2], system, systemName(edge) || edge.system, edge.requests);
    join(caller, target, edge);
    join(target, system, edge);
  }
  const most = Math.max(1, ...[...sums.values()].map((one) => one.requests));
  const wide = (requests: number): number =>
    THINNEST + ((THICKEST - THINNEST) * Math.log1p(requests)) / Math.log1p(most);
  const nodes = columns.flatMap((column, n) => place(column, n as 0 | 1 | 2));
  const at = new Map(nodes.map((node) => [node.id, node]));
  const links: MapLink[] = [];
  for (const [id, one] of sums) {
    const [from, to] = [at.get(one.from), at.get(one.to)];
    if (!from || !to) continue;
    const x = from.column * (BOX.width + BOX.channel) + BOX.width;
    const [y0, y1] = [from.y + from.height / 2, to.y + to.height / 2];
    const bend = BOX.channel / 2;
    links.push({
      id,
      ...one,
      width: wide(one.requests),
      path: `M${x},${y0}C${x + bend},${y0} ${x + bend},${y1} ${x + BOX.channel},${y1}`,
    });
  }
  const height = Math.max(BOX.head, ...nodes.map((node) => node.y + node.height));
  return { nodes, links, width: 3 * BOX.width + 2 * BOX.channel, height: height + 2 };
}

function place(column: Map<string, Sum>, n: 0 | 1 | 2): MapNode[] {
  const sorted = [...column].sort(
    ([a, x], [b, y]) => y.requests - x.requests || a.localeCompare(b),
  );
  let y = BOX.head;
  return sorted.map(([id, one]) => {
    const node = { id, label: one.label, column: n, y, height: BOX.least, requests: one.requests };
    y += BOX.least + BOX.gap;
    return node;
  });
}
