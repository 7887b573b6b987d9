import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { get } from "@/api/client";
import type { List, PipelineSummary, Project } from "@/api/contract";
import { Elapsed, TimeAgo } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { useLive } from "@/shared/live";
import { Empty, QueryView } from "@/shared/states";
import { Icon, useWord } from "@/shared/ui";
import { BASE } from "../api";
import { paths } from "../paths";
import { RunStatus } from "./words";

const STATUSES = ["running", "pending", "success", "failed", "canceled", "manual", "skipped"];
const PAGE = 50;

/** Pipelines, newest first; of one project or of all. Filter and branch are in the address. */
export function PipelineList({ project }: { project?: Project }) {
  const { t } = useTranslation("delivery");
  const [params, setParams] = useSearchParams();
  const status = params.get("status") ?? "";
  const ref = params.get("ref") ?? "";
  const client = useQueryClient();
  const queryKey = ["delivery", "pipelines", "list", project?.id ?? "all", ref, status];
  const query = useInfiniteQuery({
    queryKey,
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      get<List<PipelineSummary>>(
        `${BASE}/pipelines`,
        { project_id: project?.id, ref, status, page_size: PAGE, page_token: pageParam },
        signal,
      ),
    getNextPageParam: (page) => page.next_page_token ?? undefined,
  });
  useLive(BASE, ["list:pipelines"], () => void client.invalidateQueries({ queryKey }));
  const set = (name: string, value: string | undefined) => {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    setParams(next, { replace: true });
  };
  const columns = useColumns(project === undefined);
  return (
    <>
      <div className="filters list-filters">
        <Select
          aria-label={t("pipeline.status")}
          placeholder={t("pipeline.status")}
          allowClear
          style={{ width: 150 }}
          value={status || null}
          onChange={(value) => set("status", value ?? undefined)}
          options={STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))}
        />
        <Input
          aria-label={t("pipeline.ref")}
          placeholder={t("pipeline.ref")}
          allowClear
          defaultValue={ref}
          onPressEnter={(event) => set("ref", event.currentTarget.value.trim())}
          onChange={(event) => {
            if (event.target.value === "") set("ref", undefined);
          }}
        />
      </div>
      <QueryView query={query}>
        {({ pages }) => (
          <DataGrid
            label={t("menu.pipelines")}
            rows={pages.flatMap((page) => page.items)}
            columns={columns}
            rowKey={(p) => p.id}
            href={(p) => paths.pipeline(p.id)}
            rowHeight={52}
            exportName="pipelines"
            more={
              query.hasNextPage
                ? { load: () => void query.fetchNextPage(), busy: query.isFetchingNextPage }
                : null
            }
            empty={<Empty title={t("pipeline.none")} detail={t("pipeline.noneNext")} />}
          />
        )}
      </QueryView>
    </>
  );
}

function useColumns(withProject: boolean): Column<PipelineSummary>[] {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  return [
    {
      key: "status",
      title: t("pipeline.status"),
      width: "132px",
      cell: (p) => <RunStatus status={p.status} warnings={p.warnings} />,
      value: (p) => p.status,
    },
    {
      key: "title",
      title: t("pipeline.one"),
      width: "minmax(240px, 2fr)",
      cell: (p) => (
        <span className="cell-two">
          <Link className="cell-link ellipsis" to={paths.pipeline(p.id)}>
            #{p.no} {p.title}
          </Link>
          <span className="commit-line">
            {withProject && <span className="ellipsis">{p.project_path}</span>}
            <Icon name="branch" size={12} />
            <span className="ellipsis">{p.ref}</span>
            <Icon name="commit" size={12} />
            <code>{p.short_sha}</code>
          </span>
        </span>
      ),
      value: (p) => `#${p.no} ${p.title}`,
    },
    {
      key: "author",
      title: t("pipeline.author"),
      width: "minmax(110px, 0.7fr)",
      cell: (p) => <span className="ellipsis">{p.author.name}</span>,
      value: (p) => p.author.name,
    },
    {
      key: "source",
      title: t("pipeline.source"),
      width: "110px",
      cell: (p) => word("source", p.source),
      value: (p) => p.source,
    },
    {
      key: "duration",
      title: t("pipeline.duration"),
      width: "100px",
      align: "end",
      cell: (p) => (
        <Elapsed ms={p.duration_ms} since={p.status === "running" ? p.started_at : null} />
      ),
      value: (p) => p.duration_ms,
    },
    {
      key: "created",
      title: t("pipeline.created_at"),
      width: "110px",
      align: "end",
      cell: (p) => <TimeAgo at={p.created_at} />,
      value: (p) => p.created_at,
    },
  ];
}
