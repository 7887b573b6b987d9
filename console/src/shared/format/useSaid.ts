import { useTranslation } from "react-i18next";
import type { BothTexts } from "@/api/problem";

/**
 * What the server says, in the language of the page. A server that does not say it in both
 * languages yet gives only the plain text, which is then shown as it is.
 */
export function useSaid(): (
  text: BothTexts | null | undefined,
  plain?: string | null,
) => string | null {
  const { i18n } = useTranslation();
  const lang = i18n.language === "en" ? "en" : "zh";
  return (text, plain) => text?.[lang] ?? plain ?? null;
}
