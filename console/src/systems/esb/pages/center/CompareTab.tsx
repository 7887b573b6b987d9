import { Select } from "antd";
import { useTranslation } from "react-i18next";
import type { Tagged } from "@/api/client";
import type { ConfigChange, ConfigItem } from "@/api/contract.center";
import { useFilters, usePagedOf } from "@/shared/filter";
import { Empty, QueryView } from "@/shared/states";
import { ActionButton, Card, useWord } from "@/shared/ui";
import { type CenterKey, historyOf } from "../../center";
import { Comparison } from "../../components/Comparison";
import { Sealed } from "./ContentTab";

/** Two revisions beside each other; the choice stands in the address. */
export function CompareTab({ item, at }: { item: Tagged<ConfigItem>; at: CenterKey }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const { value, set } = useFilters();
  const { query, rows, more } = usePagedOf<ConfigChange>("esb", historyOf(at), {});
  const find = (revision: string | undefined) =>
    rows.find((one) => String(one.revision) === revision);
  const now = find(value("to")) ?? rows[0];
  const old = find(value("from")) ?? rows.find((one) => now && one.revision < now.revision);
  const options = rows.map((one) => ({
    value: String(one.revision),
    label: t("compare.choice", {
      revision: one.revision,
      event: word("configEvent", one.event),
      who: one.actor,
    }),
  }));
  const sides = [
    ["from", t("compare.from"), old],
    ["to", t("compare.to"), now],
  ] as const;
  return (
    <Card title={t("configTab.compare")}>
      <QueryView query={query}>
        {() => (
          <div className="stack">
            <div className="filters">
              {sides.map(([name, label, chosen]) => (
                <span className="row" key={name}>
                  <label htmlFor={`compare-${name}`}>{label}</label>
                  <Select
                    id={`compare-${name}`}
                    aria-label={label}
                    style={{ width: 280 }}
                    value={chosen ? String(chosen.revision) : null}
                    onChange={(next: string) => set({ [name]: next })}
                    options={options}
                  />
                </span>
              ))}
              {more && (
                <ActionButton busy={more.busy} onClick={more.load}>
                  {t("parts.more")}
                </ActionButton>
              )}
            </div>
            {old && now ? (
              <Sealed
                secret={item.secret || old.secret || now.secret}
                content={old.content === null ? null : now.content}
              >
                {(content) => (
                  <Comparison
                    label={t("compare.of", { from: old.revision, to: now.revision })}
                    old={old.content ?? ""}
                    now={content}
                  />
                )}
              </Sealed>
            ) : (
              <Empty title={t("compare.one")} detail={t("compare.oneNext")} />
            )}
          </div>
        )}
      </QueryView>
    </Card>
  );
}
