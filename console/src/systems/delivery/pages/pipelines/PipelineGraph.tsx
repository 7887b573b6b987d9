import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Job, Pipeline } from "@/api/contract";
import { Elapsed } from "@/shared/format";
import { type StageColumn, StageGraph } from "@/shared/graph";
import { Empty } from "@/shared/states";
import { IconAction, useDenied, useWord } from "@/shared/ui";
import { writes } from "../../api";
import { useAction } from "../../components/useAction";
import { paths } from "../../paths";

/** State of a job for showing: a tolerated failure is a warning. */
export function shownState(job: Job): string {
  return job.status === "failed" && job.allow_failure ? "warned" : job.status;
}

/** Stages, jobs and needs of the pipeline; replaced attempts are left out. */
export function PipelineGraph({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const columns = useMemo<StageColumn[]>(
    () =>
      pipeline.stages.map((stage) => ({
        name: stage.name,
        state: stage.status,
        stateLabel: word("status", stage.status),
        nodes: stage.jobs
          .filter((job) => !job.superseded)
          .map((job) => ({
            id: job.id,
            name: job.name,
            needs: job.needs,
            state: shownState(job),
            stateLabel: word("status", shownState(job)),
            href: job.deployment_id ? paths.deployment(job.deployment_id) : paths.job(job.id),
            note:
              job.started_at === null ? null : (
                <Elapsed
                  ms={job.duration_ms}
                  since={job.status === "running" ? job.started_at : null}
                />
              ),
            actions: <JobActions job={job} />,
          })),
      })),
    [pipeline.stages, word],
  );
  if (columns.length === 0) {
    return <Empty title={t("pipeline.noJobs")} detail={t("pipeline.noJobsWhy")} />;
  }
  return <StageGraph label={t("pipeline.graph")} columns={columns} />;
}

/** The one action that makes sense for the job now. */
export function JobActions({ job }: { job: Job }) {
  const { t } = useTranslation("delivery");
  const play = useAction(() => writes.playJob(job.id), t("job.played"));
  const retry = useAction(() => writes.retryJob(job.id), t("job.retried"));
  const cancel = useAction(() => writes.cancelJob(job.id), t("job.cancelAsked"));
  const denied = useDenied()("delivery.pipeline.run");
  const action = job.playable
    ? { icon: "play" as const, label: t("job.play", { name: job.name }), run: play }
    : job.cancelable
      ? { icon: "stop" as const, label: t("job.cancel", { name: job.name }), run: cancel }
      : job.retryable
        ? { icon: "retry" as const, label: t("job.retry", { name: job.name }), run: retry }
        : null;
  if (!action) return null;
  return (
    <IconAction
      icon={action.icon}
      size={13}
      label={action.label}
      busy={action.run.isPending}
      whyNot={denied}
      onClick={() => action.run.mutate(undefined)}
    />
  );
}
