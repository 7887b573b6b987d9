import { useQuery } from "@tanstack/react-query";
import { Input } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Application } from "@/api/contract.esb";
import { useSession } from "@/api/session";
import { TimeAgo } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, ErrorState, QueryView } from "@/shared/states";
import { ActionButton, Card, Field, LinkButton, useDenied } from "@/shared/ui";
import { reads, useAction, writes } from "../../api";
import { ListCommand } from "../../components/words";
import { paths } from "../../paths";

/** Programs that call interfaces, and who answers for each. */
export default function ApplicationsPage() {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.applications());
  const columns: Column<Application>[] = [
    {
      key: "name",
      title: t("application.one"),
      width: "minmax(180px, 1.4fr)",
      cell: (one) => (
        <span className="two-lines">
          <b>{one.name}</b>
          <code className="faint">{one.code}</code>
        </span>
      ),
      value: (one) => one.code,
      sortable: true,
    },
    {
      key: "owner",
      title: t("interface.owner"),
      width: "minmax(110px, 0.8fr)",
      cell: (one) => one.owner,
      value: (one) => one.owner,
      sortable: true,
    },
    {
      key: "description",
      title: t("interface.description"),
      width: "minmax(180px, 2fr)",
      cell: (one) => one.description || "–",
      value: (one) => one.description,
    },
    {
      key: "since",
      title: t("application.since"),
      width: "130px",
      cell: (one) => <TimeAgo at={one.created_at} />,
      value: (one) => one.created_at,
    },
    {
      key: "subscriptions",
      title: t("menu.subscriptions"),
      width: "130px",
      cell: (one) => (
        <Link to={`${paths.subscriptions}?application=${encodeURIComponent(one.code)}`}>
          {t("application.subscriptions")}
        </Link>
      ),
    },
  ];
  return (
    <>
      <PageHeader
        title={t("menu.applications")}
        name={t("menu.applications")}
        actions={
          <>
            <ListCommand resource="applications" />
            <LinkButton />
          </>
        }
      />
      <Card flush>
        <QueryView query={query}>
          {({ items }) => (
            <DataGrid
              label={t("menu.applications")}
              rows={items}
              columns={columns}
              rowKey={(one) => one.code}
              rowHeight={48}
              exportName="applications"
              empty={<Empty title={t("application.none")} detail={t("application.noneNext")} />}
            />
          )}
        </QueryView>
      </Card>
      <AddApplication />
    </>
  );
}

function AddApplication() {
  const { t } = useTranslation("esb");
  const { user } = useSession();
  const denied = useDenied()("esb.subscription.request");
  const empty = { code: "", name: "", owner: user.login, description: "" };
  const [text, setText] = useState(empty);
  const add = useAction(
    () =>
      writes.application({
        code: text.code.trim(),
        name: text.name.trim(),
        owner: text.owner.trim(),
        description: text.description.trim(),
      }),
    t("application.added"),
    () => setText(empty),
  );
  const missing = [text.code, text.name, text.owner].some((value) => value.trim() === "");
  const whyNot = denied ?? (missing ? t("application.missing") : null);
  const fields = [
    ["code", t("application.code")],
    ["name", t("application.name")],
    ["owner", t("interface.owner")],
    ["description", t("interface.description")],
  ] as const;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) add.mutate(undefined);
  };
  return (
    <Card title={t("application.add")}>
      <form className="stack" onSubmit={submit}>
        <div className="form-grid">
          {fields.map(([name, label]) => (
            <Field key={name} id={`application-${name}`} label={label}>
              <Input
                id={`application-${name}`}
                value={text[name]}
                maxLength={200}
                onChange={(event) => setText({ ...text, [name]: event.target.value })}
              />
            </Field>
          ))}
        </div>
        {add.error && <ErrorState error={add.error} />}
        <div className="row">
          <ActionButton primary icon="plus" busy={add.isPending} whyNot={whyNot}>
            {t("application.add")}
          </ActionButton>
        </div>
      </form>
    </Card>
  );
}
