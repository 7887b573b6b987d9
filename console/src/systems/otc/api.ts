import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import {
  call,
  get,
  getTagged,
  pathsUnder,
  post,
  postTagged,
  type Tagged,
  withQuery,
} from "@/api/client";
import type { List } from "@/api/contract";
import type {
  Approval,
  CalendarItem,
  Chance,
  Decision,
  EngineName,
  Fixing,
  FixingReport,
  Flow,
  Path,
  Payoff,
  Postings,
  Quote,
  Recorded,
  Snapshot,
  Template,
  TermCheck,
  Terms,
  Trade,
  TradeEvent,
  TradeList,
  Valuation,
} from "@/api/contract.otc";
import { useSystemTopics } from "@/shared/live";
import { useSystemAction } from "@/shared/states";

export const BASE = "/api/otc/v1";
/** Where the desk tells what changed. */
export const STREAM = `${BASE}/events/stream`;

const path = pathsUnder(BASE);

const key = (...parts: unknown[]): unknown[] => ["otc", ...parts];

export interface TradeFilter {
  status?: string | undefined;
  product?: string | undefined;
  underlying?: string | undefined;
  counterparty?: string | undefined;
  q?: string | undefined;
  sort?: string | undefined;
}

export interface CalendarFilter {
  from?: string | undefined;
  to?: string | undefined;
  kind?: string | undefined;
}

export const TRADE_PAGE = 200;

const MOST_PAGES = 30;

/** Every row of a list that is needed whole, page by page. */
async function all<T>(address: string, signal: AbortSignal): Promise<List<T>> {
  const items: T[] = [];
  let token: string | null = "";
  for (let page = 0; page < MOST_PAGES && token !== null; page += 1) {
    const got: List<T> = await get<List<T>>(
      address,
      { page_size: 1000, page_token: token },
      signal,
    );
    items.push(...got.items);
    token = got.next_page_token;
  }
  return { items, next_page_token: token };
}

/** Every read of the desk, with its cache key `[otc, resource, …]`. */
export const reads = {
  templates: () =>
    queryOptions({
      queryKey: key("templates"),
      queryFn: ({ signal }) => get<List<Template>>(path`/templates`, undefined, signal),
      staleTime: Infinity,
    }),
  engines: () =>
    queryOptions({
      queryKey: key("engines"),
      queryFn: ({ signal }) => get<List<EngineName>>(path`/engines`, undefined, signal),
      staleTime: Infinity,
    }),
  snapshots: () =>
    queryOptions({
      queryKey: key("snapshots"),
      queryFn: ({ signal }) => get<List<Snapshot>>(path`/snapshots`, { page_size: 20 }, signal),
    }),
  snapshot: (id: string) =>
    queryOptions({
      queryKey: key("snapshot", id),
      queryFn: ({ signal }) => get<Snapshot>(path`/snapshots/${id}`, undefined, signal),
      // Its id is the hash of its content: it never changes.
      staleTime: Infinity,
    }),
  /** A sheet as an object, or as text: findings then have lines and columns. */
  check: (terms: Terms | string) =>
    queryOptions({
      queryKey: key("check", typeof terms === "string" ? terms : JSON.stringify(terms)),
      queryFn: ({ signal }) =>
        call<TermCheck>("POST", path`/termsheets/validate`, { body: { terms }, signal }),
      placeholderData: keepPreviousData,
      staleTime: Infinity,
    }),
  quote: (id: string) =>
    queryOptions({
      queryKey: key("quote", id),
      queryFn: ({ signal }) => getTagged<Quote>(path`/quotes/${id}`, signal),
    }),
  trade: (id: string) =>
    queryOptions({
      queryKey: key("trade", id),
      queryFn: ({ signal }) => getTagged<Trade>(path`/trades/${id}`, signal),
    }),
  events: (id: string) =>
    queryOptions({
      queryKey: key("trade", id, "events"),
      queryFn: ({ signal }) => all<TradeEvent>(path`/trades/${id}/events`, signal),
    }),
  tradeFlows: (id: string) =>
    queryOptions({
      queryKey: key("trade", id, "flows"),
      queryFn: ({ signal }) => get<List<Flow>>(path`/trades/${id}/flows`, undefined, signal),
    }),
  postings: (id: string) =>
    queryOptions({
      queryKey: key("trade", id, "postings"),
      queryFn: ({ signal }) => get<Postings>(path`/trades/${id}/postings`, undefined, signal),
    }),
  payoff: (id: string) =>
    queryOptions({
      queryKey: key("trade", id, "payoff"),
      queryFn: ({ signal }) => get<Payoff>(path`/trades/${id}/payoff`, undefined, signal),
    }),
  path: (id: string) =>
    queryOptions({
      queryKey: key("trade", id, "path"),
      queryFn: ({ signal }) => get<Path>(path`/trades/${id}/path`, undefined, signal),
    }),
  chances: (id: string) =>
    queryOptions({
      queryKey: key("trade", id, "probabilities"),
      queryFn: ({ signal }) =>
        get<List<Chance>>(path`/trades/${id}/probabilities`, undefined, signal),
    }),
  valuation: (id: string) =>
    queryOptions({
      queryKey: key("trade", id, "valuation"),
      queryFn: ({ signal }) => get<Valuation>(path`/trades/${id}/valuation`, undefined, signal),
    }),
  approvals: (state?: string) =>
    queryOptions({
      queryKey: key("approvals", state ?? "all"),
      queryFn: ({ signal }) =>
        get<List<Approval>>(path`/approvals`, { state, page_size: 200 }, signal),
      placeholderData: keepPreviousData,
    }),
  calendar: (filter: CalendarFilter) =>
    queryOptions({
      queryKey: key("calendar", filter),
      queryFn: ({ signal }) =>
        get<List<CalendarItem>>(path`/calendar`, { ...filter, page_size: 500 }, signal),
      placeholderData: keepPreviousData,
    }),
};

