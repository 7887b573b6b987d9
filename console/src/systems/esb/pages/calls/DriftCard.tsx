import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Drift, Drifting } from "@/api/contract.esb";
import { TimeAgo, useFormat } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Card, Tag } from "@/shared/ui";
import { reads } from "../../api";
import { paths } from "../../paths";

/** What of requests and answers does not fit the definitions, summed over the gateways. */
export function DriftCard({
  environment,
  code,
}: {
  environment: string;
  code: string | undefined;
}) {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.drift(environment, code));
  return (
    <Card title={t("drift.title")}>
      <QueryView query={query}>{(found) => <Found found={found} />}</QueryView>
    </Card>
  );
}

function Found({ found }: { found: Drift }) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const columns: Column<Drifting>[] = [
    {
      key: "operation",
      title: t("calls.operation"),
      width: "minmax(180px, 1.2fr)",
      cell: (one) => (
        <span className="two-lines">
          <Link to={paths.interface(one.interface, undefined, one.version)}>
            {one.interface} {one.version}
          </Link>
          <code className="faint nowrap">{one.operation}</code>
        </span>
      ),
      value: (one) => `${one.interface} ${one.version} ${one.operation}`,
    },
    {
      key: "place",
      title: t("drift.place"),
      width: "minmax(200px, 1.4fr)",
      cell: (one) => (
        <span className="two-lines">
          <code>{one.place}</code>
          <span className="faint">{t("drift.why", { keyword: one.keyword, seen: one.class })}</span>
        </span>
      ),
      value: (one) => `${one.place} ${one.keyword}`,
    },
    {
      key: "direction",
      title: t("drift.of"),
      width: "110px",
      cell: (one) => <Tag>{t(`try.${one.direction}`)}</Tag>,
      value: (one) => one.direction,
    },
    {
      key: "application",
      title: t("application.one"),
      width: "minmax(120px, 0.8fr)",
      cell: (one) => one.application ?? t("calls.anybody"),
      value: (one) => one.application ?? "",
    },
    {
      key: "count",
      title: t("drift.count"),
      width: "100px",
      cell: (one) => format.integer(one.count),
      value: (one) => one.count,
    },
    {
      key: "last",
      title: t("drift.last"),
      width: "130px",
      cell: (one) => <TimeAgo at={one.last_at} />,
      value: (one) => one.last_at,
    },
  ];
  return (
    <>
      <p className="faint">
        {t("drift.checked", {
          checked: format.integer(found.checked),
          unchecked: format.integer(found.unchecked),
        })}{" "}
        {found.silent.length > 0 && t("drift.silent", { nodes: found.silent.join(", ") })}
      </p>
      <DataGrid
        label={t("drift.title")}
        rows={found.items}
        columns={columns}
        view={found.environment}
        rowKey={(one) =>
          [one.interface, one.version, one.operation, one.application, one.direction].join("|") +
          `|${one.place}|${one.keyword}|${one.class}`
        }
        rowHeight={48}
        exportName="drift"
        empty={<Empty title={t("drift.none")} detail={t("drift.noneNext")} />}
      />
    </>
  );
}
