import { useQuery } from "@tanstack/react-query";
import { Input } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import type { Environment, Project } from "@/api/contract";
import { TimeAgo } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { useShortcuts } from "@/shared/keys";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, CopyButton, Figure, Figures, StatusIcon, useWord } from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { cli } from "../../cli";
import { CliButton } from "../../components/CliButton";
import { Light, RunStatus } from "../../components/words";
import { paths } from "../../paths";

/** All projects: light, last pipeline, what runs where. */
export default function ProjectsPage() {
  const { t } = useTranslation("delivery");
  const [params, setParams] = useSearchParams();
  const filter = params.get("q") ?? "";
  const projects = useQuery(reads.projects());
  const environments = useQuery(reads.environments());
  useTopics(
    ["list:projects", "list:pipelines", "list:incidents"],
    [["projects"], ["environments"]],
  );
  useShortcuts([
    {
      keys: "/",
      label: t("projects.filter"),
      group: t("keys.list"),
      run: () => document.getElementById("project-filter")?.focus(),
    },
  ]);
  return (
    <>
      <PageHeader
        title={t("menu.projects")}
        name={t("menu.projects")}
        actions={<CliButton command={cli.projects()} />}
      />
      <QueryView query={projects}>
        {({ items }) => (
          <>
            <Summary projects={items} />
            <div className="filters">
              <Input
                id="project-filter"
                allowClear
                aria-label={t("projects.filter")}
                placeholder={t("projects.filter")}
                value={filter}
                onChange={(event) => {
                  const next = new URLSearchParams(params);
                  if (event.target.value) next.set("q", event.target.value);
                  else next.delete("q");
                  setParams(next, { replace: true });
                }}
              />
            </div>
            <Card flush>
              <ProjectGrid
                projects={items.filter((p) =>
                  `${p.path} ${p.name}`.toLowerCase().includes(filter.toLowerCase()),
                )}
                environments={environments.data?.items}
                filtered={filter !== ""}
              />
            </Card>
          </>
        )}
      </QueryView>
    </>
  );
}

function Summary({ projects }: { projects: Project[] }) {
  const { t } = useTranslation("delivery");
  const red = projects.filter((p) => p.light.state === "red").length;
  const running = projects.filter((p) => p.last_pipeline?.status === "running").length;
  const deployments = useQuery(reads.deployments({}));
  const waiting = deployments.data?.items.filter((d) => d.state === "awaiting_approval");
  const mine = waiting?.filter((d) => d.may_approve).length;
  return (
    <Figures>
      <Figure label={t("projects.count")} value={projects.length} />
      <Figure
        label={t("projects.red")}
        value={red}
        {...(red > 0 ? { tone: "bad" as const } : {})}
        note={<Link to={paths.incidents}>{t("menu.incidents")}</Link>}
      />
      <Figure
        label={t("projects.running")}
        value={running}
        note={<Link to={paths.pipelines}>{t("menu.pipelines")}</Link>}
      />
      <Figure
        label={t("projects.waiting")}
        value={waiting?.length ?? "–"}
        note={<Link to={paths.deployments}>{t("projects.waitingMine", { count: mine ?? 0 })}</Link>}
      />
    </Figures>
  );
}

function ProjectGrid({
  projects,
  environments,
  filtered,
}: {
  projects: Project[];
  environments: Environment[] | undefined;
  filtered: boolean;
}) {
  const { t } = useTranslation("delivery");
  const columns: Column<Project>[] = [
    {
      key: "light",
      title: t("project.light"),
      width: "130px",
      cell: (p) => <Light state={p.light.state} since={p.light.since} />,
      value: (p) => p.light.state,
      sortable: true,
    },
    {
      key: "path",
      title: t("project.one"),
      width: "minmax(200px, 1.1fr)",
      cell: (p) => (
        <span className="cell-two">
          <Link className="cell-link" to={paths.project(p.id)}>
            {p.path}
          </Link>
          <span className="ellipsis">{p.description}</span>
        </span>
      ),
      value: (p) => p.path,
      sortable: true,
    },
    {
      key: "pipeline",
      title: t("project.lastPipeline"),
      width: "minmax(250px, 1.4fr)",
      cell: (p) => <LastPipeline project={p} />,
      value: (p) => p.last_pipeline?.status ?? null,
      sortable: true,
    },
    {
      key: "versions",
      title: t("project.versions"),
      width: "minmax(190px, 1fr)",
      cell: (p) => <Versions environments={environments?.filter((e) => e.project_id === p.id)} />,
    },
    {
      key: "clone",
      title: t("project.clone"),
      width: "90px",
      cell: (p) => (
        <CopyButton
          value={p.clone_url}
          label={t("project.copyClone", { path: p.path })}
          text={t("project.cloneShort")}
        />
      ),
      value: (p) => p.clone_url,
    },
  ];
  return (
    <DataGrid
      label={t("menu.projects")}
      rows={projects}
      columns={columns}
      rowKey={(p) => p.id}
      href={(p) => paths.project(p.id)}
      rowHeight={56}
      rowTone={(p) => (p.light.state === "red" ? "bad" : undefined)}
      exportName="projects"
      empty={
        filtered ? (
          <Empty title={t("projects.noneFound")} detail={t("projects.noneFoundNext")} />
        ) : (
          <Empty title={t("projects.none")} detail={<code>rialto delivery project create</code>} />
        )
      }
    />
  );
}

function LastPipeline({ project }: { project: Project }) {
  const { t } = useTranslation("delivery");
  const last = project.last_pipeline;
  if (!last) return <span className="faint">{t("project.noPipeline")}</span>;
  return (
    <span className="row">
      <RunStatus status={last.status} warnings={last.warnings} />
      <span className="cell-two">
        <Link className="cell-link ellipsis" to={paths.pipeline(last.id)}>
          #{last.no} {last.title}
        </Link>
        <span className="ellipsis">
          {last.author.name} · <TimeAgo at={last.created_at} />
        </span>
      </span>
    </span>
  );
}

function Versions({ environments }: { environments: Environment[] | undefined }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  if (!environments || environments.length === 0)
    return <span className="faint">{t("project.notDeployed")}</span>;
  return (
    <span className="chips">
      {environments.map((e) => (
        <Link
          key={e.id}
          to={`${paths.environments}?project=${encodeURIComponent(e.project_id)}`}
          className="env-chip"
        >
          <StatusIcon state={e.state} size={12} label={word("environmentState", e.state)} />
          {e.name} <b>{e.active_release?.version ?? t("environment.nothing")}</b>
        </Link>
      ))}
    </span>
  );
}
