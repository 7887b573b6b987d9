import { useTranslation } from "react-i18next";
import type { Snapshot } from "@/api/contract.esb";
import { usePagedOf } from "@/shared/filter";
import { DateTime, useFormat } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Card, Hash, IconAction, Tag } from "@/shared/ui";

/** Every publish of an environment, and the way back to it. */
export function SnapshotGrid({
  environment,
  denied,
  goBack,
}: {
  environment: string;
  /** Why the reader may not go back; nothing when they may. */
  denied: string | null;
  goBack: (to: Snapshot) => void;
}) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const resource = `environments/${environment}/snapshots`;
  const { query, rows, more } = usePagedOf<Snapshot>("esb", resource, {});
  const columns: Column<Snapshot>[] = [
    {
      key: "version",
      title: t("publish.version"),
      width: "130px",
      cell: (one) => (
        <span className="row">
          <b className="nums">{one.version}</b>
          {one.in_force && <Tag tone="good">{t("publish.inForce")}</Tag>}
        </span>
      ),
      value: (one) => one.version,
    },
    {
      key: "at",
      title: t("publish.at"),
      width: "170px",
      cell: (one) => <DateTime at={one.created_at} />,
      value: (one) => one.created_at,
    },
    {
      key: "author",
      title: t("publish.author"),
      width: "130px",
      cell: (one) => one.author,
      value: (one) => one.author,
    },
    {
      key: "routes",
      title: t("publish.routes"),
      width: "90px",
      align: "end",
      cell: (one) => <span className="nums">{format.integer(one.holds.routes)}</span>,
      value: (one) => one.holds.routes,
    },
    {
      key: "subscriptions",
      title: t("menu.subscriptions"),
      width: "120px",
      align: "end",
      cell: (one) => <span className="nums">{format.integer(one.holds.subscriptions)}</span>,
      value: (one) => one.holds.subscriptions,
    },
    {
      key: "digest",
      title: t("publish.digest"),
      width: "160px",
      cell: (one) => <Hash value={one.digest} label={t("publish.digest")} />,
      value: (one) => one.digest,
    },
    {
      key: "reason",
      title: t("review.reason"),
      width: "minmax(160px, 2fr)",
      cell: (one) => one.reason,
      value: (one) => one.reason,
    },
    {
      key: "acts",
      title: t("config.acts"),
      hiddenTitle: true,
      width: "60px",
      cell: (one) => (
        <IconAction
          icon="back"
          label={t("publish.backTo", { version: one.version })}
          whyNot={denied ?? (one.in_force ? t("publish.isInForce") : null)}
          onClick={() => goBack(one)}
        />
      ),
    },
  ];
  return (
    <Card flush title={t("publish.history")}>
      <QueryView query={query}>
        {() => (
          <DataGrid
            label={t("publish.history")}
            rows={rows}
            columns={columns}
            more={more}
            rowKey={(one) => String(one.version)}
            exportName={`snapshots-${environment}`}
            empty={<Empty title={t("publish.never")} detail={t("publish.neverNext")} />}
          />
        )}
      </QueryView>
    </Card>
  );
}
