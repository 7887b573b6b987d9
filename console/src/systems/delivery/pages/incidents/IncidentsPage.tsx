import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Incident, IncidentCause, Person } from "@/api/contract";
import {
  DateTime,
  Elapsed,
  RunningClock,
  shortHash,
  TimeAgo,
  useFormat,
  useSaid,
} from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, Figure, Figures, Icon, StatusIcon, StatusPill, Tag, useWord } from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { cli } from "../../cli";
import { CliButton, LinkButton } from "../../components/CliButton";
import { paths } from "../../paths";

const BAR_MS = 30 * 60_000;

/** The red-light board: what is broken now, by whom, since when; and how fast it was repaired. */
export default function IncidentsPage() {
  const { t } = useTranslation("delivery");
  const open = useQuery(reads.incidents({ state: "open" }));
  const closed = useQuery(reads.incidents({ state: "closed" }));
  useTopics(["list:incidents"], [["incidents"]]);
  return (
    <>
      <PageHeader
        title={t("menu.incidents")}
        name={t("menu.incidents")}
        actions={
          <>
            <CliButton command={cli.incidents()} />
            <LinkButton />
          </>
        }
      />
      <QueryView query={closed}>
        {({ items }) => <Summary closed={items} open={open.data?.items.length} />}
      </QueryView>
      <QueryView query={open}>
        {({ items }) =>
          items.length === 0 ? (
            <div className="notice tone-good">
              <StatusIcon state="green" size={18} />
              <div className="grow">
                <b>{t("incident.allGreen")}</b>
                <div className="soft">{t("incident.allGreenWhy")}</div>
              </div>
            </div>
          ) : (
            <section className="stack" aria-label={t("incident.open")}>
              {items.map((incident) => (
                <OpenIncident key={incident.id} incident={incident} />
              ))}
            </section>
          )
        }
      </QueryView>
      <Card flush title={t("incident.closed")}>
        <QueryView query={closed}>{({ items }) => <ClosedGrid incidents={items} />}</QueryView>
      </Card>
    </>
  );
}

function Summary({ closed, open }: { closed: Incident[]; open: number | undefined }) {
  const { t } = useTranslation("delivery");
  const format = useFormat();
  const times = closed
    .filter((i) => i.close_kind === "repaired" && i.repair_ms !== null)
    .map((i) => i.repair_ms ?? 0)
    .sort((a, b) => a - b);
  const mean = times.length === 0 ? null : times.reduce((a, b) => a + b, 0) / times.length;
  const median = times.length === 0 ? null : (times[Math.floor((times.length - 1) / 2)] ?? null);
  return (
    <Figures>
      <Figure
        label={t("incident.open")}
        value={open ?? "–"}
        {...(open ? { tone: "bad" as const } : {})}
      />
      <Figure
        label={t("incident.mean")}
        value={format.duration(mean)}
        note={t("incident.bar")}
        {...(mean !== null && mean > BAR_MS ? { tone: "bad" as const } : {})}
      />
      <Figure label={t("incident.median")} value={format.duration(median)} />
      <Figure
        label={t("incident.repairedCount")}
        value={times.length}
        note={t("incident.repairedNote")}
      />
    </Figures>
  );
}

function OpenIncident({ incident }: { incident: Incident }) {
  const { t } = useTranslation("delivery");
  const causes = incident.causes;
  const main = mainCause(incident);
  return (
    <article
      className="incident"
      id={incident.id}
      aria-label={`${incident.project_path} ${incident.branch}`}
    >
      <div className="stack tight">
        <div className="incident-clock">
          <RunningClock since={incident.red_at} />
        </div>
        <span className="soft">
          {t("incident.redSince")} <DateTime at={incident.red_at} />
        </span>
        <span className="soft">
          {t("incident.detected")} <Elapsed ms={incident.detection_ms} />
        </span>
        <span className="chips">
          {incident.alarms.map((alarm) => (
            <Tag key={alarm.at} tone="bad">
              <Icon name="clock" size={12} />
              {t("incident.alarm", { level: alarm.level })}
            </Tag>
          ))}
        </span>
      </div>
      <div className="stack tight">
        <h2>
          <Link to={paths.project(incident.project_id)}>{incident.project_path}</Link>{" "}
          <Tag>
            <Icon name="branch" size={12} />
            {incident.branch}
          </Tag>
        </h2>
        <Breaker cause={main} timed={causes.length > 1} />
        {causes
          .filter((cause) => cause !== main)
          .map((cause) => (
            <Breaker key={`${cause.sha} ${cause.red_at}`} cause={cause} timed />
          ))}
        <ul className="incident-jobs">
          {incident.failing_jobs.map((job) => (
            <FailingJob key={job.id} job={job} />
          ))}
        </ul>
        <Link to={paths.pipeline(incident.failing_pipeline.id)}>
          {t("incident.pipeline", { no: incident.failing_pipeline.no })}
        </Link>
      </div>
      <Candidates commits={main.commits} />
    </article>
  );
}

