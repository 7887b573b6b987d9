import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import type { Deployment } from "@/api/contract";
import { DateTime, Elapsed, TimeAgo, useFormat, useSaid } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { QueryView } from "@/shared/states";
import {
  ActionButton,
  Card,
  Facts,
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
import { durationOf } from "../../components/DeploymentList";
import { useAction } from "../../components/useAction";
import { DeploymentState } from "../../components/words";
import { paths } from "../../paths";
import { Approvals } from "./Approvals";
import { mergeSteps } from "./steps";

const BEFORE_SWITCH = new Set([
  "requested",
  "checking",
  "awaiting_approval",
  "queued",
  "preparing",
]);

export default function DeploymentPage() {
  const { id = "" } = useParams();
  const query = useQuery(reads.deployment(id));
  useTopics([`deployment:${id}`], [["deployment", id], ["deployments"]]);
  return <QueryView query={query}>{(data) => <DeploymentView deployment={data} />}</QueryView>;
}

function DeploymentView({ deployment }: { deployment: Deployment }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const name = `#${deployment.no} ${word("deploymentKind", deployment.kind)} ${deployment.release.version} → ${deployment.environment.name}`;
  return (
    <>
      <PageHeader
        title={name}
        name={name}
        crumbs={[
          { label: deployment.project_path, to: paths.project(deployment.project_id) },
          {
            label: deployment.environment.name,
            to: `${paths.environments}?project=${encodeURIComponent(deployment.project_id)}`,
          },
        ]}
        badges={<DeploymentState state={deployment.state} />}
        meta={
          <>
            <span>
              <Icon name="user" />
              {deployment.requested_by?.name ?? t("deployment.automatic")}
            </span>
            <span>
              <TimeAgo at={deployment.created_at} />
            </span>
            <span>
              <Icon name="clock" />
              <Elapsed
                ms={durationOf(deployment)}
                since={deployment.finished_at ? null : deployment.started_at}
              />
            </span>
          </>
        }
        actions={<Actions deployment={deployment} />}
      />
      <Reasons deployment={deployment} />
      <Card>
        <StateTrack state={deployment.state} />
      </Card>
      <div className="two-columns">
        <Card title={t("deployment.steps")}>
          <Steps deployment={deployment} />
        </Card>
        <div className="stack">
          <Approvals deployment={deployment} />
          <Card title={t("deployment.what")}>
            <What deployment={deployment} />
          </Card>
        </div>
      </div>
    </>
  );
}

function Actions({ deployment }: { deployment: Deployment }) {
  const { t } = useTranslation("delivery");
  const cancel = useAction(
    () => writes.cancelDeployment(deployment.id),
    t("deployment.cancelAsked"),
  );
  const denied = useDenied()("delivery.deployment.cancel");
  return (
    <>
      <CliButton command={cli.deployment(deployment.id)} />
      <LinkButton />
      <ActionButton
        icon="stop"
        busy={cancel.isPending}
        whyNot={
          denied ?? (BEFORE_SWITCH.has(deployment.state) ? null : t("deployment.whyNoCancel"))
        }
        onClick={() => cancel.mutate(undefined)}
      >
        {t("deployment.cancel")}
      </ActionButton>
    </>
  );
}

function Reasons({ deployment }: { deployment: Deployment }) {
  const { t } = useTranslation("delivery");
  const said = useSaid();
  const reasons = [
    deployment.reason_given,
    ...deployment.reasons.map((reason, i) => said(deployment.reasons_text?.[i], reason)),
  ].filter(Boolean);
  if (reasons.length === 0) return null;
  return (
    <div className={`notice tone-${toneOf(deployment.state)}`}>
      <Icon name="info" size={16} />
      <div className="grow">
        <b>{t("deployment.reasons")}</b>
        <ul>
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      </div>
    </div>
  );
}

const TRACK = [
  "checking",
  "awaiting_approval",
  "queued",
  "preparing",
  "switching",
  "baking",
  "succeeded",
];
const SIDE: Record<string, string> = {
  requested: "checking",
  rejected: "awaiting_approval",
  expired: "awaiting_approval",
  canceled: "queued",
  failed: "preparing",
  rolling_back: "baking",
  rolled_back: "baking",
  rollback_failed: "baking",
};

/** The way of a deployment with the place it is at; where it left the way is shown there. */
function StateTrack({ state }: { state: string }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const at = TRACK.indexOf(SIDE[state] ?? state);
  return (
    <ol className="state-track" aria-label={t("deployment.state")} tabIndex={0}>
      {TRACK.map((step, i) => {
        const isNow = i === at;
        const isDone = i < at || state === "succeeded";
        const shown = isNow && SIDE[state] ? state : step;
        return (
          <li
            key={step}
            className={isNow ? "now" : isDone ? "done" : ""}
            {...(isNow ? { "aria-current": "step" as const } : {})}
          >
            <StatusIcon state={isDone ? "ok" : isNow ? state : "created"} />
            {word("deploymentState", shown)}
          </li>
        );
      })}
    </ol>
  );
}

function Steps({ deployment }: { deployment: Deployment }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const format = useFormat();
  const said = useSaid();
  if (deployment.steps.length === 0) return <p className="faint">{t("deployment.noSteps")}</p>;
  return (
    <ol className="timeline">
      {mergeSteps(deployment.steps).map((step, i) => (
        <li key={i}>
          <StatusIcon state={step.outcome} label={word("stepOutcome", step.outcome)} />
          <div>
            <b>{word("step", step.name)}</b>
            {step.detail && <div className="timeline-detail">{said(step.text, step.detail)}</div>}
          </div>
          <span className="faint nums">
            <DateTime at={step.at} />
            {step.duration_ms !== null && <> · {format.duration(step.duration_ms)}</>}
          </span>
        </li>
      ))}
    </ol>
  );
}

function What({ deployment }: { deployment: Deployment }) {
  const { t } = useTranslation("delivery");
  const format = useFormat();
  const { release, previous_release: previous } = deployment;
  return (
    <Facts
      items={[
        [
          t("release.one"),
          <Link key="r" to={paths.release(release.id)}>
            {release.version}
          </Link>,
        ],
        [
          t("release.digest"),
          <Hash key="d" value={release.digest} label={t("copy.digest")} length={12} />,
        ],
        [
          t("deployment.previous"),
          previous ? (
            <Link key="p" to={paths.release(previous.id)}>
              {previous.version}
            </Link>
          ) : (
            "–"
          ),
        ],
        [t("deployment.authors"), deployment.authors.map((a) => a.name).join(", ") || "–"],
        [t("deployment.switchedAt"), <DateTime key="s" at={deployment.switched_at} />],
        [t("deployment.rollbackTime"), format.duration(deployment.rollback_ms)],
        [
          t("job.one"),
          deployment.job_id ? (
            <Link key="j" to={paths.job(deployment.job_id)}>
              {t("deployment.openLog")}
            </Link>
          ) : (
            "–"
          ),
        ],
        [
          t("pipeline.one"),
          deployment.pipeline_id ? (
            <Link key="l" to={paths.pipeline(deployment.pipeline_id)}>
              {t("deployment.openPipeline")}
            </Link>
          ) : (
            "–"
          ),
        ],
      ]}
    />
  );
}
