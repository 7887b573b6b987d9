import { useTranslation } from "react-i18next";
import type { Texts } from "@/api/contract.otc";
import { Prose, useLocal } from "./words";

/** What a correction or change made different, before and after, in words. */
export function Difference({ value }: { value: Texts | null }) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  if (!value) return <p className="faint">{t("event.noDifference")}</p>;
  return (
    <div className="difference" role="group" aria-label={t("event.difference")}>
      <Prose lines={local.one(value).split("\n").filter(Boolean)} />
    </div>
  );
}