/** The first cause that is still broken; of a closed incident the first. */
const mainCause = (incident: Incident): Breakage =>
  incident.causes.find((cause) => cause.repaired_at === null) ?? incident.causes[0] ?? incident;

/** A cause, or an incident as the one it has. */
type Breakage = Pick<Incident, "owner" | "author" | "cause_class" | "commits" | "red_at"> &
  Partial<Pick<IncidentCause, "jobs" | "repaired_at">>;

/** Who broke it and how; `timed` also what and since when, beside others. */
function Breaker({ cause, timed }: { cause: Breakage; timed: boolean }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const { owner, author } = cause;
  return (
    <p>
      {t("incident.owner")} <b>{owner ? owner.name : t("incident.noOwner")}</b>
      {owner && <span className="faint"> {owner.email}</span>}
      {isOther(author, owner) && (
        <span className="faint">
          {" · "}
          {t("incident.author", { name: author?.name ?? "", email: author?.email ?? "" })}
        </span>
      )}
      {cause.cause_class && (
        <>
          {" · "}
          {t("incident.cause")} <b>{word("cause", cause.cause_class)}</b>
        </>
      )}
      {timed && (
        <>
          {cause.jobs && cause.jobs.length > 0 && ` · ${cause.jobs.join(", ")}`}
          {" · "}
          <span className="soft">
            {t("incident.brokenSince")} <DateTime at={cause.red_at} />
          </span>
          {cause.repaired_at && (
            <span className="soft">
              {" · "}
              {t("incident.repairedAt")} <DateTime at={cause.repaired_at} />
            </span>
          )}
        </>
      )}
    </p>
  );
}

/** Whether the commit names somebody other than who pushed it. */
const isOther = (author: Person | null | undefined, owner: Person | null): boolean =>
  Boolean(author) && (author?.name !== owner?.name || author?.email !== owner?.email);

function FailingJob({ job }: { job: Incident["failing_jobs"][number] }) {
  const word = useWord("delivery");
  const message = useSaid()(job.failure_text, job.failure_message);
  return (
    <li>
      <span className="row">
        <StatusIcon state="failed" />
        <Link to={paths.job(job.id)}>
          <b>{job.name}</b>
        </Link>
        <span className="soft">{word("failureReason", job.failure_reason)}</span>
      </span>
      {!job.failing_line && message && <span className="soft">{message}</span>}
      {job.failing_line && (
        <Link to={paths.job(job.id, `#L${job.failing_line.line + 1}`)}>
          <code className="failing-line">{job.failing_line.text}</code>
        </Link>
      )}
    </li>
  );
}

