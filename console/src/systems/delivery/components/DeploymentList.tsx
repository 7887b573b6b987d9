import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Deployment } from "@/api/contract";
import { Elapsed, TimeAgo } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Tag, useWord } from "@/shared/ui";
import { reads } from "../api";
import { paths } from "../paths";
import { DeploymentState } from "./words";

/** The last deployments of an environment, short. */
export function DeploymentList({
  filter,
  limit,
}: {
  filter: { environment_id: string };
  limit: number;
}) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const query = useQuery(reads.deployments(filter));
  return (
    <QueryView query={query} rows={3}>
      {({ items }) =>
        items.length === 0 ? (
          <p className="faint">{t("deployment.none")}</p>
        ) : (
          <ul className="mini-list">
            {items.slice(0, limit).map((d) => (
              <li key={d.id}>
                <DeploymentState state={d.state} plain />
                <Link className="cell-link ellipsis" to={paths.deployment(d.id)}>
                  #{d.no} {word("deploymentKind", d.kind)} {d.release.version}
                </Link>
                <span className="faint nowrap">
                  {d.requested_by?.name ?? t("deployment.automatic")} ·{" "}
                  <TimeAgo at={d.created_at} />
                </span>
              </li>
            ))}
          </ul>
        )
      }
    </QueryView>
  );
}

/** Deployments as a full list. */
export function DeploymentGrid({ rows }: { rows: Deployment[] }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const columns: Column<Deployment>[] = [
    {
      key: "state",
      title: t("deployment.state"),
      width: "150px",
      cell: (d) => <DeploymentState state={d.state} />,
      value: (d) => d.state,
      sortable: true,
    },
    {
      key: "what",
      title: t("deployment.one"),
      width: "minmax(220px, 1.5fr)",
      cell: (d) => (
        <span className="cell-two">
          <Link className="cell-link ellipsis" to={paths.deployment(d.id)}>
            #{d.no} {word("deploymentKind", d.kind)} {d.release.version}
          </Link>
          <span className="ellipsis">{d.project_path}</span>
        </span>
      ),
      value: (d) => `#${d.no} ${d.release.version}`,
    },
    {
      key: "environment",
      title: t("environment.one"),
      width: "120px",
      cell: (d) => <Tag>{d.environment.name}</Tag>,
      value: (d) => d.environment.name,
      sortable: true,
    },
    {
      key: "by",
      title: t("deployment.requestedBy"),
      width: "minmax(110px, 0.8fr)",
      cell: (d) => d.requested_by?.name ?? t("deployment.automatic"),
      value: (d) => d.requested_by?.name ?? null,
    },
    {
      key: "approvals",
      title: t("deployment.approvals"),
      width: "110px",
      cell: (d) =>
        d.required_approvals === 0
          ? t("deployment.noApproval")
          : `${d.approvals.filter((a) => a.decision === "approved").length} / ${d.required_approvals}`,
      value: (d) => d.approvals.length,
    },
    {
      key: "duration",
      title: t("pipeline.duration"),
      width: "100px",
      align: "end",
      cell: (d) => <Elapsed ms={durationOf(d)} since={d.finished_at ? null : d.started_at} />,
      value: durationOf,
      sortable: true,
    },
    {
      key: "created",
      title: t("deployment.createdAt"),
      width: "110px",
      align: "end",
      cell: (d) => <TimeAgo at={d.created_at} />,
      value: (d) => d.created_at,
      sortable: true,
    },
  ];
  return (
    <DataGrid
      label={t("menu.deployments")}
      rows={rows}
      columns={columns}
      rowKey={(d) => d.id}
      href={(d) => paths.deployment(d.id)}
      rowHeight={52}
      rowTone={(d) => (d.may_approve ? "wait" : undefined)}
      exportName="deployments"
      empty={<Empty title={t("deployment.none")} detail={t("deployment.noneNext")} />}
    />
  );
}

export function durationOf(d: Deployment): number | null {
  if (!d.started_at || !d.finished_at) return null;
  return Date.parse(d.finished_at) - Date.parse(d.started_at);
}
