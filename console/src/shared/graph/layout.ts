/** A job in the graph. */
export interface GraphNode {
  id: string;
  /** Names by which edges refer to it. */
  name: string;
  /** Explicit predecessors by name; null when the stage order alone decides. */
  needs: string[] | null;
}

export interface GraphColumn<T extends GraphNode> {
  name: string;
  nodes: T[];
}

export interface PlacedNode<T> {
  node: T;
  x: number;
  y: number;
  column: number;
  row: number;
}

export interface Edge {
  from: string;
  to: string;
  path: string;
}

export interface Layout<T> {
  nodes: PlacedNode<T>[];
  edges: Edge[];
  width: number;
  height: number;
}

export const CARD = { width: 216, height: 38, gap: 8, channel: 56, head: 34 };

/** Columns by stage, one row per job, a curve per `needs`. */
export function layoutGraph<T extends GraphNode>(columns: readonly GraphColumn<T>[]): Layout<T> {
  const nodes: PlacedNode<T>[] = [];
  const byName = new Map<string, PlacedNode<T>>();
  let height = 0;
  columns.forEach((stage, column) => {
    stage.nodes.forEach((node, row) => {
      const placed = {
        node,
        column,
        row,
        x: column * (CARD.width + CARD.channel),
        y: CARD.head + row * (CARD.height + CARD.gap),
      };
      nodes.push(placed);
      byName.set(node.name, placed);
      height = Math.max(height, placed.y + CARD.height);
    });
  });
  const edges: Edge[] = [];
  for (const target of nodes) {
    for (const name of target.node.needs ?? []) {
      const source = byName.get(name);
      if (source)
        edges.push({ from: source.node.id, to: target.node.id, path: curve(source, target) });
    }
  }
  const width = Math.max(1, columns.length) * (CARD.width + CARD.channel) - CARD.channel;
  return { nodes, edges, width, height };
}

/** From the right edge of the source to the left edge of the target; within one stage around the side. */
function curve(source: PlacedNode<unknown>, target: PlacedNode<unknown>): string {
  const y1 = source.y + CARD.height / 2;
  const y2 = target.y + CARD.height / 2;
  const x1 = source.x + CARD.width;
  if (source.column >= target.column) {
    const x2 = target.x + CARD.width;
    return `M${x1} ${y1}C${x1 + 36} ${y1} ${x2 + 36} ${y2} ${x2} ${y2}`;
  }
  const x2 = target.x;
  const bend = CARD.channel * 0.6;
  // A long edge runs straight through the channel next to its target, so that cards stay readable.
  const turn = x2 - CARD.channel;
  const lead = turn > x1 ? `L${turn} ${y1}` : "";
  const from = turn > x1 ? turn : x1;
  return `M${x1} ${y1}${lead}C${from + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** Everything the job waits for and everything that waits for it, over explicit needs. */
export function related(edges: readonly Edge[], id: string): Set<string> {
  const seen = new Set([id]);
  const walk = (from: "from" | "to", to: "from" | "to") => {
    const queue = [id];
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      for (const edge of edges) {
        if (edge[from] !== at || seen.has(edge[to])) continue;
        seen.add(edge[to]);
        queue.push(edge[to]);
      }
    }
  };
  walk("from", "to");
  walk("to", "from");
  return seen;
}
