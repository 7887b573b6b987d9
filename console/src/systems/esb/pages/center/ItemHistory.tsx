import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Tagged } from "@/api/client";
import type { ConfigChange, ConfigItem } from "@/api/contract.center";
import { usePagedOf } from "@/shared/filter";
import { DateTime } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Card, IconAction, useDenied, useWord } from "@/shared/ui";
import { type CenterKey, changes, historyOf } from "../../center";
import { ReasonDialog } from "../../components/ReasonDialog";
import { paths } from "../../paths";

/** Everything an item was: when, what, who and why; and the way back. */
export function ItemHistory({ item, at }: { item?: Tagged<ConfigItem>; at: CenterKey }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const denied = useDenied()("esb.config.write");
  const [back, setBack] = useState<ConfigChange | null>(null);
  const { query, rows, more } = usePagedOf<ConfigChange>("esb", historyOf(at), {});
  const columns: Column<ConfigChange>[] = [
    {
      key: "revision",
      title: t("config.revision"),
      width: "80px",
      align: "end",
      cell: (one) => <span className="nums">{one.revision}</span>,
      value: (one) => one.revision,
    },
    {
      key: "at",
      title: t("history.at"),
      width: "170px",
      cell: (one) => <DateTime at={one.at} />,
      value: (one) => one.at,
    },
    {
      key: "event",
      title: t("history.what"),
      width: "minmax(130px, 0.8fr)",
      cell: (one) => word("configEvent", one.event),
      value: (one) => one.event,
    },
    {
      key: "actor",
      title: t("history.who"),
      width: "130px",
      cell: (one) => one.actor,
      value: (one) => one.actor,
    },
    {
      key: "reason",
      title: t("review.reason"),
      width: "minmax(180px, 2fr)",
      cell: (one) => one.reason,
      value: (one) => one.reason,
    },
    ...(item
      ? [
          {
            key: "acts",
            title: t("config.acts"),
            hiddenTitle: true,
            width: "150px",
            cell: (one: ConfigChange) => (
              <span className="row">
                <Link
                  to={`${paths.config(at.namespace, at.group, at.name, "compare")}?from=${one.revision}`}
                >
                  {t("configTab.compare")}
                </Link>
                <IconAction
                  icon="back"
                  label={t("config.backTo", { revision: one.revision })}
                  whyNot={denied ?? (one.revision === item.revision ? t("config.isThis") : null)}
                  onClick={() => setBack(one)}
                />
              </span>
            ),
          },
        ]
      : []),
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
            rowKey={(one) => String(one.revision)}
            exportName="history"
            empty={<Empty title={t("history.none")} />}
          />
        )}
      </QueryView>
      {item && back && (
        <ReasonDialog
          title={t("config.backTo", { revision: back.revision })}
          done={t("config.wentBack")}
          send={(reason) => changes.rollBack(at, back.revision, reason, item.etag)}
          close={() => setBack(null)}
        >
          <p>{t("config.backNote")}</p>
        </ReasonDialog>
      )}
    </Card>
  );
}
