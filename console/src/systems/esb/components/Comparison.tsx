import { useTranslation } from "react-i18next";
import { Empty } from "@/shared/states";
import { around, compareLines } from "../model/lines";

const SIGNS = { same: "", gone: "−", new: "+" };

/** Two contents, line by line; what is far from any difference is left out. */
export function Comparison({ label, old, now }: { label: string; old: string; now: string }) {
  const { t } = useTranslation("esb");
  if (old === now) return <Empty title={t("compare.same")} detail={t("compare.sameNext")} />;
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={label}>
      <table className="comparison" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">{t("compare.oldLine")}</th>
            <th scope="col">{t("compare.newLine")}</th>
            <th scope="col">{t("compare.sign")}</th>
            <th scope="col">{t("config.content")}</th>
          </tr>
        </thead>
        <tbody>
          {around(compareLines(old, now)).map((line, i) =>
            line ? (
              <tr key={i} className={`line-${line.kind}`}>
                <td className="nums">{line.old}</td>
                <td className="nums">{line.now}</td>
                <td>{SIGNS[line.kind]}</td>
                <td>
                  <code>{line.text}</code>
                </td>
              </tr>
            ) : (
              <tr key={i} className="faint">
                <td colSpan={4}>{t("compare.leftOut")}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}
