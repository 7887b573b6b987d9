import { useQuery } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Binding, CheckMode, Version } from "@/api/contract.esb";
import { TimeAgo } from "@/shared/format";
import { ErrorState, QueryView } from "@/shared/states";
import { ActionButton, Card, Field, StatusPill, useDenied, useWord } from "@/shared/ui";
import { reads, useAction, writes } from "../../api";
import { type BindingForm, formOf, inputOf } from "../../model/binding";

const ENVIRONMENTS = ["sandbox", "production"] as const;
const MODES: CheckMode[] = ["off", "observe", "enforce"];
const OVER = new Set(["retired", "archived"]);

/** Where requests to a version go, in each environment, and how they are checked. */
export function BindingsTab({ version }: { version: Version }) {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.bindings(version.id));
  return (
    <QueryView query={query}>
      {({ items }) => (
        <div className="stack">
          <p className="soft">{t("binding.note")}</p>
          <div className="two-columns even">
            {ENVIRONMENTS.map((environment) => {
              const binding = items.find((one) => one.environment === environment);
              return (
                <BindingCard
                  key={`${environment} ${version.id} ${binding?.updated_at ?? ""}`}
                  version={version}
                  environment={environment}
                  binding={binding}
                />
              );
            })}
          </div>
        </div>
      )}
    </QueryView>
  );
}

function BindingCard({
  version,
  environment,
  binding,
}: {
  version: Version;
  environment: string;
  binding: Binding | undefined;
}) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const denied = useDenied()("esb.interface.provide");
  const [form, setForm] = useState(formOf(binding?.binding));
  const write = (part: Partial<BindingForm>) => setForm({ ...form, ...part });
  const input = inputOf(form);
  const save = useAction(
    () =>
      typeof input === "string"
        ? Promise.reject(new Error(input))
        : writes.bind(version, environment, input),
    t("binding.saved"),
  );
  const locked = denied ?? (OVER.has(version.state) ? t("binding.over") : null);
  const whyNot =
    locked ??
    (input === "upstreams" ? t("binding.needsUpstream") : null) ??
    (typeof input === "string" ? t("binding.noNumber", { field: t(`binding.${input}`) }) : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) save.mutate(undefined);
  };
  const id = (name: string) => `binding-${environment}-${name}`;
  const text = (name: "base" | "total" | "connect" | "firstByte" | "idle" | "retries" | "grey") => (
    <Field id={id(name)} label={t(`binding.${name}`)}>
      <Input
        id={id(name)}
        value={form[name]}
        disabled={locked !== null}
        onChange={(event) => write({ [name]: event.target.value })}
      />
    </Field>
  );
  const mode = (name: "request" | "response" | "unsafe", own: BindingForm["unsafe"][]) => (
    <Field id={id(name)} label={t(`binding.${name}`)}>
      <Select
        id={id(name)}
        style={{ width: "100%" }}
        value={form[name]}
        disabled={locked !== null}
        onChange={(value) => write({ [name]: value })}
        options={own.map((one) => ({ value: one, label: word("checkMode", one || "usual") }))}
      />
    </Field>
  );
  return (
    <Card title={word("environment", environment)} extra={<Tried binding={binding} />}>
      <form className="stack" aria-label={word("environment", environment)} onSubmit={submit}>
        <Field
          id={id("upstreams")}
          label={t("binding.upstreams")}
          note={t("binding.upstreamsNote")}
        >
          <Input.TextArea
            id={id("upstreams")}
            rows={3}
            value={form.upstreams}
            disabled={locked !== null}
            onChange={(event) => write({ upstreams: event.target.value })}
          />
        </Field>
        <div className="form-grid">
          {text("base")}
          {text("retries")}
          {text("grey")}
        </div>
        <div className="form-grid">
          {text("total")}
          {text("connect")}
          {text("firstByte")}
          {text("idle")}
        </div>
        <div className="form-grid">
          {mode("request", MODES)}
          {mode("response", MODES)}
          {mode("unsafe", ["", ...MODES])}
        </div>
        <p className="faint">{t("binding.checksNote")}</p>
        {save.error && <ErrorState error={save.error} />}
        <div className="row">
          <ActionButton icon="check" busy={save.isPending} whyNot={whyNot}>
            {t("binding.save")}
          </ActionButton>
        </div>
      </form>
    </Card>
  );
}

/** Whether its upstreams took connections when it was set, and who set it. */
function Tried({ binding }: { binding: Binding | undefined }) {
  const { t } = useTranslation("esb");
  if (!binding) return <StatusPill state="none" label={t("binding.none")} plain />;
  return (
    <span className="row">
      <StatusPill
        state={binding.answered ? "passed" : "failed"}
        label={t(binding.answered ? "binding.answered" : "binding.silent")}
      />
      <span className="faint">
        {binding.updated_by} · <TimeAgo at={binding.updated_at} />
      </span>
    </span>
  );
}
