import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import { StatusIcon, toneOf } from "../ui";
import {
  CARD,
  type GraphColumn,
  type GraphNode,
  layoutGraph,
  type PlacedNode,
  related,
} from "./layout";
import "./graph.css";

export interface StageNode extends GraphNode {
  state: string;
  stateLabel: string;
  href: string;
  note: ReactNode;
  /** Buttons inside the card. */
  actions?: ReactNode;
}

export interface StageColumn extends GraphColumn<StageNode> {
  state: string;
  stateLabel: string;
}

/** Stages as columns, jobs as cards, `needs` as curves. Arrow keys walk over the jobs. */
export function StageGraph({ label, columns }: { label: string; columns: StageColumn[] }) {
  const layout = useMemo(() => layoutGraph(columns), [columns]);
  const [focus, setFocus] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const lit = useMemo(
    () => (focus === null || layout.edges.length === 0 ? null : related(layout.edges, focus)),
    [focus, layout.edges],
  );

  const onKeyDown = (event: KeyboardEvent) => {
    const active = document.activeElement?.closest<HTMLElement>("[data-node]");
    const here = layout.nodes.find((n) => n.node.id === active?.dataset.node);
    const next = here ? neighbour(layout.nodes, here, event.key) : undefined;
    if (!next) return;
    event.preventDefault();
    box.current
      ?.querySelector<HTMLElement>(`[data-node="${CSS.escape(next.node.id)}"] .graph-link`)
      ?.focus();
  };

  return (
    <div className="graph" ref={box} role="group" aria-label={label} onKeyDown={onKeyDown}>
      <div className="graph-inner" style={{ width: layout.width, height: layout.height }}>
        {columns.map((column, i) => (
          <div
            key={column.name}
            className="graph-stage"
            style={{ left: i * (CARD.width + CARD.channel), width: CARD.width }}
          >
            <StatusIcon state={column.state} size={14} label={column.stateLabel} />
            <span className="ellipsis">{column.name}</span>
            <span className="graph-count">{column.nodes.length}</span>
          </div>
        ))}
        <svg
          className="graph-edges"
          width={layout.width + 40}
          height={layout.height}
          aria-hidden="true"
        >
          {layout.edges.map((edge) => {
            const on = lit !== null && lit.has(edge.from) && lit.has(edge.to);
            return (
              <path
                key={`${edge.from}>${edge.to}`}
                d={edge.path}
                className={on ? "on" : lit ? "dim" : ""}
              />
            );
          })}
        </svg>
        {layout.nodes.map((placed) => (
          <NodeCard
            key={placed.node.id}
            placed={placed}
            dim={lit !== null && !lit.has(placed.node.id)}
            onFocus={setFocus}
          />
        ))}
      </div>
    </div>
  );
}

function NodeCard({
  placed,
  dim,
  onFocus,
}: {
  placed: PlacedNode<StageNode>;
  dim: boolean;
  onFocus: (id: string | null) => void;
}) {
  const { node } = placed;
  return (
    <div
      data-node={node.id}
      className={`graph-node tone-${toneOf(node.state)}${dim ? " dim" : ""}`}
      style={{ left: placed.x, top: placed.y, width: CARD.width, height: CARD.height }}
      onMouseEnter={() => onFocus(node.id)}
      onMouseLeave={() => onFocus(null)}
      onFocus={() => onFocus(node.id)}
      onBlur={() => onFocus(null)}
    >
      <Link to={node.href} className="graph-link" title={`${node.name}: ${node.stateLabel}`}>
        <StatusIcon state={node.state} label={node.stateLabel} />
        <span className="graph-name ellipsis">{node.name}</span>
        <span className="graph-note nums">{node.note}</span>
      </Link>
      {node.actions}
    </div>
  );
}

function neighbour(
  nodes: readonly PlacedNode<StageNode>[],
  here: PlacedNode<StageNode>,
  key: string,
): PlacedNode<StageNode> | undefined {
  const column = { ArrowLeft: here.column - 1, ArrowRight: here.column + 1 }[key];
  if (column !== undefined) {
    const there = nodes.filter((n) => n.column === column);
    return there.reduce<PlacedNode<StageNode> | undefined>(
      (best, n) => (best && Math.abs(best.row - here.row) <= Math.abs(n.row - here.row) ? best : n),
      undefined,
    );
  }
  const row = { ArrowUp: here.row - 1, ArrowDown: here.row + 1 }[key];
  return nodes.find((n) => n.column === here.column && n.row === row);
}
