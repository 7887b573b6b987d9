import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { CallEdge } from "@/api/contract.esb";
import { useFormat, useSaid } from "@/shared/format";
import { BOX, callMap, type MapLink } from "../../model/map";

/** Callers, interfaces and systems, joined by the traffic between them. */
export function SystemMap({ edges, label }: { edges: readonly CallEdge[]; label: string }) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const said = useSaid();
  const [chosen, setChosen] = useState<string | null>(null);
  const map = useMemo(
    () => callMap(edges, t("calls.anybody"), (edge) => said(edge.system_name) ?? ""),
    [edges, t, said],
  );
  const near = (link: MapLink): boolean => link.from === chosen || link.to === chosen;
  const look = (link: MapLink): string =>
    [chosen === null ? "" : near(link) ? "on" : "dim", link.failed > 0 ? "failing" : ""].join(" ");
  const heads = [t("calls.callers"), t("menu.interfaces"), t("menu.systems")];
  return (
    <div className="call-map">
      <svg width={map.width} height={map.height} role="img" aria-label={label}>
        {heads.map((head, n) => (
          <text key={head} className="head" x={n * (BOX.width + BOX.channel)} y={14}>
            {head}
          </text>
        ))}
        {map.links.map((link) => (
          <path key={link.id} d={link.path} strokeWidth={link.width} className={look(link)}>
            <title>
              {t("calls.link", {
                calls: format.integer(link.requests),
                failed: format.integer(link.failed),
              })}
            </title>
          </path>
        ))}
        {map.nodes.map((node) => (
          <g
            key={node.id}
            transform={`translate(${node.column * (BOX.width + BOX.channel)},${node.y})`}
            className={node.id === chosen ? "on" : ""}
            onMouseEnter={() => setChosen(node.id)}
            onMouseLeave={() => setChosen(null)}
          >
            <title>{`${node.label}: ${t("calls.count", { calls: format.integer(node.requests) })}`}</title>
            <rect width={BOX.width} height={node.height} rx={6} />
            <text x={10} y={17}>
              {node.label.length > 22 ? `${node.label.slice(0, 21)}…` : node.label}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}
