import { useMemo } from "react";
import {
  formatBytes,
  formatDateTime,
  formatDecimal,
  formatDuration,
  formatInteger,
  formatNumber,
  formatPercent,
  formatShort,
} from "./format";
import { useLanguage } from "./useLanguage";

/** The formatters bound to the language of the page. */
export function useFormat() {
  const lang = useLanguage();
  return useMemo(
    () => ({
      lang,
      integer: (value: number | null | undefined) => formatInteger(value, lang),
      bytes: (value: number | null | undefined) => formatBytes(value),
      duration: (ms: number | null | undefined) => formatDuration(ms, lang),
      decimal: (value: string | null | undefined) => formatDecimal(value),
      number: (value: number | null | undefined, digits: number, signed = false) =>
        formatNumber(value, lang, digits, signed),
      percent: (value: number | null | undefined, digits = 2, signed = false) =>
        formatPercent(value, lang, digits, signed),
      short: (value: number | null | undefined) => formatShort(value, lang),
      dateTime: (value: string | null | undefined) => formatDateTime(value, lang),
    }),
    [lang],
  );
}
