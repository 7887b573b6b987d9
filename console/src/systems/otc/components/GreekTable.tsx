import { useTranslation } from "react-i18next";
import type { Greeks } from "@/api/contract.otc";
import { useFormat } from "@/shared/format";
import { useWord } from "@/shared/ui";

/** Sensitivities with what each is per; one line for each underlying it depends on. */
export function GreekTable({
  greeks,
  underlyings,
}: {
  greeks: Greeks;
  underlyings: readonly string[];
}) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const format = useFormat();
  const rows = Object.entries(greeks).flatMap(
    ([name, value]: [string, number | number[] | null]) =>
      Array.isArray(value)
        ? value.map((one, i) => ({ name, of: value.length > 1 ? (underlyings[i] ?? "") : "", one }))
        : [{ name, of: "", one: value }],
  );
  return (
    <table className="plain-table">
      <thead>
        <tr>
          <th scope="col">{t("valuation.greek")}</th>
          <th scope="col" className="end">
            {t("valuation.amount")}
          </th>
          <th scope="col">{t("valuation.unit")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, of, one }) => (
          <tr key={name + of}>
            <th scope="row">
              {word("greek", name)} <span className="faint">{of}</span>
            </th>
            <td className="end nums" title={one === null ? "" : String(one)}>
              {format.number(one, 4)}
            </td>
            <td className="faint">{word("greekUnit", name)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
