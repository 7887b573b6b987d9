import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Input, Select } from "antd";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { TradeRow } from "@/api/contract.otc";
import { useFilters, useSettled } from "@/shared/filter";
import { TimeAgo, useFormat } from "@/shared/format";
import { type Column, DataGrid, type Order } from "@/shared/grid";
import { useShortcuts } from "@/shared/keys";
import { useLive } from "@/shared/live";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { ActionButton, Card, Icon, LinkButton, useDenied, useWord } from "@/shared/ui";
import {
  reads,
  STREAM,
  useAction,
  writes,
  TRADE_PAGE,
  type TradeFilter,
  tradePage,
  tradesKey,
} from "../../api";
import {
  ExportLinks,
  ListCommand,
  Money,
  Signed,
  TradeStatusPill,
  useLocal,
} from "../../components/words";
import { paths } from "../../paths";

/** With so many pages loaded a refetch would move the rows: the reader is asked first. */
const CALM_PAGES = 2;

/** Every contract of the book: filtered, ordered and paged by the server. */
export default function BlotterPage() {
  const { t } = useTranslation("otc");
  const denied = useDenied();
  const navigate = useNavigate();
  const { value, set } = useFilters();
  const filter: TradeFilter = {
    status: value("status"),
    product: value("product"),
    underlying: value("underlying"),
    counterparty: value("counterparty"),
    q: value("q"),
    sort: value("sort"),
  };
  return (
    <>
      <PageHeader
        title={t("menu.trades")}
        name={t("menu.trades")}
        actions={
          <>
            <ExportLinks table="trades" query={{ ...filter }} />
            <ListCommand resource="trades" query={{ ...filter, page_size: TRADE_PAGE }} />
            <LinkButton />
            <MarkButton />
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
      <Blotter filter={filter} set={set} />
    </>
  );
}

/** Values the whole book by the newest market; list and calendar then show it. */
function MarkButton() {
  const { t } = useTranslation("otc");
  const denied = useDenied()("otc.market.enter");
  const { message } = App.useApp();
  const mark = useAction(writes.mark, null, ({ valued, failed }) => {
    message.info(t("trade.marked", { valued, failed: failed.length }), 6);
  });
  return (
    <ActionButton
      icon="play"
      busy={mark.isPending}
      whyNot={denied}
      onClick={() => mark.mutate(undefined)}
    >
      {t("trade.mark")}
    </ActionButton>
  );
}

function Blotter({
  filter,
  set,
}: {
  filter: TradeFilter;
  set: (changes: Record<string, string | null | undefined>) => void;
}) {
  const { t } = useTranslation("otc");
  const client = useQueryClient();
  const [stale, setStale] = useState(false);
  const queryKey = tradesKey(filter);
  const query = useInfiniteQuery({
    queryKey,
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => tradePage(filter, pageParam, signal),
    getNextPageParam: (page) => page.next_page_token ?? undefined,
    placeholderData: (previous) => previous,
    refetchOnWindowFocus: false,
    staleTime: Infinity,
    // Comparing fifty thousand rows with each page that comes would cost more than drawing it.
    structuralSharing: false,
  });
  const pages = query.data?.pages;
  useLive(STREAM, ["list:otc-trades"], () => {
    if ((pages?.length ?? 0) <= CALM_PAGES) void client.invalidateQueries({ queryKey });
    else setStale(true);
  });
  const rows = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const columns = useColumns();
  return (
    <>
      <StatusCounts counts={pages?.[0]?.counts} filter={filter} set={set} />
      <Card flush>
        <FilterRow filter={filter} set={set} />
        {stale && (
          <div className="stale-chip" role="status">
            <button
              type="button"
              className="icon-button framed"
              onClick={() => {
                setStale(false);
                void client.resetQueries({ queryKey });
              }}
            >
              <Icon name="retry" size={13} />
              {t("trade.changed")}
            </button>
          </div>
        )}
        <QueryView query={query}>
          {() => (
            <DataGrid
              label={t("menu.trades")}
              rows={rows}
              columns={columns}
              rowKey={(trade) => trade.id}
              href={(trade) => paths.trade(trade.id)}
              rowHeight={48}
              view={JSON.stringify(filter)}
              {...totalOf(pages?.[0]?.counts, filter, rows.length)}
              order={{
                by: readOrder(filter.sort),
                set: (by) => set({ sort: by ? `${by.down ? "-" : ""}${by.key}` : null }),
              }}
              more={
                query.hasNextPage
                  ? {
                      load: () => void query.fetchNextPage({ cancelRefetch: false }),
                      busy: query.isFetchingNextPage,
                      auto: true,
                    }
                  : null
              }
              empty={<Empty title={t("trade.none")} detail={t("trade.noneNext")} />}
            />
          )}
        </QueryView>
      </Card>
    </>
  );
}

/** `-pv` is the greatest value first. */
function readOrder(sort: string | undefined): Order | null {
  if (!sort) return null;
  return sort.startsWith("-") ? { key: sort.slice(1), down: true } : { key: sort, down: false };
}

/** How many rows there are in all, where that is known: the counts are those of the whole book. */
function totalOf(
  counts: Record<string, number> | undefined,
  { product, underlying, counterparty, q, status }: TradeFilter,
  loaded: number,
): { total?: number } {
  if (!counts || product || underlying || counterparty || q) return {};
  const all = status
    ? (counts[status] ?? loaded)
    : Object.values(counts).reduce((a, b) => a + b, 0);
  return { total: Math.max(all, loaded) };
}

const STATUSES = [
  "draft",
  "pending_approval",
  "pending_confirm",
  "live",
  "knocked_out",
  "expired",
  "exercised",
  "terminated",
  "novated",
  "settling",
  "closed",
  "cancelled",
];

function StatusCounts({
  counts,
  filter,
  set,
}: {
  counts: Record<string, number> | undefined;
  filter: TradeFilter;
  set: (changes: Record<string, string | null>) => void;
}) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  const known = counts ?? {};
  const all = Object.values(known).reduce((a, b) => a + b, 0);
  const shown = STATUSES.filter((status) => (known[status] ?? 0) > 0 || filter.status === status);
  return (
    <div className="status-counts" role="group" aria-label={t("trade.byStatus")}>
      <button type="button" aria-pressed={!filter.status} onClick={() => set({ status: null })}>
        {t("trade.all")} <b className="nums">{counts ? format.integer(all) : "–"}</b>
      </button>
      {shown.map((status) => (
        <button
          key={status}
          type="button"
          aria-pressed={filter.status === status}
          onClick={() => set({ status: filter.status === status ? null : status })}
        >
          {word("status", status)} <b className="nums">{format.integer(known[status] ?? 0)}</b>
        </button>
      ))}
    </div>
  );
}

