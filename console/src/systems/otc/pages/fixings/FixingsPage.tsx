import { Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Fixing } from "@/api/contract.otc";
import { PAGE, useFilters, usePagedOf } from "@/shared/filter";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, IconAction, LinkButton, useDenied } from "@/shared/ui";
import { useTopics } from "../../api";
import { ExportLinks, ListCommand, Money } from "../../components/words";
import { CorrectFixing } from "./CorrectFixing";
import { ImportCard } from "./ImportCard";

/** Published prices: brought in from a file, looked up, corrected. */
export default function FixingsPage() {
  const { t } = useTranslation("otc");
  const { value, set } = useFilters();
  const filter = {
    underlying: value("underlying"),
    from: value("from"),
    to: value("to"),
  };
  const { query, rows, more } = usePagedOf<Fixing>("otc", "fixings", { ...filter });
  useTopics(["list:otc-fixings"], [["fixings"]]);
  const [corrected, setCorrected] = useState<Fixing | null>(null);
  const columns = useColumns(setCorrected);
  return (
    <>
      <PageHeader
        title={t("menu.fixings")}
        name={t("menu.fixings")}
        actions={
          <>
            <ExportLinks table="fixings" query={{ ...filter }} />
            <ListCommand resource="fixings" query={{ ...filter, page_size: PAGE }} />
            <LinkButton />
          </>
        }
      />
      <ImportCard />
      <Card flush title={t("fixing.list")}>
        <div className="filters list-filters">
          <Input
            aria-label={t("trade.underlying")}
            placeholder={t("trade.underlying")}
            allowClear
            defaultValue={filter.underlying}
            onPressEnter={(event) => set({ underlying: event.currentTarget.value.trim() })}
            onChange={(event) => {
              if (event.target.value === "") set({ underlying: null });
            }}
          />
          <DateFilter name="from" value={filter.from} set={set} />
          <DateFilter name="to" value={filter.to} set={set} />
        </div>
        <QueryView query={query}>
          {() => (
            <DataGrid
              label={t("fixing.list")}
              rows={rows}
              more={more}
              columns={columns}
              rowKey={(f) => `${f.underlying}@${f.date}`}
              rowHeight={36}
              empty={<Empty title={t("fixing.none")} detail={t("fixing.noneNext")} />}
            />
          )}
        </QueryView>
      </Card>
      {corrected && <CorrectFixing fixing={corrected} close={() => setCorrected(null)} />}
    </>
  );
}

function DateFilter({
  name,
  value,
  set,
}: {
  name: "from" | "to";
  value: string | undefined;
  set: (changes: Record<string, string>) => void;
}) {
  const { t } = useTranslation("otc");
  return (
    <Input
      type="date"
      aria-label={t(`fixing.${name}`)}
      style={{ width: 150 }}
      value={value ?? ""}
      onChange={(event) => set({ [name]: event.target.value })}
    />
  );
}

function useColumns(correct: (fixing: Fixing) => void): Column<Fixing>[] {
  const { t } = useTranslation("otc");
  const denied = useDenied()("otc.fixing.enter");
  return [
    {
      key: "date",
      title: t("fixing.date"),
      width: "120px",
      cell: (f) => <span className="nums">{f.date}</span>,
      value: (f) => f.date,
      sortable: true,
    },
    {
      key: "underlying",
      title: t("trade.underlying"),
      width: "minmax(140px, 1fr)",
      cell: (f) => f.underlying,
      value: (f) => f.underlying,
      sortable: true,
    },
    {
      key: "value",
      title: t("fixing.value"),
      width: "150px",
      align: "end",
      cell: (f) => <Money amount={f.value} />,
      value: (f) => f.value,
    },
    {
      key: "source",
      title: t("fixing.source"),
      width: "minmax(120px, 1fr)",
      cell: (f) => f.source,
      value: (f) => f.source,
      sortable: true,
    },
    {
      key: "actions",
      title: t("grid.actions"),
      hiddenTitle: true,
      width: "60px",
      align: "end",
      cell: (f) => (
        <IconAction
          icon="settings"
          label={t("fixing.correctOf", { underlying: f.underlying, date: f.date })}
          whyNot={denied}
          onClick={() => correct(f)}
        />
      ),
    },
  ];
}
