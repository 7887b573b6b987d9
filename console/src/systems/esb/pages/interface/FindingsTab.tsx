import { Segmented } from "antd";
import { useTranslation } from "react-i18next";
import type { Finding, Loss, Version } from "@/api/contract.esb";
import { useFilters, usePagedOf } from "@/shared/filter";
import { useSaid } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Card } from "@/shared/ui";
import { Place, SeverityPill } from "../../components/words";
import { NoDefinition } from "./OperationsTab";

/** What the rules of the house say of a version, line by line, each with its cure. */
export function FindingsTab({ version }: { version: Version }) {
  if (!version.definition) return <NoDefinition />;
  return <Findings version={version} />;
}

function Findings({ version }: { version: Version }) {
  const { t } = useTranslation("esb");
  const said = useSaid();
  const { value, set } = useFilters();
  const severity = value("severity");
  const { query, rows, more } = usePagedOf<Finding>("esb", `versions/${version.id}/findings`, {
    severity,
  });
  const columns: Column<Finding>[] = [
    {
      key: "severity",
      title: t("finding.severity"),
      width: "110px",
      cell: (one) => <SeverityPill severity={one.severity} />,
      value: (one) => one.severity,
    },
    {
      key: "place",
      title: t("finding.where"),
      width: "minmax(200px, 1fr)",
      cell: (one) => <Place spot={one.spot} />,
      value: (one) => `${one.spot.file}:${one.spot.line}:${one.spot.column} ${one.spot.pointer}`,
    },
    {
      key: "text",
      title: t("finding.what"),
      width: "minmax(300px, 2.4fr)",
      cell: (one) => (
        <span className="two-lines wrapping">
          <span title={said(one.why) ?? ""}>{said(one.text)}</span>
          <span className="soft">
            {t("finding.cure")} {said(one.cure)}
          </span>
        </span>
      ),
      value: (one) => `${said(one.text)} ${said(one.cure)}`,
    },
    {
      key: "rule",
      title: t("finding.rule"),
      width: "minmax(120px, 0.6fr)",
      cell: (one) => <code title={said(one.why) ?? ""}>{one.rule}</code>,
      value: (one) => one.rule,
    },
  ];
  return (
    <Card flush>
      <div className="filters list-filters">
        <Segmented
          aria-label={t("finding.severity")}
          value={severity ?? "all"}
          options={["all", "error", "warning", "info"].map((one) => ({
            value: one,
            label: t(`severity.${one}`),
          }))}
          onChange={(next) => set({ severity: next === "all" ? null : next })}
        />
      </div>
      <QueryView query={query}>
        {() => (
          <DataGrid
            label={t("tab.findings")}
            rows={rows}
            columns={columns}
            more={more}
            view={`${version.id}${severity ?? ""}`}
            rowKey={(one) => String(one.no)}
            rowHeight={76}
            exportName="findings"
            empty={<Empty title={t("finding.none")} detail={t("finding.noneNext")} />}
          />
        )}
      </QueryView>
    </Card>
  );
}

/** What stays in the document only, and what was done with it. */
export function LossesTab({ version }: { version: Version }) {
  if (!version.definition) return <NoDefinition />;
  return <Losses version={version} />;
}

function Losses({ version }: { version: Version }) {
  const { t } = useTranslation("esb");
  const said = useSaid();
  const { query, rows, more } = usePagedOf<Loss>("esb", `versions/${version.id}/losses`, {});
  const columns: Column<Loss>[] = [
    {
      key: "construct",
      title: t("loss.construct"),
      width: "minmax(150px, 0.8fr)",
      cell: (one) => <code>{one.construct}</code>,
      value: (one) => one.construct,
    },
    {
      key: "place",
      title: t("finding.where"),
      width: "minmax(200px, 1fr)",
      cell: (one) => <Place spot={one.spot} />,
      value: (one) => `${one.spot.file}:${one.spot.line} ${one.spot.pointer}`,
    },
    {
      key: "text",
      title: t("loss.what"),
      width: "minmax(280px, 2fr)",
      cell: (one) => <span className="wrapping">{said(one.text)}</span>,
      value: (one) => said(one.text),
    },
  ];
  return (
    <Card flush>
      <QueryView query={query}>
        {() => (
          <DataGrid
            label={t("tab.losses")}
            rows={rows}
            columns={columns}
            more={more}
            view={version.id}
            rowKey={(one) => String(one.no)}
            rowHeight={60}
            exportName="losses"
            empty={<Empty title={t("loss.none")} detail={t("loss.noneNext")} />}
          />
        )}
      </QueryView>
    </Card>
  );
}
