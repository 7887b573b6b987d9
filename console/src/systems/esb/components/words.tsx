import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Spot, Unmet, Version } from "@/api/contract.esb";
import { useSaid } from "@/shared/format";
import { CopyButton, StatusIcon, StatusPill, Tag, useWord } from "@/shared/ui";
import { listUrl } from "../api";

/** Where a version stands. */
export function VersionPill({ version }: { version: Pick<Version, "state" | "suspended"> }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  return (
    <>
      <StatusPill state={version.state} label={word("state", version.state)} />
      {version.suspended && <Tag tone="bad">{t("version.suspended")}</Tag>}
    </>
  );
}

/** Where the newest version of an interface stands, as a list tells it. */
export function StatePill({ state }: { state: string }) {
  const word = useWord("esb");
  return <StatusPill state={state} label={word("state", state)} plain />;
}

/** Where a subscription stands. */
export function SubscriptionPill({ state }: { state: string }) {
  const word = useWord("esb");
  // Elsewhere what was asked for is under way; here it waits for somebody.
  const look = state === "requested" ? "awaiting_approval" : state;
  return <StatusPill state={look} label={word("subscriptionState", state)} />;
}

const SEVERITY_STATE: Record<string, string> = {
  error: "failed",
  warning: "warned",
  info: "none",
  none: "passed",
};

/** How heavy a finding or a change is. */
export function SeverityPill({ severity }: { severity: string }) {
  const word = useWord("esb");
  return (
    <StatusPill
      state={SEVERITY_STATE[severity] ?? "none"}
      label={word("severity", severity)}
      plain
    />
  );
}

/** What a version means for the callers of the one before it. */
export function CompatPill({ verdict }: { verdict: string | null }) {
  const word = useWord("esb");
  return (
    <StatusPill
      state={SEVERITY_STATE[verdict ?? ""] ?? "none"}
      label={word("compat", verdict ?? "unknown")}
      plain
    />
  );
}

/** A place in a file of a definition. */
export function Place({ spot }: { spot: Spot }) {
  const { t } = useTranslation("esb");
  return (
    <span className="place">
      <code>{spot.file || "–"}</code>
      {spot.line > 0 && (
        <span className="nums">
          {" "}
          {t("finding.place", { line: spot.line, column: spot.column })}
        </span>
      )}
      {spot.pointer && <code className="faint pointer">{spot.pointer}</code>}
    </span>
  );
}

/** Where a guard is met: the part of the version's page that shows it. */
const TABS: Record<string, string> = {
  lint_clean: "findings",
  labels: "findings",
  error_table: "findings",
  examples: "findings",
  compat: "changes",
  compat_computed: "definition",
  similar_answered: "definition",
};

/** Everything that stands against a step, each with its reason. */
export function UnmetList({
  unmet,
  label,
  pageOf,
  waive,
}: {
  unmet: readonly Unmet[];
  label: string;
  /** Address of a tab of the version they are about. */
  pageOf?: (tab: string) => string;
  /** Offers to waive one by name. */
  waive?: ((guard: string) => void) | undefined;
}) {
  const { t } = useTranslation("esb");
  const said = useSaid();
  if (unmet.length === 0) return null;
  return (
    <ul className="unmet-list" aria-label={label}>
      {unmet.map((one, i) => {
        const tab = TABS[one.guard];
        return (
          <li key={`${one.guard}${i}`}>
            <StatusIcon state={one.recorded ? "failed" : "warned"} />
            <span className="grow">
              {said(one.text)} {tab && pageOf && <Link to={pageOf(tab)}>{t(`unmet.see`)}</Link>}
            </span>
            {one.waivable && waive && (
              <button
                type="button"
                className="icon-button framed"
                aria-label={t("waiver.of", { guard: one.guard })}
                onClick={() => waive(one.guard)}
              >
                {t("waiver.one")}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** What a page asks the server for, as a command; the token stands in the reader's environment. */
export function ListCommand({
  resource,
  query = {},
}: {
  resource: string;
  query?: Record<string, string | undefined>;
}) {
  const { t } = useTranslation("esb");
  const command = () =>
    `curl --fail-with-body --silent --show-error --header "Authorization: Bearer \${RIALTO_TOKEN:?holds no access token}" ${quote(location.origin + listUrl(resource, query))}`;
  return <CopyButton value={command} label={t("cli.list")} text={t("cli.short")} />;
}