function Candidates({ commits }: { commits: Incident["commits"] }) {
  const { t } = useTranslation("delivery");
  return (
    <div>
      <h3>{t("incident.candidates", { count: commits.length })}</h3>
      <ul className="commit-list">
        {commits.map((commit) => (
          <li key={commit.sha}>
            <div className="ellipsis" title={commit.title}>
              {commit.title}
            </div>
            <span className="faint">
              <code>{shortHash(commit.sha)}</code> {commit.author_name} ·{" "}
              <TimeAgo at={commit.authored_at} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Everybody who broke something meanwhile, each once, the first one first. */
const owners = (incident: Incident): string | null => {
  const names = incident.causes.map((cause) => cause.owner?.name).filter((name) => name);
  return [...new Set(names)].join(", ") || (incident.owner?.name ?? null);
};

/** The jobs that were red; a broken configuration has none, and its cause stands instead. */
function FailedJobs({ incident }: { incident: Incident }) {
  const word = useWord("delivery");
  if (incident.failing_jobs.length === 0) return <>{word("cause", incident.cause_class)}</>;
  return (
    <span className="ellipsis" title={incident.failing_jobs.map((job) => job.name).join(", ")}>
      {incident.failing_jobs.map((job, i) => (
        <span key={job.id}>
          {i > 0 && ", "}
          <Link to={paths.job(job.id)}>{job.name}</Link>
        </span>
      ))}
    </span>
  );
}

/** The pipeline that turned the light red, and the one that turned it green. */
function Pipelines({ incident }: { incident: Incident }) {
  const { failing_pipeline, closing_pipeline } = incident;
  return (
    <span className="row">
      <Link to={paths.pipeline(failing_pipeline.id)}>#{failing_pipeline.no}</Link>
      {closing_pipeline && (
        <>
          <Icon name="right" size={11} />
          <Link to={paths.pipeline(closing_pipeline.id)}>#{closing_pipeline.no}</Link>
        </>
      )}
    </span>
  );
}

function ClosedGrid({ incidents }: { incidents: Incident[] }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const columns: Column<Incident>[] = [
    {
      key: "no",
      title: t("incident.no"),
      width: "34px",
      cell: (i) => `#${i.no}`,
      value: (i) => i.no,
      sortable: true,
    },
    {
      key: "branch",
      title: t("incident.where"),
      width: "minmax(108px, 1.2fr)",
      cell: (i) => (
        <span className="cell-two">
          <Link className="cell-link ellipsis" to={paths.project(i.project_id)}>
            {i.project_path}
          </Link>
          <span>{i.branch}</span>
        </span>
      ),
      value: (i) => `${i.project_path} ${i.branch}`,
      sortable: true,
    },
    {
      key: "kind",
      title: t("incident.closedBy"),
      width: "98px",
      cell: (i) => (
        <StatusPill
          state={i.close_kind ?? "closed"}
          label={word("closeKind", i.close_kind ?? "closed")}
        />
      ),
      value: (i) => i.close_kind,
      sortable: true,
    },
    {
      key: "repair",
      title: t("incident.repair"),
      width: "76px",
      align: "end",
      cell: (i) => (
        <b>
          <Elapsed ms={i.repair_ms} />
        </b>
      ),
      value: (i) => i.repair_ms,
      sortable: true,
    },
    {
      key: "working",
      title: t("incident.working"),
      width: "76px",
      align: "end",
      cell: (i) => <Elapsed ms={i.repair_working_ms} />,
      value: (i) => i.repair_working_ms,
      sortable: true,
    },
    {
      key: "total",
      title: t("incident.total"),
      width: "76px",
      align: "end",
      cell: (i) => <Elapsed ms={i.total_ms} />,
      value: (i) => i.total_ms,
      sortable: true,
    },
    {
      key: "jobs",
      title: t("incident.jobs"),
      width: "minmax(88px, 0.8fr)",
      cell: (i) => (
        <span className="cell-two">
          <FailedJobs incident={i} />
          <Pipelines incident={i} />
        </span>
      ),
      value: (i) => i.failing_jobs.map((job) => job.name).join(" ") || null,
    },
    {
      key: "owner",
      title: t("incident.owner"),
      width: "minmax(72px, 0.7fr)",
      cell: (i) => owners(i) ?? "–",
      value: owners,
    },
    {
      key: "author",
      title: t("incident.commitAuthor"),
      width: "minmax(72px, 0.7fr)",
      cell: (i) => i.author?.name ?? "–",
      value: (i) => i.author?.name ?? null,
    },
    {
      key: "red",
      title: t("incident.redAt"),
      width: "124px",
      cell: (i) => <DateTime at={i.red_at} />,
      value: (i) => i.red_at,
      sortable: true,
    },
  ];
  return (
    <DataGrid
      label={t("incident.closed")}
      rows={incidents}
      columns={columns}
      rowKey={(i) => i.id}
      rowHeight={52}
      exportName="incidents"
      empty={<Empty title={t("incident.noneClosed")} />}
    />
  );
}
