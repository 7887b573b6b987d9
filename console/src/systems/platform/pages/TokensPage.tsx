import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Input, Popconfirm, Select } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { IssuedToken, Token } from "@/api/contract";
import { platform } from "@/api/platform";
import { TimeAgo } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, ErrorState, QueryView, useErrorText } from "@/shared/states";
import { ActionButton, Card, CopyLine, Icon, StatusPill } from "@/shared/ui";

const KEY = ["platform", "tokens"];
const DAYS = [7, 30, 90, 365];

/** API tokens: for git over HTTP, the command line and machines. */
export default function TokensPage() {
  const { t } = useTranslation("platform");
  const [issued, setIssued] = useState<IssuedToken | null>(null);
  const query = useQuery({ queryKey: KEY, queryFn: ({ signal }) => platform.tokens(signal) });
  return (
    <>
      <PageHeader title={t("menu.tokens")} name={t("menu.tokens")} meta={t("token.about")} />
      <Card title={t("token.create")}>
        <CreateForm onIssued={setIssued} />
      </Card>
      {issued && <Issued token={issued} close={() => setIssued(null)} />}
      <Card flush title={t("token.list")}>
        <QueryView query={query}>{({ items }) => <TokenGrid tokens={items} />}</QueryView>
      </Card>
    </>
  );
}

function CreateForm({ onIssued }: { onIssued: (token: IssuedToken) => void }) {
  const { t } = useTranslation("platform");
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [days, setDays] = useState(30);
  const create = useMutation({
    mutationFn: () => platform.issueToken(name.trim(), days),
    onSuccess: (token) => {
      onIssued(token);
      setName("");
      void client.invalidateQueries({ queryKey: KEY });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") create.mutate();
  };
  return (
    <form className="stack tight" onSubmit={submit}>
      <div className="token-form">
        <div>
          <label htmlFor="token-name">{t("token.name")}</label>
          <Input
            id="token-name"
            style={{ width: 280 }}
            placeholder={t("token.namePlaceholder")}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <div>
          <label htmlFor="token-days">{t("token.expiry")}</label>
          <Select
            id="token-days"
            style={{ width: 140 }}
            value={days}
            onChange={setDays}
            options={DAYS.map((value) => ({ value, label: t("token.days", { count: value }) }))}
          />
        </div>
        <ActionButton
          primary
          icon="plus"
          busy={create.isPending}
          whyNot={name.trim() === "" ? t("token.needsName") : null}
        >
          {t("token.create")}
        </ActionButton>
      </div>
      {create.error && <ErrorState error={create.error} />}
    </form>
  );
}

/** The token is in this answer only: the server keeps a hash. */
function Issued({ token, close }: { token: IssuedToken; close: () => void }) {
  const { t } = useTranslation("platform");
  const { host, protocol } = window.location;
  const clone = `git clone ${protocol}//token:${token.token}@${host}/git/<${t("token.namespace")}>/<${t("token.project")}>.git`;
  return (
    <section className="token-once" aria-label={t("token.once")}>
      <div className="row">
        <b className="grow">{t("token.once")}</b>
        <button
          type="button"
          className="icon-button"
          aria-label={t("action.close")}
          onClick={close}
        >
          <Icon name="close" />
        </button>
      </div>
      <CopyLine value={token.token} label={t("token.one")} />
      <span className="soft">{t("token.cloneHelp")}</span>
      <CopyLine value={clone} label={t("token.clone")} />
    </section>
  );
}

function TokenGrid({ tokens }: { tokens: Token[] }) {
  const { t } = useTranslation("platform");
  const client = useQueryClient();
  const { message } = App.useApp();
  const text = useErrorText();
  const revoke = useMutation({
    mutationFn: (id: string) => platform.revokeToken(id),
    onSuccess: () => message.success(t("token.revoked")),
    onError: (error) => message.error(text(error).title),
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
  });
  const isExpired = (token: Token) =>
    token.expires_at !== null && Date.parse(token.expires_at) < Date.now();
  const columns: Column<Token>[] = [
    {
      key: "name",
      title: t("token.name"),
      width: "minmax(200px, 2fr)",
      cell: (token) => <b>{token.name}</b>,
      value: (token) => token.name,
      sortable: true,
    },
    {
      key: "state",
      title: t("token.state"),
      width: "120px",
      cell: (token) => (
        <StatusPill
          state={isExpired(token) ? "expired" : "passed"}
          label={t(isExpired(token) ? "token.expired" : "token.valid")}
          plain
        />
      ),
    },
    {
      key: "created",
      title: t("token.createdAt"),
      width: "140px",
      cell: (token) => <TimeAgo at={token.created_at} />,
      value: (token) => token.created_at,
    },
    {
      key: "expires",
      title: t("token.expiresAt"),
      width: "140px",
      cell: (token) => <TimeAgo at={token.expires_at} />,
      value: (token) => token.expires_at,
    },
    {
      key: "used",
      title: t("token.usedAt"),
      width: "140px",
      cell: (token) =>
        token.last_used_at ? (
          <TimeAgo at={token.last_used_at} />
        ) : (
          <span className="faint">{t("token.never")}</span>
        ),
      value: (token) => token.last_used_at,
    },
    {
      key: "actions",
      title: t("grid.actions"),
      hiddenTitle: true,
      width: "90px",
      cell: (token) => (
        <Popconfirm
          title={t("token.revokeAsk", { name: token.name })}
          okText={t("token.revoke")}
          onConfirm={() => revoke.mutate(token.id)}
        >
          <button
            type="button"
            className="icon-button framed"
            aria-label={t("token.revokeNamed", { name: token.name })}
          >
            {t("token.revoke")}
          </button>
        </Popconfirm>
      ),
    },
  ];
  return (
    <DataGrid
      label={t("token.list")}
      rows={tokens}
      columns={columns}
      rowKey={(token) => token.id}
      empty={<Empty title={t("token.none")} detail={t("token.noneNext")} />}
    />
  );
}
