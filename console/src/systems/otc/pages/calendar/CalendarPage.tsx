import { useQuery } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { CalendarItem } from "@/api/contract.otc";
import { useFilters } from "@/shared/filter";
import { useFormat, useNow } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, LinkButton, Tag, useWord } from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { Bar, ExportLinks, ListCommand, Money } from "../../components/words";
import { daysAfter, today } from "../../model/time";
import { paths } from "../../paths";

const KINDS = ["knock_out", "knock_in", "coupon", "expiry", "payment"];
const AHEAD_DAYS = 30;

/** What happens when, how far each level is, and how probable it is. */
export default function CalendarPage() {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const { value, set } = useFilters();
  const now = useNow(60_000);
  const from = value("from") ?? today(now);
  const to = value("to") ?? daysAfter(from, AHEAD_DAYS);
  const kind = value("kind");
  const query = useQuery(reads.calendar({ from, to, kind }));
  useTopics(["list:otc-trades", "list:otc-fixings"], [["calendar"]]);
  return (
    <>
      <PageHeader
        title={t("menu.calendar")}
        name={t("menu.calendar")}
        actions={
          <>
            <ExportLinks table="events" label={t("tab.events")} query={{ from, to }} />
            <ListCommand resource="calendar" query={{ from, to, kind, page_size: 500 }} />
            <LinkButton />
          </>
        }
      />
      <div className="filters">
        <Input
          type="date"
          aria-label={t("fixing.from")}
          style={{ width: 150 }}
          value={from}
          onChange={(event) => set({ from: event.target.value })}
        />
        <Input
          type="date"
          aria-label={t("fixing.to")}
          style={{ width: 150 }}
          value={to}
          onChange={(event) => set({ to: event.target.value })}
        />
        <Select
          aria-label={t("calendar.kind")}
          placeholder={t("calendar.kind")}
          allowClear
          style={{ width: 170 }}
          value={kind ?? null}
          onChange={(next) => set({ kind: next })}
          options={KINDS.map((one) => ({ value: one, label: word("level", one) }))}
        />
      </div>
      <QueryView query={query}>
        {({ items, next_page_token }) =>
          items.length === 0 ? (
            <Card>
              <Empty title={t("calendar.none")} detail={t("calendar.noneNext")} />
            </Card>
          ) : (
            <>
              {next_page_token !== null && (
                <p className="soft" role="status">
                  {t("calendar.cut", { count: items.length })}
                </p>
              )}
              <Days items={items} />
            </>
          )
        }
      </QueryView>
    </>
  );
}

function byDate(items: readonly CalendarItem[]): [string, CalendarItem[]][] {
  const days = new Map<string, CalendarItem[]>();
  for (const item of items) {
    const mine = days.get(item.date);
    if (mine) mine.push(item);
    else days.set(item.date, [item]);
  }
  return [...days].sort(([a], [b]) => (a < b ? -1 : 1));
}

function Days({ items }: { items: CalendarItem[] }) {
  const { t, i18n } = useTranslation("otc");
  const days = byDate(items);
  const weekday = (date: string): string =>
    new Intl.DateTimeFormat(i18n.language, { weekday: "short", timeZone: "UTC" }).format(
      new Date(`${date}T00:00:00Z`),
    );
  return (
    <ol className="days">
      {days.map(([date, mine]) => (
        <li key={date}>
          <h2 className="nums">
            {date} <span className="faint">{weekday(date)}</span>
          </h2>
          <Card flush>
            <table className="plain-table calendar-table" aria-label={date}>
              <thead>
                <tr>
                  <th scope="col">{t("calendar.kind")}</th>
                  <th scope="col">{t("trade.one")}</th>
                  <th scope="col" className="end">
                    {t("plot.level")}
                  </th>
                  <th scope="col" className="end">
                    {t("calendar.distance")}
                  </th>
                  <th scope="col">{t("plot.probability")}</th>
                </tr>
              </thead>
              <tbody>
                {mine.map((item) => (
                  <CalendarRow key={`${item.trade_id}${item.kind}${item.level}`} item={item} />
                ))}
              </tbody>
            </table>
          </Card>
        </li>
      ))}
    </ol>
  );
}

/** Nearer than this and the desk looks twice. */
const NEAR = 0.03;

function CalendarRow({ item }: { item: CalendarItem }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  const near = item.distance !== null && Math.abs(item.distance) < NEAR;
  return (
    <tr>
      <td>
        <Tag {...(near ? { tone: "warn" as const } : {})}>{word("level", item.kind)}</Tag>
        {item.span !== null && (
          <span className="soft nums"> {t("calendar.span", { ...item.span })}</span>
        )}
      </td>
      <td>
        <Link to={paths.trade(item.trade_id)}>{item.trade_id}</Link>
      </td>
      <td className="end">
        <Money amount={item.level} />
      </td>
      <td className="end">
        <span className="nums">{format.percent(item.distance, 2, true)}</span>
      </td>
      <td>
        {item.probability === null ? (
          <span className="faint">–</span>
        ) : (
          <Bar share={item.probability} text={format.percent(item.probability, 1)} />
        )}
      </td>
    </tr>
  );
}
