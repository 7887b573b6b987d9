import { Input } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import type { Instance, Service } from "@/api/contract.center";
import { useFormat } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, ErrorState, QueryView } from "@/shared/states";
import {
  ActionButton,
  Card,
  Facts,
  Field,
  Icon,
  LinkButton,
  StatusPill,
  Tag,
  useDenied,
} from "@/shared/ui";
import { useAction } from "../../api";
import { type CenterKey, changes, useService } from "../../center";
import { ListCommand } from "../../components/words";
import { paths } from "../../paths";

/** A service as it lives: its instances, and what is given out of them to callers. */
export default function ServicePage() {
  const { namespace = "", group = "", name = "" } = useParams();
  const key: CenterKey = { namespace, group, name };
  const query = useService(key);
  return (
    <QueryView query={query}>
      {(one) => <ServiceView key={`${namespace}/${group}/${name}`} one={one} at={key} />}
    </QueryView>
  );
}

function ServiceView({ one, at }: { one: Service; at: CenterKey }) {
  const { t } = useTranslation("esb");
  return (
    <>
      <PageHeader
        title={one.name}
        name={one.name}
        crumbs={[{ label: t("menu.services"), to: paths.services }]}
        badges={
          <>
            {one.frozen && <Tag tone="bad">{t("service.frozen")}</Tag>}
            {one.protected && <Tag tone="warn">{t("service.protected")}</Tag>}
          </>
        }
        meta={
          <>
            <span>
              {t("center.namespace")} <code>{one.namespace}</code>
            </span>
            <span>
              {t("center.group")} <code>{one.group}</code>
            </span>
            <span>{t("service.revision", { revision: one.revision })}</span>
          </>
        }
        actions={
          <>
            <ListCommand
              resource={`services/${[at.namespace, at.group, at.name].map(encodeURIComponent).join("/")}`}
            />
            <LinkButton />
          </>
        }
      />
      {one.frozen && <Notice tone="bad" text={t("service.frozenNote")} />}
      {one.protected && <Notice tone="warn" text={t("service.protectedNote")} />}
      <Instances one={one} />
      <Protection one={one} at={at} />
    </>
  );
}

function Notice({ tone, text }: { tone: "bad" | "warn"; text: string }) {
  return (
    <div className={`notice tone-${tone}`} role="status">
      <Icon name="warning" size={16} />
      <span className="grow">{text}</span>
    </div>
  );
}

function Instances({ one }: { one: Service }) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const columns: Column<Instance>[] = [
    {
      key: "address",
      title: t("instance.address"),
      width: "minmax(150px, 1.4fr)",
      cell: (row) => (
        <code>
          {row.address}:{row.port}
        </code>
      ),
      value: (row) => `${row.address}:${row.port}`,
      sortable: true,
    },
    {
      key: "state",
      title: t("interface.state"),
      width: "150px",
      cell: (row) => (
        <span className="row">
          <StatusPill
            state={row.healthy ? "healthy" : "unhealthy"}
            label={row.healthy ? t("instance.healthy") : t("instance.silent")}
          />
          {!row.enabled && <Tag tone="idle">{t("instance.disabled")}</Tag>}
        </span>
      ),
      value: (row) => (row.healthy ? "healthy" : "unhealthy"),
    },
    {
      key: "beat",
      title: t("instance.lastBeat"),
      width: "110px",
      cell: (row) =>
        row.silent_ms === null ? (
          <span className="soft">{t("instance.persistent")}</span>
        ) : (
          <span className="nums">
            {t("instance.ago", { time: format.duration(row.silent_ms) })}
          </span>
        ),
      value: (row) => row.silent_ms,
      sortable: true,
    },
    {
      key: "limits",
      title: t("instance.limits"),
      width: "150px",
      cell: (row) =>
        row.unhealthy_after_s === null || row.removed_after_s === null ? (
          "–"
        ) : (
          <span className="nums">
            {t("instance.limitsOf", {
              unhealthy: row.unhealthy_after_s,
              removed: row.removed_after_s,
            })}
          </span>
        ),
      value: (row) => row.removed_after_s,
    },
    {
      key: "weight",
      title: t("instance.weight"),
      width: "60px",
      align: "end",
      cell: (row) => <span className="nums">{row.weight}</span>,
      value: (row) => row.weight,
      sortable: true,
    },
    {
      key: "zone",
      title: t("instance.zone"),
      width: "minmax(90px, 0.6fr)",
      cell: (row) => (
        <span className="two-lines">
          {row.zone || "–"}
          <span className="faint">{row.cluster}</span>
        </span>
      ),
      value: (row) => row.zone,
      sortable: true,
    },
    {
      key: "metadata",
      title: t("instance.metadata"),
      width: "minmax(120px, 1.5fr)",
      cell: (row) => <code className="wrapping">{metadataOf(row) || "–"}</code>,
      value: metadataOf,
    },
  ];
  return (
    <Card flush>
      <DataGrid
        label={t("service.instances")}
        rows={one.instances}
        columns={columns}
        rowKey={(row) => `${row.address}:${row.port}@${row.cluster}`}
        rowHeight={48}
        rowTone={(row) => (row.healthy ? undefined : "bad")}
        exportName={`instances-${one.name}`}
        empty={<Empty title={t("instance.none")} detail={t("instance.noneNext")} />}
      />
    </Card>
  );
}

const metadataOf = (row: Instance): string =>
  Object.entries(row.metadata)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

/** From 0 to 1, as the server takes it. */
const isShare = (text: string): boolean => /^(0(\.\d+)?|1(\.0+)?)$/.test(text.trim());

function Protection({ one, at }: { one: Service; at: CenterKey }) {
  const { t } = useTranslation("esb");
  const denied = useDenied()("esb.instance.register");
  const [written, setWritten] = useState<string | null>(null);
  const text = written ?? String(one.protection_threshold);
  const save = useAction(
    () => changes.protect(at, Number(text)),
    t("service.thresholdSet"),
    () => setWritten(null),
  );
  const whyNot = denied ?? (isShare(text) ? null : t("service.thresholdWrong"));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) save.mutate(undefined);
  };
  const healthy = one.instances.filter((row) => row.healthy).length;
  return (
    <Card title={t("service.protection")}>
      <form className="stack" onSubmit={submit}>
        <Facts
          items={[
            [t("service.instances"), one.instances.length],
            [t("service.healthyCount"), healthy],
            [
              t("service.givenOut"),
              one.protected ? t("service.givenAll") : t("service.givenHealthy"),
            ],
            [t("service.removals"), one.frozen ? t("service.frozen") : t("service.removed")],
          ]}
        />
        <Field id="threshold" label={t("service.threshold")} note={t("service.thresholdNote")}>
          <Input
            id="threshold"
            style={{ width: 120 }}
            inputMode="decimal"
            value={text}
            disabled={denied !== null}
            onChange={(event) => setWritten(event.target.value)}
          />
        </Field>
        {save.error && <ErrorState error={save.error} />}
        <div className="row">
          <ActionButton busy={save.isPending} whyNot={whyNot}>
            {t("service.setThreshold")}
          </ActionButton>
        </div>
      </form>
    </Card>
  );
}
