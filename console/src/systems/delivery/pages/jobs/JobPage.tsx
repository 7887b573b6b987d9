import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import type { JobDetail, LogSection } from "@/api/contract";
import { usePageCommands } from "@/shared/keys";
import { useSaid } from "@/shared/format";
import { useLive } from "@/shared/live";
import { LogViewer } from "@/shared/log";
import { PageHeader } from "@/shared/record";
import { QueryView } from "@/shared/states";
import { useThemeName } from "@/shared/theme/theme";
import { ActionButton, Icon, toneOf, useDenied, useWord } from "@/shared/ui";
import { BASE, log, reads, writes } from "../../api";
import { cli } from "../../cli";
import { CliButton, LinkButton } from "../../components/CliButton";
import { useAction } from "../../components/useAction";
import { RunStatus } from "../../components/words";
import { paths } from "../../paths";
import { shownState } from "../pipelines/PipelineGraph";
import { JobSide } from "./JobSide";

const DONE = new Set(["success", "failed", "canceled", "skipped"]);

export default function JobPage() {
  const { id = "" } = useParams();
  const client = useQueryClient();
  const [tick, setTick] = useState(0);
  const job = useQuery(reads.job(id));
  const sections = useQuery(reads.logSections(id));
  useLive(BASE, [`job:${id}`], () => {
    setTick((n) => n + 1);
    void client.invalidateQueries({ queryKey: ["delivery", "job", id] });
  });
  return (
    <QueryView query={job}>
      {(data) => (
        <JobView key={data.id} job={data} sections={sections.data?.items ?? NONE} tick={tick} />
      )}
    </QueryView>
  );
}

const NONE: LogSection[] = [];

function JobView({
  job,
  sections,
  tick,
}: {
  job: JobDetail;
  sections: LogSection[];
  tick: number;
}) {
  const { t } = useTranslation("delivery");
  const dark = useThemeName() === "dark";
  const read = useCallback(
    (from: number, count: number) => log.lines(job.id, from, count),
    [job.id],
  );
  const search = useCallback(
    (query: string, signal: AbortSignal) => log.search(job.id, query, signal),
    [job.id],
  );
  const isLive = !DONE.has(job.status);
  const infos = useMemo(() => sections, [sections]);
  return (
    <>
      <PageHeader
        title={job.name}
        name={`${job.name} #${job.pipeline.no}`}
        crumbs={[
          { label: job.pipeline.project_path, to: paths.project(job.project_id) },
          {
            label: `#${job.pipeline.no} ${job.pipeline.title}`,
            to: paths.pipeline(job.pipeline_id),
          },
        ]}
        badges={<RunStatus status={shownState(job)} />}
        actions={<Actions job={job} />}
      />
      <Failure job={job} />
      <Waiting job={job} />
      <div className="job-page">
        <div className="log-holder">
          <LogViewer
            label={t("job.log", { name: job.name })}
            read={read}
            search={search}
            sections={infos}
            tick={tick}
            live={isLive}
            dark={dark}
            rawUrl={log.rawUrl(job.id)}
            rawName={`${job.name.replaceAll(/[^\w.-]+/g, "-")}.log`}
            focusLine={job.failing_line?.line}
          />
        </div>
        <JobSide job={job} sections={sections} />
      </div>
    </>
  );
}

function Failure({ job }: { job: JobDetail }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const message = useSaid()(job.failure_text, job.failure_message);
  if (!job.failure_reason) return null;
  const line = job.failing_line;
  return (
    <div className={`notice tone-${toneOf(shownState(job))}`} role="note">
      <Icon name="warning" size={16} />
      <div className="grow">
        <b>{word("failureReason", job.failure_reason)}</b>
        {job.exit_code !== null && <> · {t("job.exitCode", { code: job.exit_code })}</>}
        {message && <div>{message}</div>}
        {line && (
          <Link to={{ hash: `#L${line.line + 1}` }}>
            <code className="failing-line">
              {line.line + 1}: {line.text}
            </code>
          </Link>
        )}
      </div>
    </div>
  );
}

/** Why nothing happens: no runner that is there can take the job. */
function Waiting({ job }: { job: JobDetail }) {
  const { t } = useTranslation("delivery");
  const message = useSaid()(job.waiting_text, job.waiting_reason);
  if (!message) return null;
  return (
    <div className="notice tone-wait" role="note">
      <Icon name="warning" size={16} />
      <div className="grow">
        <b>{t("job.waitsForRunner")}</b>
        <div>{message}</div>
      </div>
    </div>
  );
}

function Actions({ job }: { job: JobDetail }) {
  const { t } = useTranslation("delivery");
  const play = useAction(() => writes.playJob(job.id), t("job.played"));
  const retry = useAction(() => writes.retryJob(job.id), t("job.retried"));
  const cancel = useAction(() => writes.cancelJob(job.id), t("job.cancelAsked"));
  const denied = useDenied()("delivery.pipeline.run");
  const whyNoRetry = denied ?? (job.retryable ? null : t("job.whyNoRetry"));
  usePageCommands(
    whyNoRetry
      ? []
      : [
          {
            id: "job:retry",
            label: t("job.retryShort"),
            group: t("job.one"),
            keywords: "retry chongshi",
            run: () => retry.mutate(undefined),
          },
        ],
  );
  return (
    <>
      <CliButton command={cli.jobLog(job.id)} />
      <LinkButton />
      {job.playable && (
        <ActionButton
          primary
          icon="play"
          busy={play.isPending}
          whyNot={denied}
          onClick={() => play.mutate(undefined)}
        >
          {t("job.playShort")}
        </ActionButton>
      )}
      <ActionButton
        icon="retry"
        busy={retry.isPending}
        whyNot={whyNoRetry}
        onClick={() => retry.mutate(undefined)}
      >
        {t("job.retryShort")}
      </ActionButton>
      <ActionButton
        icon="stop"
        busy={cancel.isPending}
        whyNot={denied ?? (job.cancelable ? null : t("job.whyNoCancel"))}
        onClick={() => cancel.mutate(undefined)}
      >
        {t("job.cancelShort")}
      </ActionButton>
    </>
  );
}
