import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Note, Trade, Why } from "@/api/contract.otc";
import { useFormat } from "@/shared/format";
import { QueryView } from "@/shared/states";
import { Card, Figure, Figures, StatusIcon } from "@/shared/ui";
import { reads } from "../../api";
import { GreekTable } from "../../components/GreekTable";
import { Signed, useLocal } from "../../components/words";
import { asOfText } from "../../model/time";

/** What the contract is worth now, by which engine, and why that one. */
export function ValuationTab({ trade }: { trade: Trade }) {
  const { t } = useTranslation("otc");
  const format = useFormat();
  const query = useQuery(reads.valuation(trade.id));
  return (
    <QueryView query={query}>
      {(valuation) => (
        <>
          <Figures>
            <Figure
              label={t("valuation.value")}
              value={<Signed value={valuation.house_value} />}
              note={t("valuation.holder", {
                value: format.number(valuation.value, 2),
                currency: valuation.currency,
              })}
            />
            <Figure
              label={t("valuation.error")}
              value={
                <span className="nums">
                  {`± ${format.number(valuation.error_estimate.abs, 4)}`}
                </span>
              }
              note={t(valuation.tolerance_met ? "valuation.errorNote" : "valuation.errorWide")}
            />
            <Figure
              label={t("valuation.engine")}
              value={<code>{valuation.engine}</code>}
              note={asOfText(valuation.as_of)}
            />
          </Figures>
          <div className="two-columns even">
            <Card flush title={t("valuation.greeks")}>
              <GreekTable greeks={valuation.greeks} underlyings={trade.underlying.split(",")} />
            </Card>
            <Card title={t("valuation.why")}>
              <Reasons why={valuation.why} notes={valuation.notes} />
            </Card>
          </div>
        </>
      )}
    </QueryView>
  );
}

/** The choice of the engine: each candidate with its reason. */
function Reasons({ why, notes }: { why: readonly Why[]; notes: readonly Note[] }) {
  const local = useLocal();
  return (
    <>
      <ul className="why-list">
        {why.map((one) => (
          <li key={one.engine}>
            <StatusIcon state={one.chosen ? "success" : "skipped"} />
            <code>{one.engine}</code>
            <span className={one.chosen ? "" : "soft"}>
              {local.one({ en: one.reason, zh: one.reason_zh })}
            </span>
          </li>
        ))}
      </ul>
      {notes.map((note) => (
        <p key={`${note.code} ${note.en}`} className="soft" title={note.code}>
          {local.one(note)}
        </p>
      ))}
    </>
  );
}
