import { Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import type { Flow } from "@/api/contract.otc";
import { PAGE, useFilters, usePagedOf } from "@/shared/filter";
import { DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, LinkButton, useWord } from "@/shared/ui";
import { useTopics } from "../../api";
import { useFlowColumns } from "../../components/flows";
import { ExportLinks, ListCommand } from "../../components/words";

const STATUSES = ["determined", "instructed", "settled", "failed", "reversed"];

/** The money of the whole desk by pay date: what to instruct, what came back. */
export default function FlowsPage() {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const { value, set } = useFilters();
  const filter = { status: value("status"), from: value("from"), to: value("to") };
  const { query, rows, more } = usePagedOf<Flow>("otc", "flows", filter);
  useTopics(["list:otc-flows", "list:otc-trades"], [["flows"]]);
  const columns = useFlowColumns({ withTrade: true });
  return (
    <>
      <PageHeader
        title={t("menu.flows")}
        name={t("menu.flows")}
        actions={
          <>
            <ExportLinks
              table="postings"
              label={t("tab.postings")}
              query={{ from: filter.from, to: filter.to }}
            />
            <ExportLinks table="flows" label={t("tab.flows")} query={filter} />
            <ListCommand resource="flows" query={{ ...filter, page_size: PAGE }} />
            <LinkButton />
          </>
        }
      />
      <Card flush>
        <div className="filters list-filters">
          <Select
            aria-label={t("flow.status")}
            placeholder={t("flow.status")}
            allowClear
            style={{ width: 150 }}
            value={filter.status ?? null}
            onChange={(status) => set({ status })}
            options={STATUSES.map((one) => ({ value: one, label: word("flowStatus", one) }))}
          />
          <Input
            type="date"
            aria-label={t("fixing.from")}
            style={{ width: 150 }}
            value={filter.from ?? ""}
            onChange={(event) => set({ from: event.target.value })}
          />
          <Input
            type="date"
            aria-label={t("fixing.to")}
            style={{ width: 150 }}
            value={filter.to ?? ""}
            onChange={(event) => set({ to: event.target.value })}
          />
        </div>
        <QueryView query={query}>
          {() => (
            <DataGrid
              label={t("menu.flows")}
              rows={rows}
              more={more}
              columns={columns}
              rowKey={(flow) => flow.id}
              rowHeight={48}
              empty={<Empty title={t("flow.none")} detail={t("flow.noneNext")} />}
            />
          )}
        </QueryView>
      </Card>
    </>
  );
}
