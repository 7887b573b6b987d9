import { Select } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { Quote } from "@/api/contract.otc";
import { PAGE, useFilters, usePagedOf } from "@/shared/filter";
import { TimeAgo, useFormat } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { ActionButton, Card, LinkButton, StatusPill, useDenied, useWord } from "@/shared/ui";
import { useTopics } from "../../api";
import { ExportLinks, ListCommand, Signed } from "../../components/words";
import { paths } from "../../paths";
import { Countdown } from "./Countdown";

const STATUSES = ["indicative", "firm", "expired", "rejected", "booked"];

/** Every price that was asked for, also those that came to nothing. */
export default function QuotesPage() {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const denied = useDenied();
  const navigate = useNavigate();
  const { value, set } = useFilters();
  const status = value("status");
  const { query, rows, more } = usePagedOf<Quote>("otc", "quotes", { status });
  useTopics(["list:otc-quotes"], [["quotes"]]);
  const columns = useColumns();
  return (
    <>
      <PageHeader
        title={t("menu.quotes")}
        name={t("menu.quotes")}
        actions={
          <>
            <ExportLinks table="quotes" query={{ status }} />
            <ListCommand resource="quotes" query={{ status, page_size: PAGE }} />
            <LinkButton />
            <ActionButton
              primary
              icon="plus"
              whyNot={denied("otc.quote.make")}
              onClick={() => void navigate(paths.ticket)}
            >
              {t("quote.new")}
            </ActionButton>
          </>
        }
      />
      <Card flush>
        <div className="filters list-filters">
          <Select
            aria-label={t("quote.status")}
            placeholder={t("quote.status")}
            allowClear
            style={{ width: 160 }}
            value={status ?? null}
            onChange={(next) => set({ status: next })}
            options={STATUSES.map((s) => ({ value: s, label: word("quoteStatus", s) }))}
          />
        </div>
        <QueryView query={query}>
          {() => (
            <DataGrid
              label={t("menu.quotes")}
              rows={rows}
              more={more}
              columns={columns}
              rowKey={(q) => q.id}
              href={(q) => paths.quote(q.id)}
              rowHeight={48}
              empty={<Empty title={t("quote.none")} detail={t("quote.noneNext")} />}
            />
          )}
        </QueryView>
      </Card>
    </>
  );
}

function useColumns(): Column<Quote>[] {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  return [
    {
      key: "no",
      title: t("quote.one"),
      width: "minmax(96px, 1fr)",
      cell: (q) => (
        <span className="cell-two">
          <Link className="cell-link ellipsis" to={paths.quote(q.id)}>
            #{q.no}
          </Link>
          <span className="ellipsis">{word("template", templateOf(q))}</span>
        </span>
      ),
      value: (q) => q.no,
      sortable: true,
    },
    {
      key: "status",
      title: t("quote.status"),
      width: "104px",
      cell: (q) => <StatusPill state={q.status} label={word("quoteStatus", q.status)} />,
      value: (q) => q.status,
      sortable: true,
    },
    {
      key: "counterparty",
      title: t("trade.counterparty"),
      width: "minmax(80px, 1fr)",
      cell: (q) => <span className="ellipsis">{q.counterparty}</span>,
      value: (q) => q.counterparty,
      sortable: true,
    },
    {
      key: "side",
      title: t("quote.side"),
      width: "84px",
      cell: (q) => word("side", q.side),
      value: (q) => q.side,
    },
    {
      key: "solved",
      title: t("quote.solved"),
      width: "minmax(96px, 1fr)",
      align: "end",
      cell: (q) => (
        <span className="cell-two">
          <b className="nums">{q.solved.rounded}</b>
          <span>{word("unknown", q.unknown)}</span>
        </span>
      ),
      value: (q) => q.solved.rounded,
    },
    {
      key: "bid",
      title: t("quote.bidOffer"),
      width: "168px",
      align: "end",
      cell: (q) => (
        <span className="nums nowrap">
          {format.number(q.bid, 2)} / {format.number(q.offer, 2)}
        </span>
      ),
      value: (q) => q.offer,
    },
    {
      key: "edge",
      title: t("quote.edge"),
      width: "92px",
      align: "end",
      cell: (q) => <Signed value={q.edge} />,
      value: (q) => q.edge,
      sortable: true,
    },
    {
      key: "valid",
      title: t("quote.validFor"),
      width: "84px",
      align: "end",
      cell: (q) => <Countdown quote={q} />,
    },
    {
      key: "created",
      title: t("quote.created"),
      width: "72px",
      align: "end",
      cell: (q) => <TimeAgo at={q.created_at} />,
      value: (q) => q.created_at,
      sortable: true,
    },
  ];
}

/** `snowball` of `snowball/1`. */
export function templateOf(quote: Quote): string {
  const { template } = quote.terms;
  return typeof template === "string" ? (template.split("/")[0] ?? template) : "program";
}
