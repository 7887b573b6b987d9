import { useQueryClient } from "@tanstack/react-query";
import { Input } from "antd";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { Tagged } from "@/api/client";
import type { Json, Quote } from "@/api/contract.otc";
import { ApiError } from "@/api/problem";
import { useFormat, useNow } from "@/shared/format";
import { usePageCommands } from "@/shared/keys";
import { ErrorState } from "@/shared/states";
import {
  ActionButton,
  Card,
  CopyButton,
  Facts,
  Figure,
  Figures,
  Hash,
  useDenied,
  useWord,
} from "@/shared/ui";
import { reads, useAction, writes } from "../../api";
import { cli } from "../../cli";
import { GreekTable } from "../../components/GreekTable";
import { Bar, Signed, useLocal } from "../../components/words";
import { remaining } from "../../model/time";
import { paths } from "../../paths";
import { Countdown } from "./Countdown";

/** The answer to a ticket: the solved term, bid and offer, what they are made of, and the deal. */
export function QuoteResult({ quote }: { quote: Tagged<Quote> }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  const local = useLocal();
  const client = useQueryClient();
  return (
    <div className="stack quote-figures">
      <Figures>
        <Figure
          label={word("unknown", quote.unknown)}
          value={<span className="nums">{quote.solved.rounded}</span>}
          note={t("quote.raw", { raw: quote.solved.raw })}
        />
        <Figure label={t("quote.bid")} value={format.number(quote.bid, 2)} />
        <Figure label={t("quote.offer")} value={format.number(quote.offer, 2)} />
        <Figure label={t("quote.validFor")} value={<Countdown quote={quote} />} />
      </Figures>
      <Decide quote={quote} />
      <Card flush title={t("quote.charges")}>
        <ChargeTable quote={quote} />
      </Card>
      <Card title={t("quote.corners")}>
        <Shares quote={quote} />
      </Card>
      <Card flush title={t("valuation.greeks")}>
        <GreekTable greeks={quote.greeks} underlyings={[]} />
      </Card>
      <Card
        title={t("quote.proof")}
        extra={
          <CopyButton
            value={async () => {
              const { content } = await client.fetchQuery(reads.snapshot(quote.snapshot_id));
              return cli.price(quote.terms, content as Json);
            }}
            label={t("cli.price")}
            text={t("cli.short")}
          />
        }
      >
        <Facts
          items={[
            [t("valuation.engine"), <code key="e">{quote.engine}</code>],
            ...(quote.model !== "" && quote.model !== "quoted"
              ? [[t("ticket.model"), t(`ticket.models.${quote.model}`)] as [string, ReactNode]]
              : []),
            ...(quote.notes.length > 0
              ? [
                  [
                    t("quote.notes"),
                    <ul key="n" className="why-list">
                      {quote.notes.map((note) => (
                        <li key={`${note.code} ${note.en}`} title={note.code}>
                          {local.one(note)}
                        </li>
                      ))}
                    </ul>,
                  ] as [string, ReactNode],
                ]
              : []),
            [
              t("quote.snapshot"),
              <Hash key="s" value={quote.snapshot_id} label={t("quote.snapshot")} length={12} />,
            ],
            [
              t("quote.hash"),
              <Hash key="h" value={quote.content_hash} label={t("quote.hash")} length={12} />,
            ],
          ]}
        />
      </Card>
    </div>
  );
}

/** Fair value, each charge by its line, the edge that is left after rounding. */
function ChargeTable({ quote }: { quote: Quote }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  return (
    <table className="plain-table">
      <tbody>
        <tr>
          <th scope="row">{t("quote.fair")}</th>
          <td className="end nums">{format.number(quote.fair_value, 2)}</td>
        </tr>
        <tr>
          <th scope="row">{t("quote.worst")}</th>
          <td className="end nums">{format.number(quote.worst.value, 2)}</td>
        </tr>
        {quote.charges.map((charge) => (
          <tr key={charge.name}>
            <th scope="row">{word("charge", charge.name)}</th>
            <td className="end nums">{format.number(charge.amount, 2, true)}</td>
          </tr>
        ))}
        <tr>
          <th scope="row">{t("quote.pays")}</th>
          <td className="end nums">
            {format.number(quote.pays, 2)} <span className="faint">{quote.currency}</span>
          </td>
        </tr>
        <tr className="total">
          <th scope="row">{t("quote.edge")}</th>
          <td className="end">
            <Signed value={quote.edge} />
          </td>
        </tr>
      </tbody>
    </table>
  );
}

