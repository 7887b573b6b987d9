import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Flow, Trade } from "@/api/contract.otc";
import { DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Card } from "@/shared/ui";
import { reads } from "../../api";
import { useFlowColumns } from "../../components/flows";
import { ListCommand } from "../../components/words";

/** The money of the contract, each amount with the formula it comes from. */
export function FlowsTab({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const query = useQuery(reads.tradeFlows(trade.id));
  const columns = useFlowColumns({ withTrade: false });
  return (
    <Card
      flush
      title={t("tab.flows")}
      extra={<ListCommand resource={`trades/${encodeURIComponent(trade.id)}/flows`} />}
    >
      <QueryView query={query}>
        {({ items }) => (
          <DataGrid<Flow>
            label={t("tab.flows")}
            rows={items}
            columns={columns}
            rowKey={(flow) => flow.id}
            rowHeight={48}
            exportName={`${trade.id}-flows`}
            empty={<Empty title={t("flow.none")} detail={t("flow.noneNext")} />}
          />
        )}
      </QueryView>
    </Card>
  );
}
