import i18next from "i18next";
import type { Command } from "@/shared/keys";
import { tradePage } from "./api";
import { paths } from "./paths";

/** Contracts by number, counterparty or underlying. */
export async function findRecords(
  text: string,
  go: (path: string) => void,
  signal: AbortSignal,
): Promise<Command[]> {
  const t = i18next.getFixedT(null, "otc");
  const { items } = await tradePage({ q: text }, "", signal);
  return items.slice(0, 12).map((trade) => ({
    id: `trade:${trade.id}`,
    label: `${trade.id} ${i18next.language === "en" ? trade.title.en : trade.title.zh}`,
    group: t("menu.trades"),
    keywords: `${trade.counterparty} ${trade.underlying} ${text}`,
    hint: trade.counterparty,
    run: () => go(paths.trade(trade.id)),
  }));
}
