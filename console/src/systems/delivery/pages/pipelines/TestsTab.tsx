import { useQuery } from "@tanstack/react-query";
import { Segmented } from "antd";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import type { TestCase, TestReport, TestSuite } from "@/api/contract";
import { percentDown, useFormat, useSaid } from "@/shared/format";
import { Empty, QueryView } from "@/shared/states";
import {
  Card,
  CopyButton,
  Figure,
  Figures,
  StatusIcon,
  StatusPill,
  Tag,
  useWord,
} from "@/shared/ui";
import { reads } from "../../api";
import { useMissing } from "../../components/useMissing";

type Show = "problems" | "all";

/** Test results of the pipeline, failed first; every report file with how it was read. */
export default function TestsTab({ pipelineId }: { pipelineId: string }) {
  const { t } = useTranslation("delivery");
  const query = useMissing(useQuery(reads.tests(pipelineId)));
  if (query.isMissing) return <Empty title={t("tests.none")} detail={t("tests.noneNext")} />;
  return <QueryView query={query}>{(report) => <Report report={report} />}</QueryView>;
}

function Report({ report }: { report: TestReport }) {
  const { t } = useTranslation("delivery");
  const format = useFormat();
  const [params, setParams] = useSearchParams();
  const bad = report.failed + report.errored;
  const show = (params.get("show") as Show | null) ?? (bad > 0 ? "problems" : "all");
  if (report.total === 0 && report.files.length === 0) {
    return <Empty title={t("tests.none")} detail={t("tests.noneNext")} />;
  }
  const rate = percentDown(report.passed, report.total - report.skipped);
  return (
    <>
      <Figures>
        <Figure
          label={t("tests.total")}
          value={format.integer(report.total)}
          note={format.duration(report.duration_ms)}
        />
        <Figure label={t("tests.rate")} value={rate === null ? "–" : `${rate} %`} />
        <Figure label={t("tests.passed")} value={format.integer(report.passed)} />
        <Figure
          label={t("tests.failed")}
          value={format.integer(bad)}
          {...(bad > 0 ? { tone: "bad" as const } : {})}
        />
        <Figure label={t("tests.skipped")} value={format.integer(report.skipped)} />
        <Figure
          label={t("tests.flaky")}
          value={format.integer(report.flaky)}
          {...(report.flaky > 0 ? { tone: "warn" as const } : {})}
        />
      </Figures>
      <Files report={report} />
      <Card
        flush
        title={t("tests.cases")}
        extra={
          <Segmented<Show>
            size="small"
            aria-label={t("tests.show")}
            value={show}
            options={[
              { value: "problems", label: t("tests.problems") },
              { value: "all", label: t("tests.all") },
            ]}
            onChange={(value) => {
              const next = new URLSearchParams(params);
              next.set("show", value);
              setParams(next, { replace: true });
            }}
          />
        }
      >
        {report.suites.map((suite, i) => (
          <Suite key={i} suite={suite} show={show} />
        ))}
        {show === "problems" && bad === 0 && <Empty title={t("tests.noProblem")} />}
      </Card>
    </>
  );
}

function Files({ report }: { report: TestReport }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const said = useSaid();
  const odd = report.files.filter((f) => f.outcome !== "parsed" || f.count_mismatch);
  if (odd.length === 0) return null;
  return (
    <Card flush title={t("tests.files")}>
      <ul className="error-list">
        {odd.map((file) => (
          <li key={`${file.job_name}/${file.name}`}>
            <StatusPill state={file.outcome} label={word("outcome", file.outcome)} />
            <span>
              <code>
                {file.job_name}: {file.name}
                {file.line === null ? "" : `:${file.line}`}
              </code>{" "}
              {said(file.text, file.reason)} {file.count_mismatch && t("tests.mismatch")}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const isProblem = (c: TestCase): boolean =>
  c.status === "failed" || c.status === "errored" || c.flaky;

function Suite({ suite, show }: { suite: TestSuite; show: Show }) {
  const { t } = useTranslation("delivery");
  const format = useFormat();
  const cases = show === "all" ? suite.cases : suite.cases.filter(isProblem);
  if (cases.length === 0) return null;
  const hasProblem = suite.cases.some(isProblem);
  return (
    <details className="suite" open={hasProblem || undefined}>
      <summary>
        <StatusIcon state={suite.failed > 0 ? "failed" : "success"} />
        <b className="ellipsis">{suite.name}</b>
        <Tag>{suite.job_name}</Tag>
        <span className="grow" />
        <span className="faint nums nowrap">
          {t("tests.suiteCount", { passed: suite.passed, total: suite.total })} ·{" "}
          {format.duration(suite.duration_ms)}
        </span>
      </summary>
      <ul>
        {cases.map((c, i) => (
          <Case key={i} testCase={c} />
        ))}
      </ul>
    </details>
  );
}

function Case({ testCase }: { testCase: TestCase }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const format = useFormat();
  return (
    <li className="case-row">
      <StatusIcon state={testCase.status} label={word("testStatus", testCase.status)} />
      <span className="row wrap">
        <span>{testCase.name}</span>
        {testCase.classname && <span className="faint">{testCase.classname}</span>}
        {testCase.flaky && <Tag tone="warn">{t("tests.flaky")}</Tag>}
        {testCase.file && <code className="faint">{testCase.file}</code>}
      </span>
      <span className="faint nums">{format.duration(testCase.duration_ms)}</span>
      {(testCase.message || testCase.output) && (
        <div className="case-body">
          {testCase.message && <p>{testCase.message}</p>}
          {testCase.output && (
            <>
              <pre
                className="case-output"
                tabIndex={0}
                aria-label={t("tests.output", { name: testCase.name })}
              >
                {testCase.output}
              </pre>
              <CopyButton value={testCase.output} label={t("tests.copyOutput")} quiet />
            </>
          )}
        </div>
      )}
    </li>
  );
}
