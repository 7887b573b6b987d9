import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link, Navigate, Route, Routes, useParams } from "react-router";
import type { Pipeline } from "@/api/contract";
import { DateTime, Elapsed, TimeAgo, useSaid } from "@/shared/format";
import { usePageCommands } from "@/shared/keys";
import { PageHeader, TabBar } from "@/shared/record";
import { QueryView, Skeleton } from "@/shared/states";
import {
  ActionButton,
  Card,
  Hash,
  Icon,
  StatusIcon,
  toneOf,
  useDenied,
  useWord,
} from "@/shared/ui";
import { reads, useTopics, writes } from "../../api";
import { cli } from "../../cli";
import { CliButton, LinkButton } from "../../components/CliButton";
import { useAction } from "../../components/useAction";
import { RunStatus } from "../../components/words";
import { paths } from "../../paths";
import { PipelineGraph } from "./PipelineGraph";

const JobsTab = lazy(() => import("./JobsTab"));
const TestsTab = lazy(() => import("./TestsTab"));
const CoverageTab = lazy(() => import("./CoverageTab"));
const GateTab = lazy(() => import("./GateTab"));

const DONE = new Set(["success", "failed", "canceled", "skipped"]);

export default function PipelinePage() {
  const { id = "" } = useParams();
  const pipeline = useQuery(reads.pipeline(id));
  useTopics([`pipeline:${id}`], [["pipeline", id]]);
  return <QueryView query={pipeline}>{(data) => <PipelineView pipeline={data} />}</QueryView>;
}

