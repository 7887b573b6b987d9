import { useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { CallEdge, Calls } from "@/api/contract.esb";
import { useFilters } from "@/shared/filter";
import { DateTime, TimeAgo, useFormat } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, LinkButton, useWord } from "@/shared/ui";
import { reads } from "../../api";
import { ListCommand } from "../../components/words";
import { paths } from "../../paths";
import { DriftCard } from "./DriftCard";
import { SystemMap } from "./SystemMap";

const ENVIRONMENTS = ["production", "sandbox"];
const DAYS = [1, 7, 30, 90, 365];
/** Most lines the map draws; the busiest stay. */
const DRAWN = 300;

/** Who calls what: the system map as traffic draws it, its lines as a list, and what nobody uses. */
export default function CallsPage() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const { value, set } = useFilters();
  const filter = {
    environment: value("environment") ?? "production",
    interface: value("interface"),
    days: value("days") ?? "30",
  };
  const calls = useQuery(reads.calls(filter));
  return (
    <>
      <PageHeader
        title={t("menu.calls")}
        name={t("menu.calls")}
        actions={
          <>
            <ListCommand resource="calls" query={filter} />
            <LinkButton />
          </>
        }
      />
      <div className="filters">
        <Select
          aria-label={t("subscription.environment")}
          style={{ width: 150 }}
          value={filter.environment}
          onChange={(environment) => set({ environment })}
          options={ENVIRONMENTS.map((one) => ({ value: one, label: word("environment", one) }))}
        />
        <Select
          aria-label={t("calls.days")}
          style={{ width: 150 }}
          value={filter.days}
          onChange={(days) => set({ days })}
          options={DAYS.map((one) => ({
            value: String(one),
            label: t("calls.lastDays", { count: one }),
          }))}
        />
        {filter.interface !== undefined && (
          <Select
            aria-label={t("interface.one")}
            allowClear
            style={{ width: 220 }}
            value={filter.interface}
            onChange={(code?: string) => set({ interface: code })}
            options={[{ value: filter.interface, label: filter.interface }]}
          />
        )}
      </div>
      <div className="stack">
        <QueryView query={calls}>{(found) => <Shown calls={found} view={filter} />}</QueryView>
        <DriftCard environment={filter.environment} code={filter.interface} />
      </div>
    </>
  );
}

function Shown({ calls, view }: { calls: Calls; view: Record<string, string | undefined> }) {
  const { t } = useTranslation("esb");
  const busiest = [...calls.edges].sort((a, b) => b.requests - a.requests).slice(0, DRAWN);
  return (
    <div className="stack">
      <Card title={t("calls.map")}>
        {busiest.length === 0 ? (
          <Empty title={t("calls.none")} detail={t("calls.noneNext")} />
        ) : (
          <SystemMap edges={busiest} label={t("calls.map")} />
        )}
        <Collected calls={calls} />
      </Card>
      <EdgeGrid edges={calls.edges} view={view} />
      {calls.unused.length > 0 && <Unused calls={calls} />}
    </div>
  );
}

/** Since when the counts are whole. */
function Collected({ calls }: { calls: Calls }) {
  const { t } = useTranslation("esb");
  return (
    <p className="faint">
      {calls.watched.map((one) => (
        <span key={one.node}>
          {t("calls.watched", { node: one.node })} <DateTime at={one.since} />{" "}
        </span>
      ))}
      {calls.more && t("calls.more")}
    </p>
  );
}

function EdgeGrid({
  edges,
  view,
}: {
  edges: CallEdge[];
  view: Record<string, string | undefined>;
}) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const number = (key: string, of: (one: CallEdge) => number): Column<CallEdge> => ({
    key,
    title: t(`calls.${key}`),
    width: "100px",
    cell: (one) => format.integer(of(one)),
    value: of,
  });
  const columns: Column<CallEdge>[] = [
    {
      key: "application",
      title: t("application.one"),
      width: "minmax(140px, 1fr)",
      cell: (one) => (
        <span className="two-lines">
          <b>{one.application_name ?? t("calls.anybody")}</b>
          <span className="faint">{one.application_owner}</span>
        </span>
      ),
      value: (one) => one.application ?? "",
    },
    {
      key: "operation",
      title: t("calls.operation"),
      width: "minmax(200px, 1.6fr)",
      cell: (one) => (
        <span className="two-lines">
          <Link to={paths.interface(one.interface, undefined, one.version)}>
            {one.interface} {one.version}
          </Link>
          <code className="faint nowrap">{one.operation}</code>
        </span>
      ),
      value: (one) => `${one.interface} ${one.version} ${one.operation}`,
    },
    number("requests", (one) => one.requests),
    number("refused", (one) => one.refused),
    number("failed", (one) => one.failed),
    {
      key: "p95",
      title: t("calls.p95"),
      width: "110px",
      cell: (one) => (one.p95_ms === null ? "> 5 s" : `≤ ${format.integer(one.p95_ms)} ms`),
      value: (one) => one.p95_ms ?? "",
    },
    {
      key: "last",
      title: t("calls.last"),
      width: "130px",
      cell: (one) => <TimeAgo at={one.last_at} />,
      value: (one) => one.last_at,
    },
  ];
  return (
    <Card flush>
      <DataGrid
        label={t("menu.calls")}
        rows={edges}
        columns={columns}
        view={JSON.stringify(view)}
        rowKey={(one) => [one.application, one.interface, one.version, one.operation].join("|")}
        rowHeight={48}
        exportName="calls"
        empty={<Empty title={t("calls.none")} detail={t("calls.noneNext")} />}
      />
    </Card>
  );
}

/** Subscriptions nobody used in these days. */
function Unused({ calls }: { calls: Calls }) {
  const { t } = useTranslation("esb");
  return (
    <Card title={t("calls.unused")}>
      <ul className="stack">
        {calls.unused.map((one) => (
          <li key={one.subscription}>
            <Link to={paths.subscription(one.subscription)}>
              {one.application} → {one.interface} v{one.major}
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}
