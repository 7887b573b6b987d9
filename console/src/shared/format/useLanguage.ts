import i18next from "i18next";
import { useSyncExternalStore } from "react";

function subscribe(changed: () => void): () => void {
  i18next.on("languageChanged", changed);
  return () => i18next.off("languageChanged", changed);
}

/**
 * The language of the page. A cell of a long list asks for it hundreds of times a second:
 * `useTranslation` would make a translator for each.
 */
export function useLanguage(): string {
  return useSyncExternalStore(subscribe, () => i18next.language);
}
