import { useQuery } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { System } from "@/api/contract.esb";
import { useSaid } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, ErrorState, QueryView } from "@/shared/states";
import { ActionButton, Card, Field, LinkButton, useDenied, useWord } from "@/shared/ui";
import { reads, useAction, useTopics, writes } from "../../api";
import { ListCommand } from "../../components/words";
import { paths } from "../../paths";

const CRITICALITIES = ["core", "important", "general"];
const HOURS = ["trading", "office", "always"];

/** The systems that own interfaces, and who answers for each. */
export default function SystemsPage() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const said = useSaid();
  const query = useQuery(reads.systems());
  useTopics(["list:esb-systems"], [["systems"]]);
  const columns: Column<System>[] = [
    {
      key: "name",
      title: t("system.one"),
      width: "minmax(180px, 2fr)",
      cell: (one) => (
        <span className="two-lines">
          <b>{said(one.name)}</b>
          <code className="faint">{one.code}</code>
        </span>
      ),
      value: (one) => one.code,
      sortable: true,
    },
    {
      key: "owner",
      title: t("interface.owner"),
      width: "minmax(110px, 1fr)",
      cell: (one) => one.owner,
      value: (one) => one.owner,
      sortable: true,
    },
    {
      key: "criticality",
      title: t("system.criticality"),
      width: "120px",
      cell: (one) => word("criticality", one.criticality),
      value: (one) => one.criticality,
    },
    {
      key: "hours",
      title: t("system.hours"),
      width: "150px",
      cell: (one) => word("hours", one.hours),
      value: (one) => one.hours,
    },
    {
      key: "interfaces",
      title: t("menu.interfaces"),
      width: "140px",
      cell: (one) => (
        <Link to={`${paths.interfaces}?system=${encodeURIComponent(one.code)}`}>
          {t("system.interfaces")}
        </Link>
      ),
    },
  ];
  return (
    <>
      <PageHeader
        title={t("menu.systems")}
        name={t("menu.systems")}
        actions={
          <>
            <ListCommand resource="systems" />
            <LinkButton />
          </>
        }
      />
      <Card flush>
        <QueryView query={query}>
          {({ items }) => (
            <DataGrid
              label={t("menu.systems")}
              rows={items}
              columns={columns}
              rowKey={(one) => one.code}
              rowHeight={48}
              exportName="systems"
              empty={<Empty title={t("system.none")} detail={t("system.noneNext")} />}
            />
          )}
        </QueryView>
      </Card>
      <AddSystem />
    </>
  );
}

function AddSystem() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const denied = useDenied()("esb.system.manage");
  const empty = { code: "", zh: "", en: "", owner: "" };
  const [text, setText] = useState(empty);
  const [criticality, setCriticality] = useState("general");
  const [hours, setHours] = useState("trading");
  const add = useAction(
    () =>
      writes.system({
        code: text.code.trim(),
        name: { zh: text.zh.trim(), en: text.en.trim() },
        owner: text.owner.trim(),
        criticality,
        hours,
      }),
    t("system.added"),
    () => setText(empty),
  );
  const missing = Object.values(text).some((value) => value.trim() === "");
  const whyNot = denied ?? (missing ? t("system.missing") : null);
  const fields = [
    ["code", t("system.code")],
    ["zh", t("system.nameZh")],
    ["en", t("system.nameEn")],
    ["owner", t("interface.owner")],
  ] as const;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) add.mutate(undefined);
  };
  return (
    <Card title={t("system.add")}>
      <form className="stack" onSubmit={submit}>
        <div className="form-grid">
          {fields.map(([name, label]) => (
            <Field key={name} id={`system-${name}`} label={label}>
              <Input
                id={`system-${name}`}
                value={text[name]}
                maxLength={100}
                onChange={(event) => setText({ ...text, [name]: event.target.value })}
              />
            </Field>
          ))}
          <Field id="system-criticality" label={t("system.criticality")}>
            <Select
              id="system-criticality"
              aria-label={t("system.criticality")}
              value={criticality}
              onChange={setCriticality}
              options={CRITICALITIES.map((one) => ({
                value: one,
                label: word("criticality", one),
              }))}
            />
          </Field>
          <Field id="system-hours" label={t("system.hours")}>
            <Select
              id="system-hours"
              aria-label={t("system.hours")}
              value={hours}
              onChange={setHours}
              options={HOURS.map((one) => ({ value: one, label: word("hours", one) }))}
            />
          </Field>
        </div>
        {add.error && <ErrorState error={add.error} />}
        <div className="row">
          <ActionButton primary icon="plus" busy={add.isPending} whyNot={whyNot}>
            {t("system.add")}
          </ActionButton>
        </div>
      </form>
    </Card>
  );
}