function PipelineView({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const tab = (name: string) => paths.pipeline(pipeline.id, name);
  return (
    <>
      <PageHeader
        title={
          <>
            #{pipeline.no} {pipeline.title}
          </>
        }
        name={`#${pipeline.no} ${pipeline.title}`}
        crumbs={[
          { label: t("menu.projects"), to: paths.projects },
          { label: pipeline.project_path, to: paths.project(pipeline.project_id) },
        ]}
        badges={<RunStatus status={pipeline.status} warnings={pipeline.warnings} />}
        meta={<Meta pipeline={pipeline} />}
        actions={<Actions pipeline={pipeline} />}
      />
      <ConfigErrors pipeline={pipeline} />
      <Links pipeline={pipeline} />
      <TabBar
        label={t("pipeline.one")}
        tabs={[
          { to: tab("graph"), label: t("pipeline.graph") },
          { to: tab("jobs"), label: t("pipeline.jobs") },
          { to: tab("tests"), label: t("pipeline.tests") },
          { to: tab("coverage"), label: t("pipeline.coverage") },
          {
            to: tab("gate"),
            label: (
              <>
                {t("pipeline.gate")}
                {pipeline.verdict && (
                  <StatusIcon
                    state={pipeline.verdict.result}
                    size={13}
                    label={word("verdict", pipeline.verdict.result)}
                  />
                )}
              </>
            ),
          },
        ]}
      />
      <Suspense fallback={<Skeleton />}>
        <Routes>
          <Route index element={<Navigate to={tab("graph")} replace />} />
          <Route
            path="graph"
            element={
              <Card flush>
                <PipelineGraph pipeline={pipeline} />
              </Card>
            }
          />
          <Route path="jobs" element={<JobsTab pipeline={pipeline} />} />
          <Route path="tests" element={<TestsTab pipelineId={pipeline.id} />} />
          <Route path="coverage" element={<CoverageTab pipelineId={pipeline.id} />} />
          <Route
            path="gate"
            element={<GateTab pipelineId={pipeline.id} hasVerdict={pipeline.verdict !== null} />}
          />
        </Routes>
      </Suspense>
    </>
  );
}

function Meta({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  return (
    <>
      <span>
        <Icon name="branch" />
        <code>{pipeline.ref}</code>
      </span>
      <span>
        <Icon name="commit" />
        <Hash value={pipeline.sha} label={t("copy.sha")} />
      </span>
      <span>
        <Icon name="user" />
        {pipeline.author.name}
      </span>
      <span>{word("source", pipeline.source)}</span>
      <span title={t("pipeline.duration")}>
        <Icon name="clock" />
        <Elapsed
          ms={pipeline.duration_ms}
          since={pipeline.status === "running" ? pipeline.started_at : null}
        />
      </span>
      <span>
        {t("pipeline.queued")} <Elapsed ms={pipeline.queued_ms} />
      </span>
      <span>
        <TimeAgo at={pipeline.created_at} />
      </span>
      {pipeline.finished_at && (
        <span>
          {t("pipeline.finished")} <DateTime at={pipeline.finished_at} />
        </span>
      )}
    </>
  );
}

function Actions({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation("delivery");
  const cancel = useAction(() => writes.cancelPipeline(pipeline.id), t("pipeline.cancelAsked"));
  const retry = useAction(() => writes.retryPipeline(pipeline.id), t("pipeline.retried"));
  const isDone = DONE.has(pipeline.status);
  const canRetry = pipeline.stages.some((stage) =>
    stage.jobs.some((job) => job.retryable && job.status !== "success"),
  );
  const denied = useDenied()("delivery.pipeline.run");
  const whyNoRetry = denied ?? (canRetry ? null : t("pipeline.whyNoRetry"));
  const whyNoCancel = denied ?? (isDone ? t("pipeline.whyNoCancel") : null);
  const commands = [
    {
      id: "pipeline:cancel",
      label: t("pipeline.cancel"),
      group: t("pipeline.one"),
      keywords: "cancel quxiao",
      whyNot: whyNoCancel,
      run: () => cancel.mutate(undefined),
    },
    {
      id: "pipeline:retry",
      label: t("pipeline.retry"),
      group: t("pipeline.one"),
      keywords: "retry chongshi",
      whyNot: whyNoRetry,
      run: () => retry.mutate(undefined),
    },
  ];
  usePageCommands(commands.filter((command) => command.whyNot === null));
  return (
    <>
      <CliButton command={cli.pipeline(pipeline.id)} />
      <LinkButton />
      <ActionButton
        icon="retry"
        busy={retry.isPending}
        whyNot={whyNoRetry}
        onClick={() => retry.mutate(undefined)}
      >
        {t("pipeline.retry")}
      </ActionButton>
      <ActionButton
        icon="stop"
        busy={cancel.isPending}
        whyNot={whyNoCancel}
        onClick={() => cancel.mutate(undefined)}
      >
        {t("pipeline.cancel")}
      </ActionButton>
    </>
  );
}

function ConfigErrors({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation("delivery");
  const said = useSaid();
  if (pipeline.config_errors.length === 0) return null;
  return (
    <Card flush title={t("pipeline.configErrors")} extra={<code>rialto ci lint</code>}>
      <ul className="error-list">
        {pipeline.config_errors.map((error, i) => (
          <li key={i}>
            <code>
              {error.file}:{error.line}:{error.column}
            </code>
            <ConfigError said={said(error.text, error.message) ?? ""} exact={error.message} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** What is wrong in the language of the page, and beneath it the exact words of the compiler. */
function ConfigError({ said, exact }: { said: string; exact: string }) {
  return (
    <span className="stack tight">
      <span>{said}</span>
      {said !== exact && (
        <span className="soft" lang="en">
          {exact}
        </span>
      )}
    </span>
  );
}

function Links({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation("delivery");
  if (!pipeline.incident_id && !pipeline.release_id) return null;
  return (
    <div className="chips">
      {pipeline.incident_id && (
        <Link
          className={`env-chip tone-${toneOf("red")}`}
          to={`${paths.incidents}#${pipeline.incident_id}`}
        >
          <StatusIcon state="red" size={13} />
          {t("pipeline.incident")}
        </Link>
      )}
      {pipeline.release_id && (
        <Link className="env-chip" to={paths.release(pipeline.release_id)}>
          <Icon name="release" size={13} />
          {t("pipeline.release")}
        </Link>
      )}
    </div>
  );
}