function FilterRow({
  filter,
  set,
}: {
  filter: TradeFilter;
  set: (changes: Record<string, string | null | undefined>) => void;
}) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  const templates = useQuery(reads.templates());
  useShortcuts([
    {
      keys: "/",
      label: t("trade.search"),
      group: t("keys.list"),
      run: () => document.getElementById("trade-search")?.focus(),
    },
  ]);
  return (
    <div className="filters list-filters">
      <Typed
        id="trade-search"
        label={t("trade.search")}
        value={filter.q}
        set={(q) => set({ q })}
        wide
      />
      <Select
        aria-label={t("trade.product")}
        placeholder={t("trade.product")}
        allowClear
        showSearch={{ optionFilterProp: "label" }}
        style={{ width: 170 }}
        value={filter.product ?? null}
        onChange={(product) => set({ product })}
        options={(templates.data?.items ?? []).map((template) => ({
          value: template.name,
          label: local.one(template.title),
        }))}
      />
      <Typed
        label={t("trade.underlying")}
        value={filter.underlying}
        set={(underlying) => set({ underlying })}
      />
      <Typed
        label={t("trade.counterparty")}
        value={filter.counterparty}
        set={(counterparty) => set({ counterparty })}
      />
    </div>
  );
}

/** A filter that is typed; it takes effect when the typing rests. */
function Typed({
  id,
  label,
  value,
  set,
  wide,
}: {
  id?: string;
  label: string;
  value: string | undefined;
  set: (value: string) => void;
  wide?: boolean;
}) {
  const [text, setText] = useState(value ?? "");
  const [seen, setSeen] = useState(value);
  // The address changed by other means (back, a link): the field follows.
  if (value !== seen) {
    setSeen(value);
    if ((value ?? "") !== text.trim()) setText(value ?? "");
  }
  const settled = useSettled(text.trim());
  useEffect(() => {
    if (settled !== (value ?? "") && settled === text.trim()) set(settled);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only what was typed asks for a change
  }, [settled]);
  return (
    <Input
      {...(id ? { id } : {})}
      aria-label={label}
      placeholder={label}
      allowClear
      style={{ width: wide ? 240 : 150 }}
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  );
}

function useColumns(): Column<TradeRow>[] {
  const { t } = useTranslation("otc");
  const local = useLocal();
  return useMemo(
    () => [
      {
        key: "no",
        title: t("trade.one"),
        width: "minmax(116px, 1.5fr)",
        cell: (trade) => (
          <span className="cell-two">
            <Link className="cell-link ellipsis" to={paths.trade(trade.id)}>
              {trade.id}
            </Link>
            <span className="ellipsis">{local.one(trade.title)}</span>
          </span>
        ),
        sortable: true,
      },
      {
        key: "status",
        title: t("trade.status"),
        width: "minmax(156px, 1.1fr)",
        cell: (trade) => <TradeStatusPill status={trade.status} flags={trade.flags} />,
        sortable: true,
      },
      {
        key: "underlying",
        title: t("trade.underlying"),
        width: "minmax(84px, 0.8fr)",
        cell: (trade) => <span className="ellipsis">{trade.underlying}</span>,
        sortable: true,
      },
      {
        key: "counterparty",
        title: t("trade.counterparty"),
        width: "minmax(70px, 1fr)",
        cell: (trade) => <span className="ellipsis">{trade.counterparty}</span>,
        sortable: true,
      },
      {
        key: "notional",
        title: t("trade.notional"),
        width: "118px",
        align: "end",
        cell: (trade) => <Money amount={trade.notional} currency={trade.currency} />,
        sortable: true,
      },
      {
        key: "end",
        title: t("trade.term"),
        width: "80px",
        cell: (trade) => (
          <span className="cell-two nums nowrap">
            <span>{trade.end || "–"}</span>
            <span>{trade.start || "–"}</span>
          </span>
        ),
        sortable: true,
      },
      {
        key: "next_observation",
        title: t("trade.next"),
        width: "80px",
        cell: (trade) => <span className="nums nowrap">{trade.next_observation ?? "–"}</span>,
        sortable: true,
      },
      {
        key: "pv",
        title: t("trade.pv"),
        width: "104px",
        align: "end",
        cell: (trade) => (
          <span title={trade.pv_as_of ?? ""}>
            <Signed value={trade.pv} />
          </span>
        ),
      },
      {
        key: "updated_at",
        title: t("trade.updated"),
        width: "66px",
        align: "end",
        cell: (trade) => <TimeAgo at={trade.updated_at} />,
        sortable: true,
      },
    ],
    [t, local],
  );
}
