import { useQuery } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useSaid } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { ErrorState } from "@/shared/states";
import { ActionButton, Card, Field, useDenied, useWord } from "@/shared/ui";
import { reads, useAction, writes } from "../../api";
import { below } from "../../model/tree";
import { paths } from "../../paths";

const PATTERNS = ["request-reply", "request-callback", "publish-subscribe"];

/** The first step of an import: what the interface is; the file comes on its own page. */
export default function NewInterfacePage() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const said = useSaid();
  const navigate = useNavigate();
  const denied = useDenied()("esb.interface.provide");
  const systems = useQuery(reads.systems());
  const taxonomy = useQuery(reads.taxonomy());
  const [code, setCode] = useState("");
  const [title, setTitle] = useState("");
  const [description, setDescription] = useState("");
  const [system, setSystem] = useState<string | null>(null);
  const [branch, setBranch] = useState<string | null>(null);
  const [pattern, setPattern] = useState("request-reply");
  const [number, setNumber] = useState("1.0.0");
  const add = useAction(
    () =>
      writes.interface({
        code: code.trim(),
        title: title.trim(),
        description: description.trim(),
        system: system ?? "",
        taxonomy: branch ?? "",
        pattern,
        version: number.trim(),
      }),
    null,
    (made) => void navigate(paths.interface(made.code, "definition", made.latest)),
  );
  const whyNot =
    denied ??
    (code.trim() === "" || title.trim() === "" || system === null || branch === null
      ? t("new.missing")
      : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) add.mutate(undefined);
  };
  return (
    <>
      <PageHeader
        title={t("interface.new")}
        name={t("interface.new")}
        crumbs={[{ label: t("menu.interfaces"), to: paths.interfaces }]}
      />
      <Card title={t("new.what")}>
        <form className="stack" onSubmit={submit}>
          <div className="form-grid">
            <Field id="new-code" label={t("interface.code")} note={t("new.codeNote")}>
              <Input
                id="new-code"
                value={code}
                maxLength={80}
                onChange={(event) => setCode(event.target.value)}
              />
            </Field>
            <Field id="new-title" label={t("interface.title")}>
              <Input
                id="new-title"
                value={title}
                maxLength={200}
                onChange={(event) => setTitle(event.target.value)}
              />
            </Field>
            <Field id="new-system" label={t("interface.system")}>
              <Select
                id="new-system"
                aria-label={t("interface.system")}
                showSearch={{ optionFilterProp: "label" }}
                value={system}
                onChange={setSystem}
                options={(systems.data?.items ?? []).map((one) => ({
                  value: one.code,
                  label: said(one.name, one.code),
                }))}
              />
            </Field>
            <Field id="new-taxonomy" label={t("interface.taxonomy")}>
              <Select
                id="new-taxonomy"
                aria-label={t("interface.taxonomy")}
                showSearch={{ optionFilterProp: "label" }}
                value={branch}
                onChange={setBranch}
                options={below(taxonomy.data?.items ?? []).map(({ branch: one, trail }) => ({
                  value: one.path,
                  label: trail.map((step) => said(step.name)).join(" / "),
                }))}
              />
            </Field>
            <Field id="new-pattern" label={t("interface.pattern")}>
              <Select
                id="new-pattern"
                aria-label={t("interface.pattern")}
                value={pattern}
                onChange={setPattern}
                options={PATTERNS.map((one) => ({ value: one, label: word("pattern", one) }))}
              />
            </Field>
            <Field id="new-version" label={t("version.number")} note={t("version.numberNote")}>
              <Input
                id="new-version"
                value={number}
                maxLength={20}
                onChange={(event) => setNumber(event.target.value)}
              />
            </Field>
          </div>
          <Field id="new-description" label={t("interface.description")}>
            <Input.TextArea
              id="new-description"
              rows={3}
              value={description}
              maxLength={2000}
              onChange={(event) => setDescription(event.target.value)}
            />
          </Field>
          {add.error && <ErrorState error={add.error} />}
          <div className="row wrap">
            <ActionButton primary icon="right" busy={add.isPending} whyNot={whyNot}>
              {t("new.next")}
            </ActionButton>
            <span className="faint">{t("new.nextNote")}</span>
          </div>
        </form>
      </Card>
    </>
  );
}
