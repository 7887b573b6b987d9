import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Finding, Lines, Texts } from "@/api/contract.otc";
import { useFormat, useLanguage } from "@/shared/format";
import { CopyButton, Icon, StatusPill, Tag, useWord } from "@/shared/ui";
import { exportUrl, type ExportTable, listUrl } from "../api";
import { cli } from "../cli";

/** Picks the language of the page out of a text that comes in both. */
export function useLocal(): {
  one: (text: Texts | null | undefined) => string;
  lines: (text: Lines | null | undefined) => string[];
} {
  const language = useLanguage();
  return useMemo(() => {
    const lang = language === "en" ? "en" : "zh";
    return { one: (text) => text?.[lang] ?? "–", lines: (text) => text?.[lang] ?? [] };
  }, [language]);
}

export function TradeStatusPill({ status, flags = [] }: { status: string; flags?: string[] }) {
  const word = useWord("otc");
  return (
    <span className="row status-cell">
      <StatusPill state={status} label={word("status", status)} />
      {flags.map((flag) => {
        // `missed:3` is a flag with its count.
        const [name = flag, count] = flag.split(":");
        return (
          <Tag key={flag} tone="warn">
            {word("flag", name)}
            {count && ` ${count}`}
          </Tag>
        );
      })}
    </span>
  );
}

export function FlowStatusPill({ status }: { status: string }) {
  const word = useWord("otc");
  return <StatusPill state={status} label={word("flowStatus", status)} plain />;
}

/** A figure with a sign: coloured by the reader's convention, and never by colour alone. */
export function Signed({ value }: { value: number | null | undefined }) {
  const format = useFormat();
  const tone =
    value === null || value === undefined || value === 0 ? "" : value > 0 ? "up" : "down";
  return <span className={`nums nowrap ${tone}`}>{format.number(value, 2, true)}</span>;
}

/** A decimal text with its currency. */
export function Money({ amount, currency }: { amount: string | null; currency?: string }) {
  const format = useFormat();
  return (
    <span className="nums nowrap" title={amount ?? ""}>
      {format.decimal(amount)}
      {amount !== null && currency && <span className="faint"> {currency}</span>}
    </span>
  );
}

/** Everything found in a sheet at once, each with place and cure. */
export function FindingList({
  findings,
  onPlace,
}: {
  findings: readonly Finding[];
  onPlace?: (finding: Finding) => void;
}) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  if (findings.length === 0) return null;
  return (
    <ul className="finding-list" aria-label={t("ticket.findings")}>
      {findings.map((finding, i) => (
        <li
          key={`${finding.pointer}${finding.code}${i}`}
          className={finding.severity === "notice" ? "notice-finding" : ""}
        >
          <Icon name="warning" />
          <div>
            <button
              type="button"
              className="finding-place"
              disabled={!onPlace}
              onClick={() => onPlace?.(finding)}
            >
              <code>{finding.pointer || "/"}</code>
              {finding.line ? (
                <span className="faint">
                  {" "}
                  {t("ticket.place", { line: finding.line, column: finding.column ?? 1 })}
                </span>
              ) : null}
            </button>
            <div>{local.one(finding.text)}</div>
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Lines of prose made by the server: terms in words, differences. */
export function Prose({ lines }: { lines: readonly string[] }) {
  return (
    <ol className="prose">
      {lines.map((line, i) => (
        <li key={i}>{line}</li>
      ))}
    </ol>
  );
}

/** The rows of the page as a file, made by the server with the same filter. */
export function ExportLinks({
  table,
  query,
  label,
}: {
  table: ExportTable;
  query?: Record<string, string | undefined>;
  /** Which table, where the page has several. */
  label?: string;
}) {
  const { t } = useTranslation("otc");
  return (
    <span className="export-links" role="group" aria-label={label ?? t("export.label")}>
      {label && <span className="faint">{label}</span>}
      {(["csv", "xlsx"] as const).map((format) => (
        <a
          key={format}
          className="icon-button framed"
          href={exportUrl(table, format, query)}
          download
          title={t(`export.${format}`)}
        >
          <Icon name="download" size={13} />
          {format.toUpperCase()}
        </a>
      ))}
    </span>
  );
}

/** The list of the page as a command, with the same filter. */
export function ListCommand({
  resource,
  query,
}: {
  /** Under the API of the desk: `trades`, `trades/T-1/flows`. */
  resource: string;
  query?: Record<string, string | number | undefined>;
}) {
  const { t } = useTranslation("otc");
  return (
    <CopyButton
      value={() => cli.fetch(location.origin + listUrl(resource, query))}
      label={t("cli.list")}
      text={t("cli.short")}
    />
  );
}

/** A share of one as a short bar with its figure. */
export function Bar({ share, text }: { share: number; text: string }) {
  return (
    <span className="bar-cell">
      <span className="bar" aria-hidden="true">
        <i style={{ width: `${Math.round(Math.max(0, Math.min(1, share)) * 100)}%` }} />
      </span>
      <span className="nums">{text}</span>
    </span>
  );
}
