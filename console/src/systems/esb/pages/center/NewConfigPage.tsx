import { Input, Select } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useFilters } from "@/shared/filter";
import { useFormat } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { ErrorState } from "@/shared/states";
import { ActionButton, Card, Field, useDenied } from "@/shared/ui";
import { useAction } from "../../api";
import { changes, PUBLIC } from "../../center";
import { ContentEditor } from "../../components/ContentEditor";
import { faultOf, isName } from "../../model/config";
import { paths } from "../../paths";
import { CONTENT_TYPES } from "./types";

const USUAL_GROUP = "DEFAULT_GROUP";

/** A new configuration item; a content that is not of its type is refused at its place. */
export default function NewConfigPage() {
  const { t } = useTranslation("esb");
  const { lang } = useFormat();
  const navigate = useNavigate();
  const denied = useDenied()("esb.config.write");
  const { value } = useFilters();
  const [name, setName] = useState({
    namespace: value("namespace") ?? PUBLIC,
    group: value("group") ?? USUAL_GROUP,
    name: "",
  });
  const [type, setType] = useState("yaml");
  const [content, setContent] = useState("");
  const [secret, setSecret] = useState(false);
  const [reason, setReason] = useState("");
  const add = useAction(
    () => changes.addItem(name, { type, content, secret, reason: reason.trim() }),
    t("config.added"),
    (made) => void navigate(paths.config(made.namespace, made.group, made.id)),
  );
  const fault = faultOf(add.error, lang);
  const whyNot =
    denied ??
    (Object.values(name).every(isName) ? null : t("config.badName")) ??
    (reason.trim() === "" ? t("review.needsReason") : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) add.mutate(undefined);
  };
  const names = [
    ["namespace", t("center.namespace")],
    ["group", t("center.group")],
    ["name", t("config.id")],
  ] as const;
  return (
    <>
      <PageHeader
        title={t("config.add")}
        name={t("config.add")}
        crumbs={[{ label: t("menu.configs"), to: paths.configs }]}
      />
      <Card>
        <form className="stack" onSubmit={submit}>
          <div className="form-grid">
            {names.map(([part, label]) => (
              <Field key={part} id={`config-${part}`} label={label}>
                <Input
                  id={`config-${part}`}
                  value={name[part]}
                  maxLength={128}
                  onChange={(event) => setName({ ...name, [part]: event.target.value.trim() })}
                />
              </Field>
            ))}
            <Field id="config-type" label={t("config.type")}>
              <Select
                id="config-type"
                aria-label={t("config.type")}
                value={type}
                onChange={setType}
                options={CONTENT_TYPES}
              />
            </Field>
          </div>
          <ContentEditor
            id="config-content"
            label={t("config.content")}
            value={content}
            fault={fault}
            change={setContent}
          />
          <label className="row">
            <input
              type="checkbox"
              checked={secret}
              onChange={(event) => setSecret(event.target.checked)}
            />
            <span>{t("config.makeSecret")}</span>
          </label>
          <Field id="config-reason" label={t("review.reason")}>
            <Input
              id="config-reason"
              value={reason}
              maxLength={500}
              onChange={(event) => setReason(event.target.value)}
            />
          </Field>
          {add.error && !fault && <ErrorState error={add.error} />}
          <div className="row">
            <ActionButton primary icon="plus" busy={add.isPending} whyNot={whyNot}>
              {t("config.add")}
            </ActionButton>
          </div>
        </form>
      </Card>
    </>
  );
}
