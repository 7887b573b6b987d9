import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { CoverageFile, CoverageReport, Ratio } from "@/api/contract";
import { percentDown, useFormat, useSaid } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Card, Figure, Figures, Hash, StatusPill, useWord } from "@/shared/ui";
import { reads } from "../../api";
import { useMissing } from "../../components/useMissing";
import { lineRanges } from "./lineRanges";

/** Coverage with its scope beside every figure, and the new lines no test reached. */
export default function CoverageTab({ pipelineId }: { pipelineId: string }) {
  const { t } = useTranslation("delivery");
  const query = useMissing(useQuery(reads.coverage(pipelineId)));
  if (query.isMissing) return <Empty title={t("coverage.none")} detail={t("coverage.noneNext")} />;
  return <QueryView query={query}>{(report) => <Report report={report} />}</QueryView>;
}

function Report({ report }: { report: CoverageReport }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  if (report.files.length === 0 && report.refused.length === 0) {
    return <Empty title={t("coverage.none")} detail={t("coverage.noneNext")} />;
  }
  return (
    <>
      <Figures>
        <RatioFigure scope="new" ratio={report.new_lines} />
        <RatioFigure scope="existing" ratio={report.existing} />
        <RatioFigure scope="overall" ratio={report.overall} />
        <Figure
          label={t("coverage.base")}
          value={<Hash value={report.base_sha} label={t("copy.sha")} />}
          note={word("baseChoice", report.base_choice)}
        />
      </Figures>
      <UncoveredLines files={report.files} />
      <Files files={report.files} />
      <Odd report={report} />
    </>
  );
}

function RatioFigure({ scope, ratio }: { scope: string; ratio: Ratio }) {
  const { t } = useTranslation("delivery");
  const format = useFormat();
  return (
    <Figure
      label={t(`coverage.scope.${scope}`)}
      value={ratio.percent === null ? t("coverage.nothing") : `${ratio.percent} %`}
      note={t("coverage.lines", {
        covered: format.integer(ratio.covered),
        total: format.integer(ratio.total),
      })}
    />
  );
}

function UncoveredLines({ files }: { files: CoverageFile[] }) {
  const { t } = useTranslation("delivery");
  const open = files.filter((f) => f.uncovered_new_lines.length > 0);
  return (
    <Card flush title={t("coverage.uncovered")}>
      {open.length === 0 ? (
        <Empty title={t("coverage.allCovered")} />
      ) : (
        <ul className="error-list">
          {open.map((file) => (
            <li key={file.path}>
              <span className="mono">{file.path}</span>
              <span className="line-chips">
                {lineRanges(file.uncovered_new_lines).map((range) => (
                  <code key={range}>{range}</code>
                ))}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Files({ files }: { files: CoverageFile[] }) {
  const { t } = useTranslation("delivery");
  const columns: Column<CoverageFile>[] = [
    {
      key: "path",
      title: t("coverage.file"),
      width: "minmax(260px, 2fr)",
      cell: (f) => <code className="ellipsis">{f.path}</code>,
      value: (f) => f.path,
      sortable: true,
    },
    {
      key: "percent",
      title: t("coverage.scope.overall"),
      width: "minmax(180px, 1fr)",
      cell: (f) => <Meter percent={f.percent} covered={f.covered} total={f.total} />,
      value: (f) => (f.percent === null ? null : Number(f.percent)),
      sortable: true,
    },
    {
      key: "new",
      title: t("coverage.scope.new"),
      width: "minmax(180px, 1fr)",
      cell: (f) => (
        <Meter
          percent={percentDown(f.new_covered, f.new_total)}
          covered={f.new_covered}
          total={f.new_total}
        />
      ),
      value: (f) => (f.new_total === 0 ? null : f.new_covered / f.new_total),
      sortable: true,
    },
  ];
  return (
    <Card flush title={t("coverage.files")}>
      <DataGrid
        label={t("coverage.files")}
        rows={files}
        columns={columns}
        rowKey={(f) => f.path}
        exportName="coverage"
        empty={<Empty title={t("coverage.none")} />}
      />
    </Card>
  );
}

function Meter({
  percent,
  covered,
  total,
}: {
  percent: string | null;
  covered: number;
  total: number;
}) {
  if (percent === null || total === 0) return <span className="faint">–</span>;
  return (
    <span className="row">
      <span className="bar grow" aria-hidden="true">
        <i style={{ width: `${percent}%` }} />
      </span>
      <span className="nums nowrap">{percent} %</span>
      <span className="faint nums nowrap">
        {covered}/{total}
      </span>
    </span>
  );
}

function Odd({ report }: { report: CoverageReport }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const said = useSaid();
  if (report.refused.length === 0 && report.unmapped.length === 0) return null;
  return (
    <Card flush title={t("coverage.odd")}>
      <ul className="error-list">
        {report.refused.map((file) => (
          <li key={file.name}>
            <StatusPill
              state={file.outcome === "partial" ? "partial" : "refused"}
              label={word("outcome", file.outcome ?? "refused")}
            />
            <span>
              <code>
                {file.name}
                {file.line ? `:${file.line}` : ""}
              </code>{" "}
              {said(file.text, file.reason)}
            </span>
          </li>
        ))}
        {report.unmapped.map((path) => (
          <li key={path}>
            <StatusPill state="partial" label={t("coverage.unmapped")} />
            <code>{path}</code>
          </li>
        ))}
      </ul>
    </Card>
  );
}
