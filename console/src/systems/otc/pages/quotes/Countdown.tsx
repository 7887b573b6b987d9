import { useTranslation } from "react-i18next";
import type { Quote } from "@/api/contract.otc";
import { useNow } from "@/shared/format";
import { remaining } from "../../model/time";

/** How long the price still stands. */
export function Countdown({ quote }: { quote: Pick<Quote, "status" | "valid_until"> }) {
  const { t } = useTranslation("otc");
  const now = useNow(1000);
  if (quote.status !== "firm") return <span className="faint">–</span>;
  const left = remaining(quote.valid_until, now);
  if (left === null) return <span className="down">{t("quote.expired")}</span>;
  return (
    <span role="timer" className="nums nowrap" title={quote.valid_until}>
      {left}
    </span>
  );
}