/** One page of the blotter. */
export const tradePage = (filter: TradeFilter, token: string, signal: AbortSignal) =>
  get<TradeList>(path`/trades`, { ...filter, page_size: TRADE_PAGE, page_token: token }, signal);

export const tradesKey = (filter: TradeFilter): unknown[] => key("trades", filter);

export interface QuoteRequest {
  terms: Terms;
  unknown: string;
  side: string;
  counterparty: string;
  snapshot_id: string;
  spreads: { vol: number; q: number; r: number };
  charges: { hedge_bp: number; margin_bp: number; reserve_bp: number; funding_bp: number };
  valid_minutes: number;
  engine: string | null;
  model: string | null;
}

export interface EventRequest {
  event_id: string;
  kind: string;
  payload: unknown;
  effective: string;
  reason: string;
}

/** What an event led to: done, or put before a second person. */
export type EventOutcome = Partial<Recorded> & { approval?: Approval };

/** Every change of the desk. */
export const writes = {
  quote: (body: QuoteRequest) => post<Quote>(path`/quotes`, body),
  accept: (quote: Tagged<Quote>, spot: string | null) =>
    postTagged<{ quote: Quote; trade: Trade }>(
      path`/quotes/${quote.id}/accept`,
      spot ? { spot } : {},
      quote.etag,
    ),
  rejectQuote: (id: string, reason: string) => post<Quote>(path`/quotes/${id}/reject`, { reason }),
  event: (trade: Tagged<Trade>, body: EventRequest) =>
    postTagged<EventOutcome>(path`/trades/${trade.id}/events`, body, trade.etag),
  approve: (id: string, comment: string) =>
    post<Decision>(path`/approvals/${id}/approve`, { comment }),
  reject: (id: string, comment: string) =>
    post<Decision>(path`/approvals/${id}/reject`, { comment }),
  fix: (items: Pick<Fixing, "underlying" | "date" | "value" | "source">[], reason: string) =>
    post<FixingReport>(path`/fixings`, { items, reason }),
  importFixings: (file: Blob, type: string, dryRun: boolean, reason?: string) =>
    call<FixingReport>("POST", path`/fixings/import`, {
      query: { dry_run: dryRun, ...(reason ? { reason } : {}) },
      raw: { content: file, type },
    }),
  /** Values every contract in force by the newest market. */
  mark: () => post<{ valued: number; failed: unknown[] }>(path`/valuations`),
  flow: (flow: Flow, step: "instruct" | "settle" | "fail", note: string) =>
    post<EventOutcome>(path`/flows/${flow.trade_id}/${flow.id}/${step}`, { note }),
};

export type ExportTable = "trades" | "events" | "flows" | "postings" | "fixings" | "quotes";

/** Where the table can be fetched as a file, with the filter of the page. */
export const exportUrl = (
  table: ExportTable,
  format: "csv" | "xlsx",
  query: Record<string, string | undefined> = {},
): string => withQuery(`${BASE}/exports/${table}.${format}`, query);

/** The address of a list with the filter of its page. */
export const listUrl = (
  resource: string,
  query: Record<string, string | number | undefined> = {},
): string => withQuery(`${BASE}/${resource}`, query);

export const useAction = <In, Out>(
  run: (input: In) => Promise<Out>,
  done: string | null,
  after?: (out: Out) => void,
) => useSystemAction("otc", run, done, after);

/** Refetches the given resources when one of the topics changes. */
export const useTopics = (
  topics: readonly string[],
  resources: readonly (readonly unknown[])[],
): void => useSystemTopics("otc", STREAM, topics, resources);
