/**
 * Shapes of the OTC desk's answers as the pages use them; `contract.check.ts` holds them against
 * the server's document. Money, levels and sizes are decimal texts, model numbers are numbers.
 */
import type { Open } from "./contract";

/** A text in both languages of the house. */
export interface Texts {
  en: string;
  zh: string;
}

export interface Lines {
  en: string[];
  zh: string[];
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Terms = { [key: string]: Json };

/** Something wrong (or worth knowing) in a term sheet, with its place. */
export interface Finding {
  code: string;
  severity: Open<"error" | "notice">;
  pointer: string;
  line: number | null;
  column: number | null;
  seen: string | null;
  text: Texts;
}

export interface TermSummary {
  product: string;
  title: Texts;
  underlyings: string[];
  currency: string;
  notional: string;
  start: string | null;
  end: string | null;
  words: Lines;
  unknowns: string[];
}

export interface TermCheck {
  valid: boolean;
  findings: Finding[];
  summary: TermSummary | null;
}

export interface Template {
  name: string;
  preset: string | null;
  family: string;
  title: Texts;
  example: Terms;
  unknowns: string[];
}

/** An engine that may be asked for by name. */
export interface EngineName {
  name: string;
  id: string;
}

export interface Snapshot {
  id: string;
  /** The market itself; lists leave it out. */
  content: unknown;
  as_of: unknown;
  names: string[];
  created_by: string;
  created_at: string;
}

/** To the holder; one entry per underlying where it depends on one. */
export interface Greeks {
  delta: number[];
  gamma: number[];
  vega: number[];
  rho: number | null;
  rho_q: number[];
  theta_1d: number | null;
}

export type QuoteStatus = Open<
  "indicative" | "firm" | "expired" | "accepted" | "rejected" | "booked"
>;

/** What a reader of a value should know. */
export interface Note extends Texts {
  code: string;
}

export interface Quote {
  id: string;
  no: number;
  status: QuoteStatus;
  terms: Terms;
  unknown: string;
  solved: { pointer: string; raw: string; rounded: string };
  /** What the buyer pays. */
  pays: number;
  notional: number;
  currency: string;
  model: string;
  engine: string;
  notes: Note[];
  reason: string;
  worst: { vol: number; q: number; r: number; value: number };
  side: Open<"house_sells" | "house_buys">;
  counterparty: string;
  snapshot_id: string;
  fair_value: number;
  corners: { vol: number; q: number; r: number; value: number }[];
  shares: { vol: number; q: number; r: number };
  charges: { name: string; amount: number }[];
  edge: number;
  bid: number;
  offer: number;
  greeks: Greeks;
  valid_until: string;
  content_hash: string;
  created_by: string;
  created_at: string;
  trade_id: string | null;
}

export type TradeStatus = Open<
  | "draft"
  | "pending_approval"
  | "pending_confirm"
  | "live"
  | "knocked_out"
  | "expired"
  | "exercised"
  | "terminated"
  | "novated"
  | "settling"
  | "closed"
  | "cancelled"
>;

export interface TradeRow {
  /** As its sheet names it: what people know it by. */
  id: string;
  no: number;
  product: string;
  title: Texts;
  underlying: string;
  counterparty: string;
  direction: string;
  notional: string;
  currency: string;
  start: string;
  end: string;
  status: TradeStatus;
  flags: string[];
  version: number;
  seq: number;
  next_observation: string | null;
  observed_to: string | null;
  outcome: string | null;
  pv: number | null;
  pv_as_of: string | null;
  updated_at: string;
}

export interface TradeList {
  items: TradeRow[];
  next_page_token: string | null;
  /** Of the whole book, by status. */
  counts: Record<string, number>;
}

export interface Trade extends TradeRow {
  terms: Terms;
  state: TradeState;
  allowed: string[];
  words: Lines;
  quote_id: string | null;
  open_approval: string | null;
}

export interface Review {
  id: number;
  why: string;
  text: Texts;
}

export interface TradeState {
  values: Record<string, string>;
  ki_date: string | null;
  outcome: string | null;
  outcome_date: string | null;
  observed_to: string | null;
  waiting_for: string | null;
  /** Size left and size at inception, once a part ended early. */
  size: string[] | null;
  reviews: Review[];
  replacement: string | null;
  net_cash: string;
}

export interface TradeEvent {
  seq: number;
  event_id: string;
  kind: string;
  derived: boolean;
  effective: string;
  known_at: string;
  source: string;
  cause: string | null;
  supersedes: string | null;
  maker: string;
  checker: string | null;
  payload: unknown;
  words: Texts;
  hash: string;
}

export type FlowStatus = Open<
  "projected" | "determined" | "instructed" | "settled" | "failed" | "reversed"
>;

export interface Flow {
  id: string;
  trade_id: string;
  trade_no: number | null;
  counterparty: string | null;
  leg: string;
  kind: string;
  amount: string;
  /** The same with the sign of the house: positive when it receives. */
  house: string;
  currency: string;
  payer: Open<"house" | "counterparty">;
  payee: Open<"house" | "counterparty">;
  observed: string;
  pay_date: string;
  status: FlowStatus;
  trace: string;
  /** The same in both languages. */
  trace_text: Texts;
  netting_set: string;
  reverses: string | null;
}

export interface Posting {
  id: number;
  debit: string;
  credit: string;
  amount: string;
  currency: string;
  effective: string;
  known_at: string;
  purpose: string;
  flow_id: string | null;
}

export interface Postings {
  items: Posting[];
  /** Balance of each account, debit positive: `FV CNY`. */
  balances: Record<string, string>;
}

export interface Payoff {
  axis: number[];
  payoff: number[];
  knocked_in: number[] | null;
  value_now: number[] | null;
  levels: { kind: string; level: number }[];
}

export interface BarrierPoint {
  date: string;
  kind: string;
  level: number;
  status: Open<"past" | "next" | "future">;
  hit: boolean;
}

export interface Path {
  underlying: string;
  points: { date: string; value: number }[];
  barriers: BarrierPoint[];
}

export interface Chance {
  date: string;
  kind: string;
  level: number | null;
  probability: number;
}

export interface Why {
  engine: string;
  chosen: boolean;
  reason: string;
  reason_zh: string;
}

export interface Valuation {
  value: number;
  value_open: number;
  value_determined: number;
  house_value: number;
  currency: string;
  greeks: Greeks;
  error_estimate: { abs: number; kind: string };
  tolerance_met: boolean;
  engine: string;
  why: Why[];
  notes: Note[];
  snapshot_id: string;
  as_of: unknown;
}

export interface Approval {
  id: string;
  no: number;
  kind: Open<"booking" | "event" | "fixings">;
  trade_id: string | null;
  event_kind: string | null;
  words: Texts;
  reason: string;
  difference: Texts | null;
  document: unknown;
  subject: string;
  state: Open<"open" | "approved" | "rejected" | "void" | "expired">;
  maker: string;
  checker: string | null;
  comment: string;
  created_at: string;
  expires_at: string;
  decided_at: string | null;
}

/** What became of an event that was sent. */
export interface Recorded {
  events: TradeEvent[];
  difference: Texts | null;
  status: string;
  version: number;
  repeated: boolean;
}

export interface Decision {
  approval: Approval;
  recorded: Recorded | null;
  fixings: FixingReport | null;
}

export interface Fixing {
  underlying: string;
  date: string;
  rule: string;
  value: string;
  source: string;
  version: number;
  maker: string;
  checker: string | null;
  entered_at: string;
}

export interface RowRefusal {
  row: number;
  column: string;
  value: string;
  code: string;
  message: Texts;
}

export interface Outlier {
  row: number;
  underlying: string;
  date: string;
  value: string;
  before: string;
  message: Texts;
}

/** What fixings did to a trade. */
export interface Effect {
  trade_id: string;
  trade_no: number;
  events: string[];
  difference: Texts | null;
  /** Why the trade did not take the fixing; the others did. */
  refused: Texts | null;
}

export interface FixingReport {
  rows: number;
  new: number;
  same: number;
  corrected: number;
  refused: RowRefusal[];
  outliers: Outlier[];
  /** Rows that were taken, with what should be known of them. */
  notices: RowRefusal[];
  effects: Effect[];
  trades: number;
  /** What waits for a second person: corrections, outliers and prices typed by hand. */
  approval: Approval | null;
  dry_run: boolean;
}

export interface CalendarItem {
  date: string;
  trade_id: string;
  trade_no: number;
  kind: string;
  underlying: string | null;
  /** Price; of payments the amount in the house's favour. */
  level: string | null;
  side: string | null;
  distance: number | null;
  probability: number | null;
  /** A schedule of many dates stands once, at its next date. */
  span: { first: string; last: string; count: number; left: number; next: string } | null;
}
