import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Posting, Trade } from "@/api/contract.otc";
import { DateTime } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { Empty, QueryView } from "@/shared/states";
import { Card, useWord } from "@/shared/ui";
import { reads } from "../../api";
import { ListCommand, Money } from "../../components/words";

/** What stands on each account after all of it, debit positive. */
function Balances({ balances }: { balances: Record<string, string> }) {
  const { t } = useTranslation("otc");
  return (
    <table className="plain-table" aria-label={t("posting.balances")}>
      <caption>{t("posting.balances")}</caption>
      <tbody>
        {Object.entries(balances).map(([account, amount]) => (
          <tr key={account}>
            <th scope="row">
              <code>{account}</code>
            </th>
            <td className="end">
              <Money amount={amount} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Double entry: each line has the same amount on both sides. */
export function PostingsTab({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const query = useQuery(reads.postings(trade.id));
  const columns: Column<Posting>[] = [
    {
      key: "effective",
      title: t("posting.effective"),
      width: "110px",
      cell: (p) => <span className="nums nowrap">{p.effective}</span>,
      value: (p) => p.effective,
      sortable: true,
    },
    {
      key: "purpose",
      title: t("posting.purpose"),
      width: "minmax(120px, 1fr)",
      cell: (p) => word("purpose", p.purpose),
      value: (p) => p.purpose,
    },
    {
      key: "debit",
      title: t("posting.debit"),
      width: "minmax(140px, 1fr)",
      cell: (p) => (
        <span>
          <code>{p.debit}</code> {word("account", p.debit)}
        </span>
      ),
      value: (p) => p.debit,
    },
    {
      key: "credit",
      title: t("posting.credit"),
      width: "minmax(140px, 1fr)",
      cell: (p) => (
        <span>
          <code>{p.credit}</code> {word("account", p.credit)}
        </span>
      ),
      value: (p) => p.credit,
    },
    {
      key: "amount",
      title: t("flow.amount"),
      width: "180px",
      align: "end",
      cell: (p) => <Money amount={p.amount} currency={p.currency} />,
      value: (p) => p.amount,
    },
    {
      key: "known",
      title: t("posting.known"),
      width: "160px",
      align: "end",
      cell: (p) => <DateTime at={p.known_at} />,
      value: (p) => p.known_at,
      sortable: true,
    },
  ];
  return (
    <Card
      flush
      title={t("tab.postings")}
      extra={<ListCommand resource={`trades/${encodeURIComponent(trade.id)}/postings`} />}
    >
      <QueryView query={query}>
        {({ items, balances }) => (
          <>
            <DataGrid
              label={t("tab.postings")}
              rows={items}
              columns={columns}
              rowKey={(p) => String(p.id)}
              exportName={`${trade.id}-postings`}
              empty={<Empty title={t("posting.none")} detail={t("posting.noneNext")} />}
            />
            {items.length > 0 && <Balances balances={balances} />}
          </>
        )}
      </QueryView>
    </Card>
  );
}
