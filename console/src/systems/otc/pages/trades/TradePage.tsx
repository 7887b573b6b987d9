import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, Navigate, Route, Routes, useParams } from "react-router";
import type { Tagged } from "@/api/client";
import type { Decision, Trade } from "@/api/contract.otc";
import { TimeAgo, useFormat, useNow } from "@/shared/format";
import { PageHeader, TabBar } from "@/shared/record";
import { QueryView } from "@/shared/states";
import {
  Card,
  CopyButton,
  Figure,
  Figures,
  Icon,
  JsonBlock,
  LinkButton,
  StatusIcon,
} from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { cli } from "../../cli";
import { ApprovalCard, DecisionDialog } from "../../components/ApprovalCard";
import { Money, Prose, Signed, TradeStatusPill, useLocal } from "../../components/words";
import { today } from "../../model/time";
import { paths } from "../../paths";
import { EventsTab } from "./EventsTab";
import { FlowsTab } from "./FlowsTab";
import { OverviewTab } from "./OverviewTab";
import { PostingsTab } from "./PostingsTab";
import { TradeActions } from "./TradeActions";
import { ValuationTab } from "./ValuationTab";

export default function TradePage() {
  const { id = "" } = useParams();
  const query = useQuery(reads.trade(id));
  useTopics([`otc-trade:${id}`, "list:otc-approvals"], [["trade", id]]);
  return <QueryView query={query}>{(trade) => <TradeView trade={trade} />}</QueryView>;
}

const TABS = ["overview", "events", "flows", "postings", "terms", "valuation"] as const;

function TradeView({ trade }: { trade: Tagged<Trade> }) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  const [decision, setDecision] = useState<Decision | null>(null);
  const name = `${trade.id} ${local.one(trade.title)}`;
  return (
    <>
      <PageHeader
        title={name}
        name={name}
        crumbs={[{ label: t("menu.trades"), to: paths.trades }]}
        badges={<TradeStatusPill status={trade.status} flags={trade.flags} />}
        meta={<Meta trade={trade} />}
        actions={
          <>
            <CopyButton
              value={() => cli.explain(trade.terms)}
              label={t("cli.explain")}
              text={t("cli.short")}
            />
            <LinkButton />
            <TradeActions trade={trade} />
          </>
        }
      />
      <Waiting trade={trade} />
      {trade.open_approval && <OpenApproval id={trade.open_approval} decided={setDecision} />}
      <DecisionDialog decision={decision} close={() => setDecision(null)} />
      <Headline trade={trade} />
      <TabBar
        label={name}
        tabs={TABS.map((tab) => ({ to: paths.trade(trade.id, tab), label: t(`tab.${tab}`) }))}
      />
      <Routes>
        <Route index element={<Navigate to={paths.trade(trade.id, "overview")} replace />} />
        <Route path="overview" element={<OverviewTab trade={trade} />} />
        <Route path="events" element={<EventsTab trade={trade} />} />
        <Route path="flows" element={<FlowsTab trade={trade} />} />
        <Route path="postings" element={<PostingsTab trade={trade} />} />
        <Route path="terms" element={<TermsTab trade={trade} />} />
        <Route path="valuation" element={<ValuationTab trade={trade} />} />
        <Route path="*" element={<Navigate to={paths.trade(trade.id, "overview")} replace />} />
      </Routes>
    </>
  );
}

function Meta({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  return (
    <>
      <span>
        <Icon name="user" />
        {trade.counterparty}
      </span>
      <span>{trade.underlying}</span>
      <span className="nums">#{trade.no}</span>
      <span>{t("trade.version", { version: trade.version })}</span>
      <span>
        <TimeAgo at={trade.updated_at} />
      </span>
      {trade.quote_id && (
        <Link to={paths.quote(trade.quote_id)}>
          <Icon name="quote" />
          {t("trade.fromQuote")}
        </Link>
      )}
    </>
  );
}

/** What somebody has to do before the contract goes on. */
function Waiting({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  const { state } = trade;
  const date = today(useNow(60_000));
  const notes: { key: string; text: string; to?: string }[] = [];
  for (const review of state.reviews)
    notes.push({
      key: `review${review.id}`,
      text: t("trade.review", { id: review.id, why: local.one(review.text) }),
    });
  if (state.waiting_for && state.waiting_for < date && trade.status === "live")
    notes.push({
      key: "fixing",
      text: t("trade.waitsFixing", { date: state.waiting_for }),
      to: paths.fixings,
    });
  if (notes.length === 0) return null;
  return (
    <div className="notice tone-wait" role="note">
      <StatusIcon state="awaiting_approval" />
      <ul className="grow">
        {notes.map((note) => (
          <li key={note.key}>{note.to ? <Link to={note.to}>{note.text}</Link> : note.text}</li>
        ))}
      </ul>
    </div>
  );
}

/** The decision that waits, where the contract is read. */
function OpenApproval({ id, decided }: { id: string; decided: (decision: Decision) => void }) {
  const query = useQuery(reads.approvals("open"));
  const approval = query.data?.items.find((one) => one.id === id);
  return approval ? <ApprovalCard approval={approval} decided={decided} /> : null;
}

function Headline({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const format = useFormat();
  const size = trade.state.size;
  return (
    <Figures>
      <Figure
        label={t("trade.notional")}
        value={<Money amount={trade.notional} currency={trade.currency} />}
        {...(size ? { note: t("trade.left", { left: format.decimal(size[0]) }) } : {})}
      />
      <Figure
        label={t("trade.pv")}
        value={<Signed value={trade.pv} />}
        note={trade.pv_as_of ?? t("trade.notValued")}
      />
      <Figure
        label={t("trade.term")}
        value={<span className="nums">{trade.end || "–"}</span>}
        note={t("trade.from", { start: trade.start || "–" })}
      />
      <Figure
        label={t("trade.next")}
        value={<span className="nums">{trade.next_observation ?? "–"}</span>}
        note={
          trade.state.observed_to
            ? t("trade.observedTo", { date: trade.state.observed_to })
            : t("trade.notObserved")
        }
      />
    </Figures>
  );
}

function TermsTab({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  return (
    <div className="two-columns even">
      <Card title={t("trade.words")}>
        <Prose lines={local.lines(trade.words)} />
      </Card>
      <Card title={t("trade.sheet")}>
        <JsonBlock value={trade.terms} label={t("trade.sheet")} />
      </Card>
    </div>
  );
}
