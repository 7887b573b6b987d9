import { Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { FixingReport, RowRefusal } from "@/api/contract.otc";
import { ApiError } from "@/api/problem";
import { useFormat } from "@/shared/format";
import { ErrorState } from "@/shared/states";
import {
  ActionButton,
  Card,
  Figure,
  Figures,
  FileDrop,
  StatusIcon,
  useDenied,
  useWord,
} from "@/shared/ui";
import { useAction, writes } from "../../api";
import { Effects } from "../../components/Effects";
import { useLocal } from "../../components/words";
import { paths } from "../../paths";

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const typeOf = (file: File): string => (/\.xlsx$/i.test(file.name) ? XLSX : "text/csv");

/** A file is tried first: what it would do, row by row; only then is it taken in. */
export function ImportCard() {
  const { t } = useTranslation("otc");
  const format = useFormat();
  const [file, setFile] = useState<File | null>(null);
  const [tried, setTried] = useState<FixingReport | null>(null);
  const [taken, setTaken] = useState<FixingReport | null>(null);
  const [reason, setReason] = useState("");
  const trial = useAction((f: File) => writes.importFixings(f, typeOf(f), true), null, setTried);
  const commit = useAction(
    (f: File) => writes.importFixings(f, typeOf(f), false, reason.trim()),
    t("import.done"),
    (report) => {
      setTaken(report);
      setTried(null);
    },
  );
  const denied = useDenied()("otc.fixing.enter");
  const choose = (chosen: File) => {
    setFile(chosen);
    setReason("");
    setTried(null);
    setTaken(null);
    commit.reset();
    trial.mutate(chosen);
  };
  const whyNot = (tried: FixingReport): string | null => {
    if (tried.new + tried.corrected === 0) return t("import.nothingNew");
    const silent = tried.corrected > 0 && reason.trim() === "";
    return silent ? t("import.reason", { prices: tried.corrected }) : null;
  };
  const error = trial.error ?? commit.error;
  const report = taken ?? tried;
  return (
    <Card title={t("import.title")}>
      <div className="stack">
        <FileDrop
          id="import-file"
          label={t("import.file")}
          disabled={denied !== null}
          accept={`.csv,.xlsx,text/csv,${XLSX}`}
          note={
            denied ??
            (file
              ? t("import.chosen", { name: file.name, size: format.bytes(file.size) })
              : t("import.columns"))
          }
          choose={choose}
        />
        {trial.isPending && <p role="status">{t("import.trying")}</p>}
        {error instanceof ApiError && <ErrorState error={error} />}
        {report && <Report report={report} taken={taken !== null} />}
        {tried && tried.corrected > 0 && (
          <div className="stack">
            <label htmlFor="import-reason">{t("import.reason", { prices: tried.corrected })}</label>
            <Input
              id="import-reason"
              value={reason}
              maxLength={500}
              onChange={(event) => setReason(event.target.value)}
            />
          </div>
        )}
        {tried && file && (
          <div className="row wrap">
            <ActionButton
              primary
              icon="check"
              busy={commit.isPending}
              whyNot={whyNot(tried)}
              onClick={() => commit.mutate(file)}
            >
              {t("import.commit", { count: tried.new + tried.corrected })}
            </ActionButton>
            {tried.refused.length > 0 && (
              <span className="faint">
                {t("import.withoutRefused", { count: tried.refused.length })}
              </span>
            )}
          </div>
        )}
      </div>
    </Card>
  );
}

function Report({ report, taken }: { report: FixingReport; taken: boolean }) {
  const { t } = useTranslation("otc");
  const format = useFormat();
  return (
    <section className="stack" aria-label={t(taken ? "import.taken" : "import.trial")}>
      <h3>{t(taken ? "import.taken" : "import.trial")}</h3>
      <Figures>
        <Figure label={t("import.rows")} value={format.integer(report.rows)} />
        <Figure label={t("import.new")} value={format.integer(report.new)} />
        <Figure label={t("import.same")} value={format.integer(report.same)} />
        <Figure label={t("import.corrected")} value={format.integer(report.corrected)} />
        <Figure
          label={t("import.refused")}
          value={format.integer(report.refused.length)}
          {...(report.refused.length > 0 ? { tone: "bad" as const } : {})}
        />
      </Figures>
      <Rows title={t("import.refused")} state="failed" rows={report.refused} />
      <Rows
        title={t("import.outliers")}
        state="warned"
        rows={report.outliers.map((o) => ({ ...o, column: o.underlying }))}
      />
      <Rows title={t("import.notices")} state="warned" rows={report.notices} />
      {report.approval && (
        <div className="notice tone-wait" role="note">
          <StatusIcon state="awaiting_approval" />
          <Link className="grow" to={paths.approvals}>
            {t("import.waits")}
          </Link>
        </div>
      )}
      <Effects effects={report.effects} />
    </section>
  );
}

function Rows({
  title,
  state,
  rows,
}: {
  title: string;
  state: string;
  rows: Omit<RowRefusal, "code">[];
}) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  const word = useWord("otc");
  if (rows.length === 0) return null;
  return (
    <div>
      <h3 className="row">
        <StatusIcon state={state} /> {title}
      </h3>
      <table className="plain-table" aria-label={title}>
        <thead>
          <tr>
            <th scope="col">{t("import.row")}</th>
            <th scope="col">{t("import.column")}</th>
            <th scope="col">{t("import.value")}</th>
            <th scope="col">{t("import.message")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 200).map((row, i) => (
            <tr key={i}>
              <td className="nums">{row.row}</td>
              <td>{word("importColumn", row.column)}</td>
              <td>
                <code>{row.value || "–"}</code>
              </td>
              <td>{local.one(row.message)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
