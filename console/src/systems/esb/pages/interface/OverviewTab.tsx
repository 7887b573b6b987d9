import { Input } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Interface, Version } from "@/api/contract.esb";
import { TimeAgo, useFormat } from "@/shared/format";
import {
  ActionButton,
  Card,
  Facts,
  Field,
  Figure,
  Figures,
  Hash,
  Tag,
  useDenied,
  useWord,
} from "@/shared/ui";
import { useAction, writes } from "../../api";
import { CompatPill, VersionPill } from "../../components/words";
import { paths } from "../../paths";
import { Steps } from "./Steps";

interface Props {
  one: Interface;
  version: Version;
  versions: Version[];
  tabOf: (tab: string) => string;
}

/** What a version is, where it stands and what it may become. */
export function OverviewTab({ one, version, versions, tabOf }: Props) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const { definition } = version;
  return (
    <div className="stack">
      {one.description && <p className="soft">{one.description}</p>}
      {definition && (
        <Figures>
          <Figure
            label={t("tab.operations")}
            value={<Link to={tabOf("operations")}>{format.integer(definition.operations)}</Link>}
          />
          <Figure
            label={t("tab.schemas")}
            value={<Link to={tabOf("schemas")}>{format.integer(definition.schemas)}</Link>}
          />
          <Figure
            label={t("definition.errorCount")}
            value={<Link to={tabOf("findings")}>{format.integer(definition.errors)}</Link>}
            {...(definition.errors > 0 ? { tone: "bad" as const } : {})}
          />
          <Figure
            label={t("definition.warningCount")}
            value={<Link to={tabOf("findings")}>{format.integer(definition.warnings)}</Link>}
          />
          <Figure
            label={t("definition.missingExamples")}
            value={format.integer(definition.missing_examples)}
          />
          <Figure
            label={t("definition.level")}
            value={format.integer(definition.highest_level)}
            note={t("definition.levelNote")}
          />
        </Figures>
      )}
      <div className="two-columns even">
        <Steps version={version} tabOf={tabOf} />
        <div className="stack">
          <VersionFacts version={version} versions={versions} tabOf={tabOf} />
          <SlaCard key={`${version.id}.${version.revision}`} version={version} />
          <Waivers version={version} />
        </div>
      </div>
      <Versions code={one.code} versions={versions} />
    </div>
  );
}

function VersionFacts({ version, versions, tabOf }: Omit<Props, "one">) {
  const { t } = useTranslation("esb");
  const before = versions.find((v) => v.id === version.compat_base);
  return (
    <Card title={t("version.facts", { number: version.number })}>
      <Facts
        items={[
          [t("version.createdBy"), version.created_by],
          [
            t("version.submittedBy"),
            version.submitted_by ? (
              <>
                {version.submitted_by} <TimeAgo at={version.submitted_at} />
              </>
            ) : (
              "–"
            ),
          ],
          [
            t("version.compat"),
            <Link key="compat" to={tabOf("changes")}>
              <CompatPill verdict={version.compat} /> {before?.number}
            </Link>,
          ],
          [t("version.agreedBy"), version.security_agreed_by ?? "–"],
          [
            t("version.pinned"),
            <Hash key="pinned" value={version.pinned} label={t("version.copyHash")} />,
          ],
          ...(version.sunset_on
            ? ([
                [t("step.sunset"), version.sunset_on],
                [t("step.successor"), version.successor ?? "–"],
              ] as [string, string][])
            : []),
        ]}
      />
    </Card>
  );
}

const WRITABLE = new Set(["identified", "draft"]);

/** What the provider promises; written while the version is a draft. */
function SlaCard({ version }: { version: Version }) {
  const { t } = useTranslation("esb");
  const denied = useDenied()("esb.interface.provide");
  const { sla } = version;
  const [text, setText] = useState({
    latency: String(sla?.latency_p99_ms ?? ""),
    availability: sla?.availability_percent ?? "",
    peak: String(sla?.peak_per_second ?? ""),
  });
  const save = useAction(
    () =>
      writes.sla(version, {
        latency_p99_ms: Number(text.latency),
        availability_percent: text.availability.trim(),
        peak_per_second: Number(text.peak),
      }),
    t("sla.saved"),
  );
  const isNumber = (value: string) => /^\d{1,9}$/.test(value.trim());
  const whyNot =
    denied ??
    (!WRITABLE.has(version.state) ? t("sla.closed") : null) ??
    (!isNumber(text.latency) || !isNumber(text.peak) || text.availability.trim() === ""
      ? t("sla.missing")
      : null);
  const fields = [
    ["latency", t("sla.latency")],
    ["availability", t("sla.availability")],
    ["peak", t("sla.peak")],
  ] as const;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) save.mutate(undefined);
  };
  return (
    <Card title={t("sla.title")}>
      <form className="stack" onSubmit={submit}>
        <div className="form-grid">
          {fields.map(([name, label]) => (
            <Field key={name} id={`sla-${name}`} label={label}>
              <Input
                id={`sla-${name}`}
                value={text[name]}
                disabled={denied !== null || !WRITABLE.has(version.state)}
                onChange={(event) => setText({ ...text, [name]: event.target.value })}
              />
            </Field>
          ))}
        </div>
        <div className="row">
          <ActionButton icon="check" busy={save.isPending} whyNot={whyNot}>
            {t("sla.save")}
          </ActionButton>
        </div>
      </form>
    </Card>
  );
}

function Waivers({ version }: { version: Version }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  if (version.waivers.length === 0) return null;
  return (
    <Card title={t("waiver.all")} flush>
      <table className="plain-table" aria-label={t("waiver.all")}>
        <thead>
          <tr>
            <th scope="col">{t("waiver.guard")}</th>
            <th scope="col">{t("review.reason")}</th>
            <th scope="col">{t("waiver.by")}</th>
            <th scope="col">{t("waiver.until")}</th>
          </tr>
        </thead>
        <tbody>
          {version.waivers.map((waiver) => (
            <tr key={`${waiver.guard}${waiver.created_at}`}>
              <td>{word("guard", waiver.guard)}</td>
              <td>{waiver.reason}</td>
              <td>{waiver.waived_by}</td>
              <td className="nums">
                {waiver.until} {waiver.expired && <Tag tone="bad">{t("waiver.expired")}</Tag>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Versions({ code, versions }: { code: string; versions: Version[] }) {
  const { t } = useTranslation("esb");
  return (
    <Card title={t("version.all")} flush>
      <table className="plain-table" aria-label={t("version.all")}>
        <thead>
          <tr>
            <th scope="col">{t("version.number")}</th>
            <th scope="col">{t("interface.state")}</th>
            <th scope="col">{t("version.compat")}</th>
            <th scope="col">{t("version.createdBy")}</th>
            <th scope="col">{t("interface.updated")}</th>
          </tr>
        </thead>
        <tbody>
          {versions.map((v) => (
            <tr key={v.id}>
              <td>
                <Link className="nums" to={paths.interface(code, "overview", v.number)}>
                  {v.number}
                </Link>
              </td>
              <td>
                <VersionPill version={v} />
              </td>
              <td>
                <CompatPill verdict={v.compat} />
              </td>
              <td>{v.created_by}</td>
              <td>
                <TimeAgo at={v.updated_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
