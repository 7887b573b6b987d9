import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { formatBytes, formatDateTime, formatDuration, formatInteger } from "./format";

/** The formatters bound to the language of the page. */
export function useFormat() {
  const { i18n } = useTranslation();
  const lang = i18n.language;
  return useMemo(
    () => ({
      lang,
      integer: (value: number | null | undefined) => formatInteger(value, lang),
      bytes: (value: number | null | undefined) => formatBytes(value),
      duration: (ms: number | null | undefined) => formatDuration(ms, lang),
      dateTime: (value: string | null | undefined) => formatDateTime(value, lang),
    }),
    [lang],
  );
}
