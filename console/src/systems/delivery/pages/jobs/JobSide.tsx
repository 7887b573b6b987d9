import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { JobDetail, LogSection } from "@/api/contract";
import { DateTime, Elapsed, TimeAgo, useFormat } from "@/shared/format";
import { Card, Facts, Icon, Tag } from "@/shared/ui";
import { artifactUrl } from "../../api";
import { paths } from "../../paths";

/** What is known about the job, its steps and what it left behind. */
export function JobSide({ job, sections }: { job: JobDetail; sections: LogSection[] }) {
  const { t } = useTranslation("delivery");
  const isRunning = job.status === "running";
  return (
    <aside aria-label={t("job.details")}>
      <Card title={t("job.details")}>
        <Facts
          items={[
            [t("job.stage"), job.stage],
            [
              t("pipeline.duration"),
              <Elapsed key="d" ms={job.duration_ms} since={isRunning ? job.started_at : null} />,
            ],
            [t("job.created"), <TimeAgo key="c" at={job.created_at} />],
            [t("job.started"), <DateTime key="s" at={job.started_at} />],
            [t("job.finished"), <DateTime key="f" at={job.finished_at} />],
            [t("job.runner"), job.runner ?? "–"],
            [t("job.attemptLabel"), String(job.attempt)],
            [t("job.coverage"), job.coverage_percent === null ? "–" : `${job.coverage_percent} %`],
            [t("job.needs"), <Needs key="n" needs={job.needs} />],
            [
              t("environment.one"),
              job.deployment_id ? (
                <Link key="e" to={paths.deployment(job.deployment_id)}>
                  {job.environment}
                </Link>
              ) : (
                (job.environment ?? "–")
              ),
            ],
          ]}
        />
      </Card>
      {sections.length > 0 && <Steps sections={sections} />}
      <Artifacts job={job} />
    </aside>
  );
}

function Needs({ needs }: { needs: string[] | null }) {
  const { t } = useTranslation("delivery");
  if (needs === null) return <>{t("job.needsStage")}</>;
  if (needs.length === 0) return <>{t("job.needsNothing")}</>;
  return (
    <span className="chips">
      {needs.map((name) => (
        <Tag key={name}>{name}</Tag>
      ))}
    </span>
  );
}

function Steps({ sections }: { sections: LogSection[] }) {
  const { t } = useTranslation("delivery");
  return (
    <Card title={t("job.steps")}>
      <ul className="step-list">
        {sections.map((section) => (
          <li key={`${section.start_line}:${section.name}`}>
            <Link className="ellipsis" to={{ hash: `#L${section.start_line + 1}` }}>
              {t(`section.${section.name}`, { defaultValue: section.header || section.name })}
            </Link>
            <span className="faint">
              {section.duration_ms === 0 ? (
                t("log.subsecond")
              ) : (
                <Elapsed
                  ms={section.duration_ms}
                  since={section.end_line === null ? section.started_at : null}
                />
              )}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Artifacts({ job }: { job: JobDetail }) {
  const { t } = useTranslation("delivery");
  const format = useFormat();
  return (
    <Card title={t("job.artifacts")}>
      {job.artifacts.length === 0 ? (
        <p className="faint">{t("job.noArtifacts")}</p>
      ) : (
        <ul className="step-list">
          {job.artifacts.map((artifact) => (
            <li key={artifact.kind}>
              <a
                href={artifactUrl(job.id, artifact.kind)}
                download
                className="row ellipsis"
                title={artifact.sha256}
              >
                <Icon name="download" size={13} />
                <span className="ellipsis">{artifact.name || artifact.kind}</span>
              </a>
              <span className="faint nowrap">{format.bytes(artifact.size)}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
