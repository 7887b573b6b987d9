import { useQuery } from "@tanstack/react-query";
import { Checkbox } from "antd";
import { useTranslation } from "react-i18next";
import type { Trade, TradeEvent } from "@/api/contract.otc";
import { DateTime } from "@/shared/format";
import { QueryView } from "@/shared/states";
import { Card, Hash, StatusIcon, Tag, useWord } from "@/shared/ui";
import { reads } from "../../api";
import { useFilters } from "../../components/filters";
import { ExportLinks, JsonBlock, useLocal } from "../../components/words";
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
          <ExportLinks table="events" query={{ trade_id: trade.id }} />
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
