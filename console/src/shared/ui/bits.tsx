import i18next from "i18next";
import { type ReactNode, useMemo } from "react";
import { shortHash, useLanguage } from "../format";
import { CopyButton } from "./CopyButton";
import { type Tone, toneOf } from "./status";
import { StatusIcon } from "./StatusIcon";
import "./status.css";
import "./bits.css";
import "./page.css";

/** A state as pill: shape, colour and word. */
export function StatusPill({
  state,
  label,
  plain,
}: {
  state: string;
  label: string;
  plain?: boolean;
}) {
  return (
    <span className={`pill tone-${toneOf(state)}${plain ? " plain" : ""}`}>
      <StatusIcon state={state} size={14} />
      {label}
    </span>
  );
}

export function Tag({
  children,
  tone,
  title,
}: {
  children: ReactNode;
  tone?: Tone;
  title?: string;
}) {
  return (
    <span className={tone ? `tag toned tone-${tone}` : "tag"} title={title}>
      {children}
    </span>
  );
}

/** First characters of a commit id or digest; the copy button gives the whole. */
export function Hash({
  value,
  label,
  length = 8,
}: {
  value: string | null | undefined;
  label: string;
  length?: number;
}) {
  if (!value) return <span className="faint">{shortHash(null)}</span>;
  return (
    <span className="hash">
      <code title={value}>{shortHash(value, length)}</code>
      <CopyButton value={value} label={label} quiet />
    </span>
  );
}

/** A bordered block with an optional heading row. */
export function Card({
  title,
  extra,
  children,
  flush,
  id,
}: {
  title?: ReactNode;
  extra?: ReactNode;
  children: ReactNode;
  /** No padding: the content (a grid) brings its own. */
  flush?: boolean;
  id?: string;
}) {
  return (
    <section className="card" id={id}>
      {title !== undefined && (
        <header className="card-head">
          <h2>{title}</h2>
          {extra !== undefined && <div className="row">{extra}</div>}
        </header>
      )}
      <div className={flush ? "card-body flush" : "card-body"}>{children}</div>
    </section>
  );
}

/** Name and value pairs. */
export function Facts({ items }: { items: [label: string, value: ReactNode][] }) {
  return (
    <dl className="facts">
      {items.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A figure with its name: for the strip at the head of a page. */
export function Figure({
  label,
  value,
  note,
  tone,
}: {
  label: string;
  value: ReactNode;
  note?: ReactNode;
  tone?: Tone;
}) {
  return (
    <div className={`figure${tone ? ` tone-${tone}` : ""}`}>
      <div className="figure-label">{label}</div>
      <div className="figure-value">{value}</div>
      {note !== undefined && <div className="figure-note">{note}</div>}
    </div>
  );
}

export function Figures({ children }: { children: ReactNode }) {
  return <div className="figures">{children}</div>;
}

/** A state word of the server in the language of the page; unknown words stay as they are. */
export function useWord(
  namespace: string,
): (group: string, word: string | null | undefined) => string {
  const lang = useLanguage();
  return useMemo(() => {
    const t = i18next.getFixedT(lang, namespace);
    return (group, word) => (word ? t(`${group}.${word}`, { defaultValue: word }) : "–");
  }, [lang, namespace]);
}
