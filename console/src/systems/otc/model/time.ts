/** Plain dates and countdowns. */

/** What is left until an instant: `12:07`, `1:02:03`; null when it has passed. */
export function remaining(until: string, now: number): string | null {
  const at = Date.parse(until);
  if (Number.isNaN(at) || at <= now) return null;
  const seconds = Math.floor((at - now) / 1000);
  const pad = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** The plain date `days` after another one. */
export function daysAfter(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** Today where the reader is. */
export function today(now: number): string {
  const at = new Date(now);
  const pad = (value: number): string => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

const PHASES = ["pre_open", "intraday", "post_close"];

/**
 * The market with the latest quotes of these underlyings, whenever it was entered; of equal ones the
 * first. Markets without a date come after all that have one. Where none quotes them all, the latest
 * of any: the answer then says what it lacks.
 */
export function latestMarket<T extends { as_of: unknown; names: readonly string[] }>(
  markets: readonly T[],
  codes: readonly string[],
): T | undefined {
  const quotes = ({ names }: T) =>
    names.includes("*") || codes.every((code) => names.includes(code));
  const fit = markets.filter(quotes);
  return (fit.length > 0 ? fit : markets).reduce<T | undefined>((latest, one) => {
    if (latest === undefined) return one;
    return momentKey(one.as_of) > momentKey(latest.as_of) ? one : latest;
  }, undefined);
}

/** A text that orders moments, `2026-05-18 3 `; empty without a date. */
function momentKey(asOf: unknown): string {
  if (typeof asOf !== "object" || asOf === null || !("date" in asOf)) return "";
  const phase = "phase" in asOf ? PHASES.indexOf(String(asOf.phase)) : -1;
  const time = "time" in asOf && typeof asOf.time === "string" ? asOf.time : "";
  return `${String(asOf.date)} ${phase + 1} ${time}`;
}

/** A moment of a market: a date with its phase, or years since a start. */
export function asOfText(asOf: unknown): string {
  if (typeof asOf === "object" && asOf !== null && "date" in asOf) {
    const phase = "phase" in asOf && typeof asOf.phase === "string" ? ` ${asOf.phase}` : "";
    return `${String(asOf.date)}${phase}`;
  }
  return String(asOf);
}
