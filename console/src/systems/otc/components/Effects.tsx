import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Effect } from "@/api/contract.otc";
import { Tag, useWord } from "@/shared/ui";
import { paths } from "../paths";
import { Difference } from "./Difference";
import { useLocal } from "./words";

/** What the prices do to each contract they touch. */
export function Effects({ effects }: { effects: readonly Effect[] }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const local = useLocal();
  if (effects.length === 0) return <p className="faint">{t("import.noEffects")}</p>;
  return (
    <div>
      <h3>{t("import.effects", { count: effects.length })}</h3>
      <ul className="effect-list" aria-label={t("import.effectsLabel")}>
        {effects.slice(0, 100).map((effect) => (
          <li key={effect.trade_id}>
            <Link to={paths.trade(effect.trade_id)}>{effect.trade_id}</Link>
            <span className="chips">
              {[...new Set(effect.events)].map((kind) => (
                <Tag key={kind}>{word("eventKind", kind)}</Tag>
              ))}
            </span>
            {effect.refused && <span className="form-error">{local.one(effect.refused)}</span>}
            {effect.difference && <Difference value={effect.difference} />}
          </li>
        ))}
      </ul>
    </div>
  );
}
