import { Checkbox, Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import type { Finding, Terms } from "@/api/contract.otc";
import { Tag, useWord } from "@/shared/ui";
import {
  choicesOf,
  groupsOf,
  isUnknown,
  type TermField,
  typed,
  withValue,
} from "../../model/terms";

interface Props {
  terms: Terms;
  /** The field that is solved for. */
  place: string | null;
  findings: readonly Finding[];
  set: (terms: Terms) => void;
}

/** A field for each leaf of the sheet, in the groups people think in. */
export function TermForm({ terms, place, findings, set }: Props) {
  const { t } = useTranslation("otc");
  return (
    <div className="stack">
      {groupsOf(terms).map(({ group, fields }) => (
        <fieldset key={group} className="term-group">
          <legend>{t(`ticket.group.${group}`)}</legend>
          <div className="form-grid">
            {fields
              .filter((field) => field.pointer !== "/direction")
              .map((field) => (
                <TermInput
                  key={field.pointer}
                  field={field}
                  unknown={isUnknown(field.pointer, place)}
                  wrong={findings.some(
                    (f) => f.pointer === field.pointer && f.severity !== "notice",
                  )}
                  set={(value) => set(withValue(terms, field.pointer, value))}
                />
              ))}
          </div>
        </fieldset>
      ))}
    </div>
  );
}

function TermInput({
  field,
  unknown,
  wrong,
  set,
}: {
  field: TermField;
  unknown: boolean;
  /** Whether something found there stops the contract; a notice does not. */
  wrong: boolean;
  set: (value: string | number | boolean) => void;
}) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const id = `term${field.pointer.replaceAll("/", "-")}`;
  const choices = choicesOf(field.pointer);
  const name = useTermName(field.path);
  if (typeof field.value === "boolean") {
    return (
      <div className="form-field">
        <Checkbox id={id} checked={field.value} onChange={(event) => set(event.target.checked)}>
          {name}
        </Checkbox>
      </div>
    );
  }
  const text = field.value === null ? "" : String(field.value);
  return (
    <div className={unknown ? "form-field unknown" : "form-field"}>
      <label htmlFor={id} title={field.pointer}>
        {name}
        {unknown && <Tag tone="busy">{t("ticket.solvedFor")}</Tag>}
      </label>
      {choices.length > 0 ? (
        <Select
          id={id}
          value={text}
          onChange={set}
          options={choices.map((choice) => ({ value: choice, label: word("choice", choice) }))}
        />
      ) : (
        <Input
          id={id}
          value={text}
          status={wrong ? "error" : ""}
          {...(wrong ? { "aria-invalid": true } : {})}
          onChange={(event) => set(typed(event.target.value, field.value))}
        />
      )}
    </div>
  );
}

/** The field's own word, with the branch it hangs on: "Coupon · rate". */
function useTermName(path: readonly string[]): string {
  const word = useWord("otc");
  const names = path
    .filter((part, i) => !(i === 0 && ["terms", "dates"].includes(part)))
    .map((part) => (/^\d+$/.test(part) ? String(Number(part) + 1) : word("term", part)));
  return names.join(" · ");
}
