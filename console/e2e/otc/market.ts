import type { Person } from "../support/house.ts";

const DAY_MS = 86_400_000;

/** The plain date some days after another. */
export const daysAfter = (date: string, days: number): string =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** The same day of a month `months` away (days up to the 28th only are used here). */
export function monthsAfter(date: string, months: number): string {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCMonth(at.getUTCMonth() + months);
  return at.toISOString().slice(0, 10);
}

/** The date in Shanghai, where the desk and the browser of the stories are. */
export const today = (): string => new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);

export interface ImportReport {
  new: number;
  same: number;
  refused: { row: number; column: string; code: string; value: string }[];
}

/** Sessions of an exchange between two dates, as the house's calendars know them. */
export async function sessions(person: Person, from: string, to: string): Promise<string[]> {
  const days: string[] = [];
  for (let day = from; day <= to; day = daysAfter(day, 1)) days.push(day);
  const rows = days.map((day) => `XSHG:PROBE,${day},1,probe`);
  const report = await person.text<ImportReport>(
    "/api/otc/v1/fixings/import?dry_run=true",
    `underlying,date,value,source\n${rows.join("\n")}\n`,
    "text/csv",
  );
  const closed = new Set(
    report.refused.filter((r) => r.code === "E-FIXING-SESSION").map((r) => r.value),
  );
  const other = report.refused.filter((r) => r.code !== "E-FIXING-SESSION");
  if (other.length > 0) throw new Error(`the probe was refused: ${JSON.stringify(other[0])}`);
  return days.filter((day) => !closed.has(day));
}

/** A snowball of two years and more whose 24th observation, about three weeks ago, knocks it out. */
export interface Story {
  code: string;
  /** Given by the house when the quote is accepted. */
  tradeId: string;
  initial: number;
  start: string;
  end: string;
  /** The session on which it is knocked out. */
  knockOut: string;
  fixings: [date: string, value: string][];
  terms: Record<string, unknown>;
  market: Record<string, unknown>;
}

export async function makeStory(person: Person, code: string): Promise<Story> {
  const initial = 5000;
  const lastMonth = daysAfter(today(), -21);
  // Months have a 28th; the observation then rolls to the next session.
  const day = Math.min(Number(lastMonth.slice(8)), 28);
  const observed = `${lastMonth.slice(0, 8)}${String(day).padStart(2, "0")}`;
  const open = await sessions(person, monthsAfter(observed, -24), daysAfter(today(), -1));
  const start = open[0] ?? observed;
  const last = monthsAfter(start, 24);
  const knockOut = open.find((date) => date >= last);
  if (!knockOut) throw new Error("no session since the observation");
  const at = open.indexOf(knockOut);
  const level = (i: number): number => {
    // Calm below the barrier, then up over it in two weeks.
    if (i >= at) return 1.05;
    if (i > at - 10) return 0.98 + (0.07 * (i - (at - 10))) / 10;
    return 0.98 + 0.01 * Math.sin(i / 9);
  };
  const fixings = open.map((date, i): [string, string] => [date, (initial * level(i)).toFixed(2)]);
  const end = monthsAfter(start, 36);
  const terms = {
    schema: "rialto.otc/1",
    trade_id: "E2E",
    template: "snowball/1",
    direction: "house_sells",
    underlying: { code, initial: String(initial) },
    notional: "10000000",
    currency: "CNY",
    dates: { start, end },
    terms: {
      ko: { levels: "103%" },
      coupon: { rate: "12%" },
      bonus: "12%",
      ki: { level: "65%" },
    },
    clocks: { variance: "sessions:XSHG/244", rate: "act365", coupon: "act365" },
  };
  const market = {
    schema: "rialto.market/1",
    as_of: { date: start, phase: "post_close" },
    discount: {
      CNY: {
        zero: [
          ["3m", "1.62%"],
          ["1y", "1.71%"],
          ["3y", "1.88%"],
        ],
      },
    },
    underlyings: { [code]: { spot: String(initial), q: "4%", vol: "20%" } },
    calendars: "cn-2026.1",
  };
  return { code, tradeId: "", initial, start, end, knockOut, fixings, terms, market };
}

/** The file of a vendor, with one row that is no price. */
export function csvWithABadRow(story: Story): { text: string; badRow: number } {
  const rows = story.fixings.map(([date, value]) => `${story.code},${date},${value},vendor`);
  const place = 100;
  rows.splice(place, 0, `${story.code},${story.fixings[place]?.[0] ?? ""},n/a,vendor`);
  // The heading is row 1.
  return { text: `underlying,date,value,source\n${rows.join("\n")}\n`, badRow: place + 2 };
}
