import { useQuery } from "@tanstack/react-query";
import { Input, Segmented, Select } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { OperationLine, SubscriptionInput, Version } from "@/api/contract.esb";
import { useFilters } from "@/shared/filter";
import { useNow } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { ErrorState } from "@/shared/states";
import { ActionButton, Card, Field, useDenied, useWord } from "@/shared/ui";
import { findInterfaces, reads, useAction, writes } from "../../api";
import { inDays } from "../../model/tree";
import { paths } from "../../paths";

const ENVIRONMENTS = ["sandbox", "production"];
const LEVELS = ["1", "2", "3", "4"];
const QUOTA = ["rate_per_second", "burst", "daily", "concurrency"] as const;
const HALF_A_YEAR = 180;

const majorOf = (number: string): number => Number(number.split(".")[0]);

/** Major numbers of an interface, highest first, each with the newest version of it. */
function majorsOf(versions: readonly Version[]): Map<number, Version> {
  const majors = new Map<number, Version>();
  for (const version of versions) {
    const major = majorOf(version.number);
    if (!majors.has(major)) majors.set(major, version);
  }
  return majors;
}

/** Asking for a subscription: who calls what, where, what for and how much. */
export default function SubscribePage() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const navigate = useNavigate();
  const now = useNow(60_000);
  const denied = useDenied()("esb.subscription.request");
  const { value, set } = useFilters();
  const code = value("interface") ?? "";
  const versions = useQuery({ ...reads.versions(code), enabled: code !== "" });
  const applications = useQuery(reads.applications());
  const majors = majorsOf(versions.data?.items ?? []);
  const [chosenMajor, setMajor] = useState<number | null>(null);
  const major = chosenMajor ?? majors.keys().next().value ?? null;
  const version = major === null ? undefined : majors.get(major);
  const [application, setApplication] = useState<string | null>(null);
  const [environment, setEnvironment] = useState("production");
  const [purpose, setPurpose] = useState("");
  const [operations, setOperations] = useState<string[]>([]);
  const [clearance, setClearance] = useState("1");
  const [until, setUntil] = useState(() => inDays(HALF_A_YEAR, now));
  const [quota, setQuota] = useState({
    rate_per_second: "20",
    burst: "40",
    daily: "100000",
    concurrency: "8",
  });
  const isNumber = QUOTA.every((name) => /^\d{1,9}$/.test(quota[name].trim()));
  const missing =
    code === "" || major === null || application === null || purpose.trim() === "" || until === "";
  const whyNot =
    denied ??
    (missing ? t("subscribe.missing") : null) ??
    (isNumber ? null : t("subscribe.numbers"));
  const ask = useAction(
    (body: SubscriptionInput) => writes.subscribe(body),
    t("subscribe.asked"),
    (made) => void navigate(paths.subscription(made.id)),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot !== null || application === null || major === null) return;
    ask.mutate({
      application,
      interface: code,
      major,
      environment,
      until,
      request: {
        purpose: purpose.trim(),
        operations,
        fields: [],
        clearance: Number(clearance),
        quota: {
          rate_per_second: Number(quota.rate_per_second),
          burst: Number(quota.burst),
          daily: Number(quota.daily),
          concurrency: Number(quota.concurrency),
        },
      },
    });
  };
  return (
    <>
      <PageHeader
        title={t("subscription.ask")}
        name={t("subscription.ask")}
        crumbs={[{ label: t("menu.subscriptions"), to: paths.subscriptions }]}
      />
      <form className="stack" onSubmit={submit}>
        <Card title={t("subscribe.what")}>
          <div className="form-grid">
            <Field id="subscribe-interface" label={t("interface.one")}>
              <InterfaceChoice code={code} choose={(next) => set({ interface: next })} />
            </Field>
            <Field id="subscribe-major" label={t("subscription.major")}>
              <Select
                id="subscribe-major"
                aria-label={t("subscription.major")}
                value={major}
                onChange={setMajor}
                options={[...majors.keys()].map((one) => ({ value: one, label: `v${one}` }))}
              />
            </Field>
            <Field
              id="subscribe-application"
              label={t("application.one")}
              note={<Link to={paths.applications}>{t("application.add")}</Link>}
            >
              <Select
                id="subscribe-application"
                aria-label={t("application.one")}
                showSearch={{ optionFilterProp: "label" }}
                value={application}
                onChange={setApplication}
                options={(applications.data?.items ?? []).map((one) => ({
                  value: one.code,
                  label: `${one.name} (${one.code})`,
                }))}
              />
            </Field>
            <div className="form-field">
              <span className="soft">{t("subscription.environment")}</span>
              <Segmented
                aria-label={t("subscription.environment")}
                value={environment}
                options={ENVIRONMENTS.map((one) => ({
                  value: one,
                  label: word("environment", one),
                }))}
                onChange={setEnvironment}
              />
            </div>
          </div>
        </Card>
        <Card title={t("subscription.operations")}>
          {version ? (
            <Operations version={version} chosen={operations} choose={setOperations} />
          ) : (
            <p className="faint">{t("subscribe.chooseFirst")}</p>
          )}
        </Card>
        <Card title={t("subscribe.terms")}>
          <div className="stack">
            <Field id="subscribe-purpose" label={t("subscription.purpose")}>
              <Input.TextArea
                id="subscribe-purpose"
                rows={2}
                value={purpose}
                maxLength={2000}
                onChange={(event) => setPurpose(event.target.value)}
              />
            </Field>
            <div className="form-grid">
              {QUOTA.map((name) => (
                <Field key={name} id={`subscribe-${name}`} label={t(`quota.${name}`)}>
                  <Input
                    id={`subscribe-${name}`}
                    inputMode="numeric"
                    value={quota[name]}
                    onChange={(event) => setQuota({ ...quota, [name]: event.target.value })}
                  />
                </Field>
              ))}
              <Field
                id="subscribe-clearance"
                label={t("subscription.clearance")}
                note={t("definition.levelNote")}
              >
                <Select
                  id="subscribe-clearance"
                  aria-label={t("subscription.clearance")}
                  value={clearance}
                  onChange={setClearance}
                  options={LEVELS.map((one) => ({ value: one, label: one }))}
                />
              </Field>
              <Field id="subscribe-until" label={t("subscription.until")}>
                <Input
                  id="subscribe-until"
                  type="date"
                  value={until}
                  onChange={(event) => setUntil(event.target.value)}
                />
              </Field>
            </div>
          </div>
        </Card>
        {ask.error && <ErrorState error={ask.error} />}
        <div className="row">
          <ActionButton primary icon="check" busy={ask.isPending} whyNot={whyNot}>
            {t("subscribe.send")}
          </ActionButton>
        </div>
      </form>
    </>
  );
}

