import { useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Fault } from "../model/config";
import { offsetOf } from "../model/lines";

/** Lines left in sight above a place that is gone to. */
const ABOVE = 3;

/** A text with line numbers; what is wrong with it stands below, and leads to its place. */
export function ContentEditor({
  id,
  label,
  value,
  fault = null,
  whyNot = null,
  change,
}: {
  id: string;
  label: string;
  value: string;
  fault?: Fault | null;
  /** Why it cannot be written. */
  whyNot?: string | null;
  change?: (text: string) => void;
}) {
  const { t } = useTranslation("esb");
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLPreElement>(null);
  const count = value.split("\n").length;
  const numbers = Array.from({ length: count }, (_, i) => `${i + 1}\n`);
  const bad = fault ? Math.min(fault.line, count) : null;
  const go = (to: Fault) => {
    const box = area.current;
    if (!box) return;
    const at = offsetOf(value, to.line, to.column);
    box.focus();
    box.setSelectionRange(at, at + 1);
    box.scrollTop = (box.scrollHeight / count) * Math.max(0, to.line - 1 - ABOVE);
  };
  return (
    <div className="form-field content-editor">
      <label htmlFor={id}>{label}</label>
      <div className="content-box">
        <pre ref={gutter} aria-hidden="true">
          {numbers.slice(0, (bad ?? 1) - 1).join("")}
          {bad === null ? numbers[0] : <mark>{numbers[bad - 1]}</mark>}
          {numbers.slice(bad ?? 1).join("")}
        </pre>
        <textarea
          ref={area}
          id={id}
          wrap="off"
          spellCheck={false}
          rows={Math.min(Math.max(count, 8), 24)}
          value={value}
          readOnly={change === undefined || whyNot !== null}
          title={whyNot ?? undefined}
          aria-invalid={fault !== null}
          aria-describedby={fault ? `${id}-fault` : undefined}
          onScroll={(event) => {
            if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
          }}
          onChange={(event) => change?.(event.target.value)}
        />
      </div>
      {fault && (
        <p id={`${id}-fault`} role="alert" className="form-error">
          <button type="button" className="finding-place" onClick={() => go(fault)}>
            {t("finding.place", { line: fault.line, column: fault.column })}
          </button>{" "}
          {fault.text}
        </p>
      )}
    </div>
  );
}
