import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import type { Release } from "@/api/contract";
import { TimeAgo, useFormat } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, Hash, StatusIcon, useWord } from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { cli } from "../../cli";
import { CliButton, LinkButton } from "../../components/CliButton";
import { VerdictLink } from "../../components/words";
import { paths } from "../../paths";

/** Versions that were built once, with their digest and where they went. */
export default function ReleasesPage() {
  const { t } = useTranslation("delivery");
  const [params] = useSearchParams();
  const query = useQuery(reads.releases(params.get("project") ?? undefined));
  useTopics(["list:pipelines"], [["releases"]]);
  const columns = useColumns();
  return (
    <>
      <PageHeader
        title={t("menu.releases")}
        name={t("menu.releases")}
        actions={
          <>
            <CliButton command={cli.releases()} />
            <LinkButton />
          </>
        }
      />
      <Card flush>
        <QueryView query={query}>
          {({ items }) => (
            <DataGrid
              label={t("menu.releases")}
              rows={items}
              columns={columns}
              rowKey={(r) => r.id}
              href={(r) => paths.release(r.id)}
              rowHeight={50}
              exportName="releases"
              empty={<Empty title={t("release.none")} detail={t("release.noneNext")} />}
            />
          )}
        </QueryView>
      </Card>
    </>
  );
}

function useColumns(): Column<Release>[] {
  const { t } = useTranslation("delivery");
  const format = useFormat();
  return [
    {
      key: "version",
      title: t("release.version"),
      width: "minmax(190px, 1.1fr)",
      cell: (r) => (
        <span className="cell-two">
          <Link className="cell-link" to={paths.release(r.id)}>
            {r.version}
          </Link>
          <span className="ellipsis">{r.project_path}</span>
        </span>
      ),
      value: (r) => r.version,
      sortable: true,
    },
    {
      key: "digest",
      title: t("release.digest"),
      width: "170px",
      cell: (r) => <Hash value={r.digest} label={t("copy.digest")} length={12} />,
      value: (r) => r.digest,
    },
    {
      key: "sha",
      title: t("release.sha"),
      width: "120px",
      cell: (r) => <Hash value={r.sha} label={t("copy.sha")} />,
      value: (r) => r.sha,
    },
    {
      key: "verdict",
      title: t("pipeline.gate"),
      width: "130px",
      cell: (r) => <VerdictLink verdict={r.verdict} pipelineId={r.pipeline_id} />,
      value: (r) => r.verdict?.result ?? null,
    },
    {
      key: "deployments",
      title: t("menu.deployments"),
      width: "minmax(200px, 1.2fr)",
      cell: (r) => <Deployed release={r} />,
    },
    {
      key: "size",
      title: t("release.size"),
      width: "90px",
      align: "end",
      cell: (r) => <span className="nums">{format.bytes(r.artifact.size)}</span>,
      value: (r) => r.artifact.size,
      sortable: true,
    },
    {
      key: "created",
      title: t("release.createdAt"),
      width: "110px",
      align: "end",
      cell: (r) => <TimeAgo at={r.created_at} />,
      value: (r) => r.created_at,
      sortable: true,
    },
  ];
}

/** Where the release went, one chip per deployment. */
export function Deployed({ release }: { release: Release }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  if (release.deployments.length === 0)
    return <span className="faint">{t("release.nowhere")}</span>;
  return (
    <span className="chips">
      {release.deployments.map((d) => (
        <Link key={d.id} className="env-chip" to={paths.deployment(d.id)}>
          <StatusIcon state={d.state} size={12} label={word("deploymentState", d.state)} />
          {d.environment}
        </Link>
      ))}
    </span>
  );
}
