import { useTranslation } from "react-i18next";
import type { Preview } from "@/api/contract.esb";
import { useFormat, useSaid } from "@/shared/format";
import { Card, StatusPill, useWord } from "@/shared/ui";
import { UnmetList } from "../../components/words";

const LOOK: Record<string, string> = { added: "passed", changed: "warned", removed: "failed" };

/** What a publish would change now, what it would leave out, and what stands against it. */
export function NextPublish({ preview }: { preview: Preview }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const said = useSaid();
  const format = useFormat();
  const { changes, total } = preview;
  return (
    <Card title={t("publish.next")}>
      <div className="stack">
        <UnmetList unmet={preview.unmet} label={t("publish.against")} />
        <p role="status">
          {total === 0
            ? t("publish.noChange")
            : t("publish.changes", { count: total, shown: format.integer(changes.length) })}
        </p>
        {changes.length > 0 && (
          // A list that scrolls is reached by the keyboard too.
          <section className="publish-changes" tabIndex={0} aria-label={t("publish.changed")}>
            <table className="plain-table" aria-label={t("publish.changed")}>
              <thead>
                <tr>
                  <th scope="col">{t("publish.became")}</th>
                  <th scope="col">{t("publish.kind")}</th>
                  <th scope="col">{t("publish.what")}</th>
                </tr>
              </thead>
              <tbody>
                {changes.map((one) => (
                  <tr key={`${one.kind} ${one.what}`}>
                    <td>
                      <StatusPill
                        plain
                        state={LOOK[one.became] ?? "none"}
                        label={word("became", one.became)}
                      />
                    </td>
                    <td>{word("publishKind", one.kind)}</td>
                    <td>
                      <code>{one.what}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
        {preview.left_out.length > 0 && (
          <section aria-label={t("publish.leftOut")}>
            <h3>{t("publish.leftOut")}</h3>
            <ul className="unmet-list">
              {preview.left_out.map((one) => (
                <li key={`${one.what}${one.code}`}>
                  <span className="grow">
                    <code>{one.what}</code> {said(one.text)}
                  </span>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </Card>
  );
}
