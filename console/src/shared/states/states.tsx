import { Button } from "antd";
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/problem";
import { TimeAgo } from "../format";
import { CopyButton, Icon } from "../ui";
import "./states.css";

/** Grey lines in the shape of what is coming; shown only after 150 ms. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className="skeleton" role="status" aria-label={t("state.loading")}>
      {shown &&
        Array.from({ length: rows }, (_, i) => (
          <i key={i} style={{ width: `${92 - ((i * 37) % 46)}%` }} />
        ))}
    </div>
  );
}

/** Nothing there: why, and what to do next. */
export function Empty({
  title,
  detail,
  action,
}: {
  title: string;
  detail?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="state-box">
      <h3>{title}</h3>
      {detail !== undefined && <p>{detail}</p>}
      {action}
    </div>
  );
}

/** What an error means in the person's language: by code if known, by status otherwise. */
export function useErrorText(): (error: unknown) => {
  title: string;
  detail: string;
  cure: string;
} {
  const { t, i18n } = useTranslation();
  const lang = i18n.language === "en" ? "en" : "zh";
  return (error) => {
    if (!(error instanceof ApiError)) {
      return {
        title: t("problem.console.title"),
        detail: error instanceof Error ? error.message : String(error),
        cure: t("problem.console.cure"),
      };
    }
    const status = error.status;
    const kind =
      status === 0
        ? "unreachable"
        : status === 401
          ? "signed_out"
          : status === 403
            ? "forbidden"
            : status === 404
              ? "not_found"
              : status === 409 || status === 412
                ? "conflict"
                : status === 429
                  ? "too_many"
                  : status >= 500
                    ? "server"
                    : "refused";
    return {
      // The server words its own problems in the reader's language; the rest is worded here.
      title: t(`problem.${error.code}.title`, {
        defaultValue: error.problem.title || t(`problem.${kind}.title`),
      }),
      detail: error.problem.text?.[lang] ?? error.problem.detail,
      cure: t(`problem.${error.code}.cure`, { defaultValue: t(`problem.${kind}.cure`) }),
    };
  };
}

/** A failure: title, detail, what to do, trace id, retry, copy. */
export function ErrorState({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  const { t, i18n } = useTranslation();
  const text = useErrorText()(error);
  const problem = error instanceof ApiError ? error.problem : null;
  const lang = i18n.language === "en" ? "en" : "zh";
  const findings = problem?.findings ?? [];
  const fields =
    findings.length > 0
      ? findings.map((f) => ({
          pointer: f.pointer,
          code: f.code,
          message: [f.text[lang], f.cure?.[lang]].filter(Boolean).join(" "),
        }))
      : (problem?.errors ?? []);
  const report = () =>
    [
      text.title,
      text.detail,
      error instanceof ApiError ? error.request : "",
      problem ? `status ${problem.status}, code ${problem.code}` : "",
      problem?.trace_id ? `trace ${problem.trace_id}` : "",
      new Date().toISOString(),
    ]
      .filter(Boolean)
      .join("\n");
  return (
    <div className="state-box bad" role="alert">
      <h3>
        <Icon name="warning" size={16} />
        {text.title}
      </h3>
      {text.detail && <p>{text.detail}</p>}
      {fields.map((field) => (
        <p key={`${field.pointer}${field.code}`}>
          <code>{field.pointer}</code> {field.message}
        </p>
      ))}
      <p className="soft">{text.cure}</p>
      {problem?.trace_id && (
        <p className="faint">
          {t("state.trace")} <code>{problem.trace_id}</code>
        </p>
      )}
      <div className="row">
        {retry && (
          <Button size="small" onClick={retry} icon={<Icon name="retry" />}>
            {t("action.retry")}
          </Button>
        )}
        <CopyButton value={report} label={t("copy.error")} text={t("copy.error")} />
      </div>
    </div>
  );
}

/** Old data with the reason why it is old. */
export function StaleBanner({ at, retry }: { at: number; retry: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="stale" role="status">
      <Icon name="warning" />
      <span>
        {t("state.stale")} <TimeAgo at={new Date(at).toISOString()} />
      </span>
      <button type="button" className="icon-button" onClick={retry}>
        {t("action.retry")}
      </button>
    </div>
  );
}

interface QueryViewProps<T> {
  query: Pick<UseQueryResult<T>, "data" | "error" | "isPending" | "dataUpdatedAt" | "refetch">;
  rows?: number;
  children: (data: T) => ReactNode;
}

/** Loading, failed, stale or there: one place decides, every page is honest the same way. */
export function QueryView<T>({ query, rows, children }: QueryViewProps<T>) {
  const retry = () => void query.refetch();
  if (query.data === undefined) {
    if (query.error) return <ErrorState error={query.error} retry={retry} />;
    return <Skeleton rows={rows ?? 6} />;
  }
  return (
    <>
      {query.error && <StaleBanner at={query.dataUpdatedAt} retry={retry} />}
      {children(query.data)}
    </>
  );
}
