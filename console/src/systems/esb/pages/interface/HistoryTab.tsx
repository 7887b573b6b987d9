import { useTranslation } from "react-i18next";
import type { HistoryEvent, Version } from "@/api/contract.esb";
import { usePagedOf } from "@/shared/filter";
import { DateTime } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Card, useWord } from "@/shared/ui";

/** What happened to an interface and its versions, newest first. */
export function HistoryTab({ code, versions }: { code: string; versions: Version[] }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const { query, rows, more } = usePagedOf<HistoryEvent>("esb", `interfaces/${code}/events`, {});
  const numberOf = (id: string | null): string =>
    versions.find((version) => version.id === id)?.number ?? "–";
  const columns: Column<HistoryEvent>[] = [
    {
      key: "at",
      title: t("history.at"),
      width: "170px",
      cell: (one) => <DateTime at={one.at} />,
      value: (one) => one.at,
    },
    {
      key: "kind",
      title: t("history.what"),
      width: "minmax(160px, 1fr)",
      cell: (one) => word("happened", one.kind),
      value: (one) => one.kind,
    },
    {
      key: "version",
      title: t("version.number"),
      width: "90px",
      cell: (one) => <span className="nums">{numberOf(one.version)}</span>,
      value: (one) => numberOf(one.version),
    },
    {
      key: "actor",
      title: t("history.who"),
      width: "140px",
      cell: (one) => one.actor,
      value: (one) => one.actor,
    },
    {
      key: "reason",
      title: t("review.reason"),
      width: "minmax(180px, 2fr)",
      cell: (one) => one.reason || "–",
      value: (one) => one.reason,
    },
  ];
  return (
    <Card flush>
      <QueryView query={query}>
        {() => (
          <DataGrid
            label={t("tab.history")}
            rows={rows}
            columns={columns}
            more={more}
            rowKey={(one) => String(one.no)}
            exportName="history"
            empty={<Empty title={t("history.none")} />}
          />
        )}
      </QueryView>
    </Card>
  );
}