/** How much of the spread each mark accounts for, and the worst corner. */
function Shares({ quote }: { quote: Quote }) {
  const { t } = useTranslation("otc");
  const format = useFormat();
  const shares = [
    [t("ticket.spread.vol"), quote.shares.vol],
    [t("ticket.spread.q"), quote.shares.q],
    [t("ticket.spread.r"), quote.shares.r],
  ] as const;
  const whole = shares.reduce((sum, [, share]) => sum + Math.abs(share), 0);
  const [open, setOpen] = useState(false);
  return (
    <div className="stack tight">
      <ul className="share-list">
        {shares.map(([label, share]) => (
          <li key={label}>
            <span>{label}</span>
            <Bar
              share={whole > 0 ? Math.abs(share) / whole : 0}
              text={format.number(share, 2, true)}
            />
          </li>
        ))}
      </ul>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{t("quote.allCorners", { count: quote.corners.length })}</summary>
        {open && (
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t("ticket.spread.vol")}</th>
                <th scope="col">{t("ticket.spread.q")}</th>
                <th scope="col">{t("ticket.spread.r")}</th>
                <th scope="col" className="end">
                  {t("valuation.value")}
                </th>
              </tr>
            </thead>
            <tbody>
              {quote.corners.map((corner, i) => (
                <tr key={i}>
                  <td className="nums">{format.percent(corner.vol, 2, true)}</td>
                  <td className="nums">{format.percent(corner.q, 2, true)}</td>
                  <td className="nums">{format.percent(corner.r, 2, true)}</td>
                  <td className="end nums">{format.number(corner.value, 2)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </details>
    </div>
  );
}

const OPEN = new Set(["firm"]);

/** Accepting makes the trade in one step; declining asks why. */
function Decide({ quote }: { quote: Tagged<Quote> }) {
  const { t } = useTranslation("otc");
  const navigate = useNavigate();
  const now = useNow(1000);
  const [spot, setSpot] = useState("");
  const [reason, setReason] = useState("");
  const accept = useAction(
    () => writes.accept(quote, spot.trim() || null),
    t("quote.accepted"),
    ({ trade }) => void navigate(paths.trade(trade.id)),
  );
  const reject = useAction(() => writes.rejectQuote(quote.id, reason.trim()), t("quote.rejected"));
  const isOpen = OPEN.has(quote.status);
  const denied = useDenied()("otc.quote.make");
  usePageCommands(
    isOpen && denied === null
      ? [
          {
            id: "quote:accept",
            label: t("quote.accept"),
            group: `#${quote.no}`,
            keywords: "accept jieshou chengjiao",
            run: () => accept.mutate(undefined),
          },
        ]
      : [],
  );
  if (quote.trade_id) {
    return (
      <p>
        <Link className="button-link" to={paths.trade(quote.trade_id)}>
          {t("quote.openTrade")}
        </Link>
      </p>
    );
  }
  if (!isOpen) return quote.reason ? <p className="soft">{quote.reason}</p> : null;
  const late = remaining(quote.valid_until, now) === null;
  return (
    <Card>
      <div className="decide">
        <label>
          {t("quote.spot")}
          <Input
            inputMode="decimal"
            value={spot}
            onChange={(event) => setSpot(event.target.value)}
          />
        </label>
        <ActionButton
          primary
          icon="check"
          busy={accept.isPending}
          whyNot={denied ?? (late ? t("quote.lateWhy") : null)}
          onClick={() => accept.mutate(undefined)}
        >
          {t("quote.accept")}
        </ActionButton>
        <label className="grow">
          {t("quote.declineReason")}
          <Input value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
        <ActionButton
          icon="close"
          busy={reject.isPending}
          whyNot={denied ?? (reason.trim() === "" ? t("quote.declineNeedsReason") : null)}
          onClick={() => reject.mutate(undefined)}
        >
          {t("quote.decline")}
        </ActionButton>
      </div>
      {accept.error instanceof ApiError && <ErrorState error={accept.error} />}
    </Card>
  );
}
