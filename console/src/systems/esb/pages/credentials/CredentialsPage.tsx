import { useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import type { Credential } from "@/api/contract.esb";
import { useSession } from "@/api/session";
import { useFilters, usePagedOf } from "@/shared/filter";
import { DateTime, TimeAgo, useNow } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, LinkButton, Tag, useDenied, useWord } from "@/shared/ui";
import { reads, useTopics, writes } from "../../api";
import { AddForm } from "../../components/AddForm";
import { CredentialPill } from "../../components/CredentialPill";
import { useOthers } from "../../components/usePeople";
import { ListCommand } from "../../components/words";
import { endOf, holds } from "../../model/credential";
import { inDays } from "../../model/tree";
import { paths } from "../../paths";

const ENVIRONMENTS = ["sandbox", "production"];
const KINDS = ["api_key", "hmac", "oauth2_client"];
const HALF_A_YEAR = 180;

/** How applications prove who they are: by which credentials, where, until when. */
export default function CredentialsPage() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const applications = useQuery(reads.applications());
  const { value, set } = useFilters();
  const filter = { application: value("application"), environment: value("environment") };
  return (
    <>
      <PageHeader
        title={t("menu.credentials")}
        name={t("menu.credentials")}
        actions={
          <>
            <ListCommand resource="credentials" query={filter} />
            <LinkButton />
          </>
        }
      />
      <div className="filters">
        <Select
          aria-label={t("application.one")}
          placeholder={t("application.one")}
          allowClear
          style={{ width: 220 }}
          value={filter.application ?? null}
          onChange={(application) => set({ application })}
          options={(applications.data?.items ?? []).map((one) => ({
            value: one.code,
            label: one.name,
          }))}
        />
        <Select
          aria-label={t("subscription.environment")}
          placeholder={t("subscription.environment")}
          allowClear
          style={{ width: 160 }}
          value={filter.environment ?? null}
          onChange={(environment) => set({ environment })}
          options={ENVIRONMENTS.map((one) => ({ value: one, label: word("environment", one) }))}
        />
      </div>
      <CredentialGrid filter={filter} />
      <AddCredential key={filter.application} application={filter.application} />
    </>
  );
}

function CredentialGrid({ filter }: { filter: Record<string, string | undefined> }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const { user } = useSession();
  const { query, rows, more } = usePagedOf<Credential>("esb", "credentials", filter);
  useTopics(["list:esb-credentials"], [["credentials"]]);
  const columns: Column<Credential>[] = [
    {
      key: "id",
      title: t("credential.id"),
      width: "minmax(150px, 1.3fr)",
      cell: (one) => (
        <span className="two-lines">
          <b>{one.application}</b>
          <code className="faint nowrap" title={one.id}>
            {one.id}
          </code>
        </span>
      ),
      value: (one) => one.id,
    },
    {
      key: "kind",
      title: t("credential.kind"),
      width: "110px",
      cell: (one) => word("credentialKind", one.kind),
      value: (one) => one.kind,
    },
    {
      key: "environment",
      title: t("subscription.environment"),
      width: "90px",
      cell: (one) => word("environment", one.environment),
      value: (one) => one.environment,
    },
    {
      key: "state",
      title: t("interface.state"),
      width: "120px",
      cell: (one) => <CredentialPill one={one} />,
      value: (one) => one.state,
    },
    {
      key: "until",
      title: t("credential.until"),
      width: "160px",
      cell: (one) => <DateTime at={endOf(one)} />,
      value: endOf,
    },
    {
      key: "by",
      title: t("subscription.by"),
      width: "minmax(100px, 0.8fr)",
      cell: (one) => (
        <span className="two-lines">
          {one.created_by}
          <span className="faint">
            <TimeAgo at={one.created_at} />
          </span>
        </span>
      ),
      value: (one) => one.created_by,
    },
    {
      key: "receiver",
      title: t("credential.receiver"),
      width: "minmax(120px, 0.9fr)",
      cell: (one) => (
        <span className="row">
          {one.deliver_to}
          {one.state === "created" && one.deliver_to === user.login && (
            <Tag tone="wait">{t("credential.yours")}</Tag>
          )}
        </span>
      ),
      value: (one) => one.deliver_to,
    },
  ];
  return (
    <Card flush>
      <QueryView query={query}>
        {() => (
          <DataGrid
            label={t("menu.credentials")}
            rows={rows}
            columns={columns}
            more={more}
            view={JSON.stringify(filter)}
            rowKey={(one) => one.id}
            href={(one) => paths.credential(one.id)}
            rowHeight={48}
            exportName="credentials"
            empty={<Empty title={t("credential.none")} detail={t("credential.noneNext")} />}
          />
        )}
      </QueryView>
    </Card>
  );
}

function AddCredential({ application }: { application: string | undefined }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const navigate = useNavigate();
  const now = useNow(60_000);
  const { user } = useSession();
  const denied = useDenied()("esb.subscription.request");
  const all = useQuery(reads.applications()).data?.items ?? [];
  const own = all.filter((one) => holds(user.login, one));
  const first = own.find((one) => one.code === application)?.code;
  return (
    <AddForm
      id="credential"
      title={t("credential.add")}
      denied={denied ?? (own.length === 0 ? t("credential.holders") : null)}
      missing={t("credential.missing")}
      done={t("credential.added")}
      after={(made) => void navigate(paths.credential(made.id))}
      fields={[
        {
          name: "application",
          label: t("application.one"),
          ...(first === undefined ? {} : { initial: first }),
          options: own.map((one) => ({ value: one.code, label: `${one.name} (${one.code})` })),
        },
        {
          name: "environment",
          label: t("subscription.environment"),
          initial: "sandbox",
          options: ENVIRONMENTS.map((one) => ({ value: one, label: word("environment", one) })),
        },
        {
          name: "kind",
          label: t("credential.kind"),
          initial: "api_key",
          options: KINDS.map((one) => ({ value: one, label: word("credentialKind", one) })),
        },
        {
          name: "until",
          label: t("credential.lastDay"),
          initial: inDays(HALF_A_YEAR, now),
          type: "date",
          note: t("credential.lastDayNote"),
        },
        {
          name: "deliver_to",
          label: t("credential.receiver"),
          options: useOthers(),
          note: t("credential.receiverNote"),
        },
      ]}
      send={writes.credential}
    />
  );
}
