/** Pure formatting: numbers, sizes, durations, instants. `lang` is a BCP 47 tag. */

const isChinese = (lang: string): boolean => lang.toLowerCase().startsWith("zh");

/**
 * A maker of formatters that makes each but once: to make one costs a thousand times what it costs
 * to use it, and a list draws hundreds of cells in a frame.
 */
function kept<Options, Formatter>(
  make: (lang: string, options: Options) => Formatter,
): (lang: string, options: Options) => Formatter {
  const made = new Map<string, Formatter>();
  return (lang, options) => {
    const key = `${lang} ${JSON.stringify(options)}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const one = make(lang, options);
    made.set(key, one);
    return one;
  };
}

const numbers = kept(
  (lang, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(lang, options),
);
const instants = kept(
  (lang, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(lang, options),
);
const distances = kept(
  (lang, options: Intl.RelativeTimeFormatOptions) => new Intl.RelativeTimeFormat(lang, options),
);

/** Shown wherever a value is unknown: never a zero. */
export const UNKNOWN = "–";

export function formatInteger(value: number | null | undefined, lang: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  return numbers(lang, { maximumFractionDigits: 0 }).format(value);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function formatBytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value) || value < 0) return UNKNOWN;
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return `${size.toFixed(digits)} ${UNITS[unit] ?? "B"}`;
}

const pad = (value: number): string => String(value).padStart(2, "0");

/** Two units at most: `840 ms`, `12.4s`, `3m 05s`, `2h 07m`, `3d 04h`. */
export function formatDuration(ms: number | null | undefined, lang: string): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return UNKNOWN;
  const u = isChinese(lang)
    ? {
        ms: " 毫秒",
        s: " 秒",
        m: " 分 ",
        h: " 小时 ",
        d: " 天 ",
        lastS: " 秒",
        lastM: " 分",
        lastH: " 小时",
      }
    : { ms: " ms", s: "s", m: "m ", h: "h ", d: "d ", lastS: "s", lastM: "m", lastH: "h" };
  if (ms < 1000) return `${Math.floor(ms)}${u.ms}`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${(Math.floor(ms / 100) / 10).toFixed(1)}${u.s}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}${u.m}${pad(seconds % 60)}${u.lastS}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}${u.h}${pad(minutes % 60)}${u.lastM}`;
  return `${Math.floor(hours / 24)}${u.d}${pad(hours % 24)}${u.lastH}`;
}

/** A running clock: `07:32`, `1:07:32`, `26:07:32`. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const hours = Math.floor(seconds / 3600);
  const rest = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** Milliseconds since the epoch, or null when the text is no instant. */
export function parseInstant(value: string | null | undefined): number | null {
  if (!value) return null;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

export function formatDateTime(value: string | null | undefined, lang: string): string {
  const at = parseInstant(value);
  if (at === null) return UNKNOWN;
  const parts = instants(isChinese(lang) ? "zh-CN" : "en-GB", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes): string =>
    parts.find((p) => p.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")} ${part("hour")}:${part("minute")}:${part("second")}`;
}

/** The zone the instant is shown in, for the hover text. */
export function zoneName(): string {
  zone ??= Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone;
}
let zone: string | undefined;

const STEPS: [limit: number, unit: Intl.RelativeTimeFormatUnit, size: number][] = [
  [60, "second", 1],
  [3600, "minute", 60],
  [86_400, "hour", 3600],
  [86_400 * 30, "day", 86_400],
  [86_400 * 365, "month", 86_400 * 30],
  [Infinity, "year", 86_400 * 365],
];

/** `3 min ago`; instants up to five seconds ahead (clock skew) count as now. */
export function formatRelative(
  value: string | null | undefined,
  now: number,
  lang: string,
): string {
  const at = parseInstant(value);
  if (at === null) return UNKNOWN;
  let seconds = (at - now) / 1000;
  if (seconds > 0 && seconds < 5) seconds = 0;
  const rtf = distances(lang, { numeric: "auto", style: "short" });
  const size = Math.abs(seconds);
  for (const [limit, unit, divisor] of STEPS) {
    if (size < limit) return rtf.format(Math.trunc(seconds / divisor), unit);
  }
  return UNKNOWN;
}

/** covered / total as a percentage with two places, rounded down: 79.996 never shows as 80. */
export function percentDown(part: number, whole: number): string | null {
  if (!Number.isFinite(part) || !Number.isFinite(whole) || whole <= 0) return null;
  const hundredths = Math.floor((part * 10_000) / whole);
  return `${Math.floor(hundredths / 100)}.${pad(hundredths % 100)}`;
}

/** First characters of a digest or commit id, without an algorithm prefix. */
export function shortHash(value: string | null | undefined, length = 8): string {
  if (!value) return UNKNOWN;
  const bare = value.includes(":") ? value.slice(value.indexOf(":") + 1) : value;
  return bare.slice(0, length);
}

/** A decimal text with its thousands apart; every digit stays. Anything else stays as it is. */
export function formatDecimal(value: string | null | undefined): string {
  if (value === null || value === undefined || value === "") return UNKNOWN;
  const match = /^([+-]?)(\d+)(\.\d+)?$/.exec(value.trim());
  if (!match) return value;
  const [, sign = "", whole = "", rest = ""] = match;
  return `${sign === "-" ? "\u2212" : ""}${whole.replaceAll(/\B(?=(\d{3})+$)/g, ",")}${rest}`;
}

/** A model number with a fixed count of decimals. */
export function formatNumber(
  value: number | null | undefined,
  lang: string,
  digits: number,
  signed = false,
): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const text = numbers(lang, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: signed ? "exceptZero" : "negative",
  }).format(value);
  return text.replace("-", "\u2212");
}

/** A ratio as a percentage: 0.1234 is 12.34 %. */
export function formatPercent(
  value: number | null | undefined,
  lang: string,
  digits = 2,
  signed = false,
): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  return `${formatNumber(value * 100, lang, digits, signed)}%`;
}

/** Short for an axis: 12.4M, 1,240 万. */
export function formatShort(value: number | null | undefined, lang: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  return numbers(lang, { notation: "compact", maximumSignificantDigits: 4 })
    .format(value)
    .replace("-", "\u2212");
}
