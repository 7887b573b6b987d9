import { useQuery } from "@tanstack/react-query";
import { Checkbox } from "antd";
import { useTranslation } from "react-i18next";
import type { Trade, TradeEvent } from "@/api/contract.otc";
import { useFilters } from "@/shared/filter";
import { DateTime } from "@/shared/format";
import { type Column, csvOf, download } from "@/shared/grid";
import { QueryView } from "@/shared/states";
import { ActionButton, Card, Hash, JsonBlock, StatusIcon, Tag, useWord } from "@/shared/ui";
import { reads } from "../../api";
import { ListCommand, useLocal } from "../../components/words";
import { eventTone, QUIET_KINDS } from "../../model/events";

/** The life of the contract: what happened, when it took effect, when it was known, by whom. */
export function EventsTab({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const { value, set } = useFilters();
  const everything = value("all") === "yes";
  const query = useQuery(reads.events(trade.id));
  return (
    <Card
      title={t("event.line")}
      extra={
        <>
          <Checkbox
            checked={everything}
            onChange={(event) => set({ all: event.target.checked ? "yes" : null })}
          >
            {t("event.quiet")}
          </Checkbox>
          <ListCommand resource={`trades/${encodeURIComponent(trade.id)}/events`} />
          {query.data && <CsvButton trade={trade} events={query.data.items} />}
        </>
      }
    >
      <QueryView query={query}>
        {({ items }) => {
          const shown = items.filter((e) => everything || !QUIET_KINDS.has(e.kind)).toReversed();
          if (shown.length === 0) return <p className="faint">{t("event.none")}</p>;
          return (
            <ol className="timeline">
              {shown.map((event) => (
                <EventLine key={event.seq} event={event} />
              ))}
            </ol>
          );
        }}
      </QueryView>
    </Card>
  );
}

/** Every event of the contract as a file, also those the line leaves out. */
function CsvButton({ trade, events }: { trade: Trade; events: readonly TradeEvent[] }) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  const columns: Column<TradeEvent>[] = (
    [
      ["seq", (e) => e.seq],
      ["kind", (e) => e.kind],
      ["effective", (e) => e.effective],
      ["known_at", (e) => e.known_at],
      ["maker", (e) => e.maker],
      ["checker", (e) => e.checker],
      ["words", (e) => local.one(e.words)],
      ["hash", (e) => e.hash],
    ] as [string, (e: TradeEvent) => string | number | null][]
  ).map(([title, value]) => ({ key: title, title, width: "", cell: value, value }));
  return (
    <ActionButton
      small
      icon="download"
      onClick={() => download(`${trade.id}-events.csv`, csvOf(events, columns), "text/csv")}
    >
      {t("export.csv")}
    </ActionButton>
  );
}

function EventLine({ event }: { event: TradeEvent }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const local = useLocal();
  return (
    <li>
      <StatusIcon state={eventTone(event.kind)} />
      <div>
        <b>{word("eventKind", event.kind)}</b> <span className="faint nums">#{event.seq}</span>{" "}
        {event.supersedes && <Tag tone="warn">{t("event.supersedes")}</Tag>}
        <div className="timeline-detail">{local.one(event.words)}</div>
        <details className="event-more">
          <summary>{t("event.more")}</summary>
          <JsonBlock value={event.payload} label={t("event.payload")} />
          <Hash value={event.hash} label={t("event.hash")} length={16} />
        </details>
      </div>
      <span className="event-when">
        <span className="nums" title={t("event.effective")}>
          {t("event.effectiveOn", { date: event.effective })}
        </span>
        <span className="faint" title={t("event.known")}>
          <DateTime at={event.known_at} />
        </span>
        <span className="faint">
          {event.maker}
          {event.checker && ` · ${t("event.checkedBy", { name: event.checker })}`}
        </span>
      </span>
    </li>
  );
}
