import { useTranslation } from "react-i18next";
import type { Subscription } from "@/api/contract.esb";
import { usePagedOf } from "@/shared/filter";
import { TimeAgo, useFormat } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Card, useWord } from "@/shared/ui";
import { useTopics } from "../api";
import { paths } from "../paths";
import { SubscriptionPill } from "./words";

/** Subscriptions that fit, page by page. */
export function SubscriptionGrid({ filter }: { filter: Record<string, string | undefined> }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const format = useFormat();
  const { query, rows, more } = usePagedOf<Subscription>("esb", "subscriptions", filter);
  useTopics(["list:esb-interfaces"], [["subscriptions"]]);
  const columns: Column<Subscription>[] = [
    {
      key: "application",
      title: t("application.one"),
      width: "minmax(130px, 1fr)",
      cell: (one) => <b>{one.application}</b>,
      value: (one) => one.application,
    },
    {
      key: "interface",
      title: t("interface.one"),
      width: "minmax(170px, 1.4fr)",
      cell: (one) => (
        <span>
          <code>{one.interface}</code> <span className="nums">v{one.major}</span>
        </span>
      ),
      value: (one) => `${one.interface} v${one.major}`,
    },
    {
      key: "environment",
      title: t("subscription.environment"),
      width: "110px",
      cell: (one) => word("environment", one.environment),
      value: (one) => one.environment,
    },
    {
      key: "state",
      title: t("interface.state"),
      width: "190px",
      cell: (one) => <SubscriptionPill state={one.state} />,
      value: (one) => one.state,
    },
    {
      key: "rate",
      title: t("subscription.rate"),
      width: "110px",
      align: "end",
      cell: (one) => (
        <span className="nums">{format.integer(one.request.quota.rate_per_second)}</span>
      ),
      value: (one) => one.request.quota.rate_per_second,
    },
    {
      key: "until",
      title: t("subscription.until"),
      width: "110px",
      cell: (one) => <span className="nums">{one.until}</span>,
      value: (one) => one.until,
    },
    {
      key: "by",
      title: t("subscription.by"),
      width: "minmax(120px, 1fr)",
      cell: (one) => (
        <span className="two-lines">
          {one.requested_by}
          <span className="faint">
            <TimeAgo at={one.created_at} />
          </span>
        </span>
      ),
      value: (one) => one.requested_by,
    },
  ];
  return (
    <Card flush>
      <QueryView query={query}>
        {() => (
          <DataGrid
            label={t("menu.subscriptions")}
            rows={rows}
            columns={columns}
            more={more}
            view={JSON.stringify(filter)}
            rowKey={(one) => one.id}
            href={(one) => paths.subscription(one.id)}
            rowHeight={48}
            exportName="subscriptions"
            empty={<Empty title={t("subscription.none")} detail={t("subscription.noneNext")} />}
          />
        )}
      </QueryView>
    </Card>
  );
}