/** One interface of the catalogue, found by the server as it is typed. */
function InterfaceChoice({ code, choose }: { code: string; choose: (code: string) => void }) {
  const { t } = useTranslation("esb");
  const [text, setText] = useState("");
  const found = useQuery({
    queryKey: ["esb", "interfaces", "choice", text],
    queryFn: ({ signal }) => findInterfaces(text, signal),
    placeholderData: (previous) => previous,
  });
  return (
    <Select
      id="subscribe-interface"
      aria-label={t("interface.one")}
      showSearch={{ filterOption: false, onSearch: setText }}
      value={code || null}
      onChange={(next: string | null) => choose(next ?? "")}
      options={(found.data?.items ?? []).map((one) => ({
        value: one.code,
        label: `${one.code} ${one.title}`,
      }))}
    />
  );
}

/** None chosen means all of them. */
function Operations({
  version,
  chosen,
  choose,
}: {
  version: Version;
  chosen: string[];
  choose: (ids: string[]) => void;
}) {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.operations(version.id));
  const named = (query.data?.items ?? []).filter(
    (one): one is OperationLine & { id: string } => one.id !== null,
  );
  return (
    <fieldset className="choices">
      <legend className="soft">
        {chosen.length === 0 ? t("subscribe.all") : t("subscribe.some", { count: chosen.length })}
      </legend>
      {named.map((one) => (
        <label key={one.id} className="row">
          <input
            type="checkbox"
            checked={chosen.includes(one.id)}
            onChange={(event) =>
              choose(
                event.target.checked
                  ? [...chosen, one.id]
                  : chosen.filter((other) => other !== one.id),
              )
            }
          />
          <code className="method">{one.method.toUpperCase()}</code>
          <code>{one.path}</code>
          <span className="faint">{one.summary}</span>
        </label>
      ))}
      {query.data?.next_page_token && <p className="faint">{t("subscribe.more")}</p>}
    </fieldset>
  );
}
