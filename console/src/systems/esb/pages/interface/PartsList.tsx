import { Input } from "antd";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { usePagedOf, useSettled } from "@/shared/filter";
import { QueryView, Empty } from "@/shared/states";
import { ActionButton, Card } from "@/shared/ui";

/** The parts of a definition beside the one that is read: searched and paged by the server. */
export function PartsList<T extends { no: number }>({
  version,
  resource,
  label,
  isChosen,
  choose,
  line,
  children,
}: {
  version: string;
  resource: "operations" | "schemas";
  label: string;
  isChosen: (part: T, first: boolean) => boolean;
  choose: (part: T) => void;
  line: (part: T) => ReactNode;
  /** What is shown of the chosen part, given the first of the list. */
  children: (first: T | undefined) => ReactNode;
}) {
  const { t } = useTranslation("esb");
  const [text, setText] = useState("");
  const q = useSettled(text);
  const { query, rows, more } = usePagedOf<T>("esb", `versions/${version}/${resource}`, {
    q: q.trim() || undefined,
  });
  return (
    <div className="parts-page">
      <Card title={label}>
        <div className="stack tight">
          <Input
            aria-label={t("parts.search")}
            placeholder={t("parts.search")}
            allowClear
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <QueryView query={query}>
            {() => (
              <ul className="parts-list" aria-label={label}>
                {rows.map((part, i) => (
                  <li key={part.no}>
                    <button
                      type="button"
                      aria-pressed={isChosen(part, i === 0)}
                      onClick={() => choose(part)}
                    >
                      {line(part)}
                    </button>
                  </li>
                ))}
                {rows.length === 0 && (
                  <li>
                    <Empty title={t("parts.none")} />
                  </li>
                )}
              </ul>
            )}
          </QueryView>
          {more && (
            <ActionButton small busy={more.busy} onClick={more.load}>
              {t("parts.more")}
            </ActionButton>
          )}
        </div>
      </Card>
      <div className="stack">{children(rows[0])}</div>
    </div>
  );
}
