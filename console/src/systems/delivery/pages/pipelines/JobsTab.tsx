import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Job, Pipeline } from "@/api/contract";
import { Elapsed } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty } from "@/shared/states";
import { Card, Tag, useWord } from "@/shared/ui";
import { RunStatus } from "../../components/words";
import { paths } from "../../paths";
import { JobActions, shownState } from "./PipelineGraph";

/** All jobs of the pipeline as a list, earlier attempts included. */
export default function JobsTab({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const columns: Column<Job>[] = [
    {
      key: "status",
      title: t("pipeline.status"),
      width: "132px",
      cell: (job) => <RunStatus status={shownState(job)} />,
      value: (job) => job.status,
      sortable: true,
    },
    {
      key: "name",
      title: t("job.one"),
      width: "minmax(200px, 1.6fr)",
      cell: (job) => (
        <span className="row">
          <Link className="cell-link ellipsis" to={paths.job(job.id)}>
            {job.name}
          </Link>
          {job.attempt > 1 && <Tag>{t("job.attempt", { no: job.attempt })}</Tag>}
          {job.superseded && <Tag>{t("job.superseded")}</Tag>}
        </span>
      ),
      value: (job) => job.name,
      sortable: true,
    },
    {
      key: "stage",
      title: t("job.stage"),
      width: "130px",
      cell: (job) => job.stage,
      value: (job) => job.stage,
    },
    {
      key: "failure",
      title: t("job.failure"),
      width: "minmax(160px, 1.2fr)",
      cell: (job) => (job.failure_reason ? word("failureReason", job.failure_reason) : ""),
      value: (job) => job.failure_reason,
    },
    {
      key: "duration",
      title: t("pipeline.duration"),
      width: "100px",
      align: "end",
      cell: (job) => (
        <Elapsed ms={job.duration_ms} since={job.status === "running" ? job.started_at : null} />
      ),
      value: (job) => job.duration_ms,
      sortable: true,
    },
    {
      key: "actions",
      title: t("grid.actions"),
      hiddenTitle: true,
      width: "40px",
      cell: (job) => <JobActions job={job} />,
    },
  ];
  return (
    <Card flush>
      <DataGrid
        label={t("pipeline.jobs")}
        rows={pipeline.stages.flatMap((stage) => stage.jobs)}
        columns={columns}
        rowKey={(job) => job.id}
        href={(job) => paths.job(job.id)}
        exportName={`pipeline-${pipeline.no}-jobs`}
        empty={<Empty title={t("pipeline.noJobs")} detail={t("pipeline.noJobsWhy")} />}
      />
    </Card>
  );
}
