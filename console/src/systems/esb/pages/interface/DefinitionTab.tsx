import { useQuery } from "@tanstack/react-query";
import { Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Imported, Version } from "@/api/contract.esb";
import { useFormat } from "@/shared/format";
import { ErrorState, QueryView } from "@/shared/states";
import {
  ActionButton,
  Card,
  Facts,
  FileDrop,
  Hash,
  Icon,
  StatusIcon,
  useDenied,
} from "@/shared/ui";
import { fileUrl, reads, useAction, writes } from "../../api";
import { UnmetList } from "../../components/words";
import { paths } from "../../paths";

const ACCEPT = ".json,.yaml,.yml,.zip,application/json,application/yaml,application/zip";
/** States in which a new file takes the version back to a draft, or is simply taken. */
const OPEN = new Set(["identified", "draft", "in_review", "approved", "testing"]);

interface Props {
  version: Version;
  tabOf: (tab: string) => string;
}

/** The definition of a version: handed in, what was found, what is like it, its files. */
export function DefinitionTab({ version, tabOf }: Props) {
  return (
    <div className="stack">
      <HandIn version={version} tabOf={tabOf} />
      <Likenesses version={version} />
      <Kept version={version} />
    </div>
  );
}

function HandIn({ version, tabOf }: Props) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const denied = useDenied()("esb.interface.provide");
  const [file, setFile] = useState<File | null>(null);
  const [taken, setTaken] = useState<Imported | null>(null);
  const send = useAction((chosen: File) => writes.definition(version, chosen), null, setTaken);
  const check = useAction(() => writes.check(version), t("definition.checked"));
  const closed = OPEN.has(version.state) ? null : t("definition.closed");
  const choose = (chosen: File) => {
    setFile(chosen);
    setTaken(null);
    send.mutate(chosen);
  };
  const note = denied ?? closed;
  const returns = version.state === "in_review" || version.state === "approved";
  return (
    <Card
      title={t("definition.handIn")}
      extra={
        <ActionButton
          small
          icon="retry"
          busy={check.isPending}
          whyNot={denied ?? (version.definition === null ? t("definition.none") : null)}
          onClick={() => check.mutate(undefined)}
        >
          {t("definition.check")}
        </ActionButton>
      }
    >
      <div className="stack">
        {returns && <p className="soft">{t("definition.returns")}</p>}
        <FileDrop
          id="definition-file"
          label={t("definition.file")}
          accept={ACCEPT}
          disabled={note !== null || send.isPending}
          note={
            note ??
            (file
              ? t("definition.chosen", { name: file.name, size: format.bytes(file.size) })
              : t("definition.formats"))
          }
          choose={choose}
        />
        {send.isPending && <p role="status">{t("definition.reading")}</p>}
        {send.error && (
          <section className="stack" aria-label={t("definition.refused")}>
            <p>
              <b>{t("definition.unchanged")}</b>
            </p>
            <ErrorState error={send.error} />
          </section>
        )}
        {taken && <Taken taken={taken} tabOf={tabOf} />}
      </div>
    </Card>
  );
}

/** What was found in the file that was taken. */
function Taken({ taken, tabOf }: { taken: Imported; tabOf: (tab: string) => string }) {
  const { t } = useTranslation("esb");
  const { definition } = taken.version;
  if (!definition) return null;
  const lines = [
    {
      state: "passed",
      text: t("definition.operations", { count: definition.operations }),
      tab: "operations",
    },
    {
      state: definition.errors > 0 ? "failed" : "passed",
      text: t("definition.findings", {
        errors: definition.errors,
        warnings: definition.warnings,
      }),
      tab: "findings",
    },
    {
      state: definition.losses > 0 ? "warned" : "passed",
      text: t("definition.losses", { count: definition.losses }),
      tab: "losses",
    },
    ...(taken.version.compat_base
      ? [
          {
            state: taken.version.compat === "error" ? "failed" : "passed",
            text: t(`compat.${taken.version.compat ?? "unknown"}`),
            tab: "changes",
          },
        ]
      : []),
  ];
  return (
    <section className="stack" aria-label={t("definition.taken")}>
      <h3>{taken.changed ? t("definition.taken") : t("definition.same")}</h3>
      <ul className="unmet-list">
        {lines.map((line) => (
          <li key={line.tab}>
            <StatusIcon state={line.state} />
            <Link className="grow" to={tabOf(line.tab)}>
              {line.text}
            </Link>
          </li>
        ))}
      </ul>
      <UnmetList unmet={taken.unmet} label={t("unmet.draft")} pageOf={tabOf} />
      <Link to={tabOf("overview")}>{t("definition.goOn")}</Link>
    </section>
  );
}

/** From here on a likeness must be justified, percent. */
const MUST_ANSWER = 80;

/** "A similar interface exists": the reader is led to it, or says why another one is needed. */
function Likenesses({ version }: { version: Version }) {
  const { t } = useTranslation("esb");
  if (version.similar.length === 0) return null;
  return (
    <Card title={t("similar.title")}>
      <ul className="stack" aria-label={t("similar.title")}>
        {version.similar.map((one) => (
          <li key={one.interface} className="stack tight">
            <span className="row">
              <StatusIcon
                state={one.score_percent >= MUST_ANSWER && !one.reason ? "failed" : "passed"}
              />
              <Link to={paths.interface(one.interface)}>{one.interface}</Link>
              <span className="nums">{t("similar.score", { score: one.score_percent })}</span>
            </span>
            {one.reason ? (
              <p className="soft">{one.reason}</p>
            ) : (
              <Justify version={version} code={one.interface} />
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Justify({ version, code }: { version: Version; code: string }) {
  const { t } = useTranslation("esb");
  const denied = useDenied()("esb.interface.provide");
  const [reason, setReason] = useState("");
  const say = useAction(() => writes.similar(version, code, reason.trim()), t("similar.said"));
  const id = `similar-${code}`;
  return (
    <div className="decide">
      <label htmlFor={id} className="grow">
        {t("similar.why", { code })}
        <Input
          id={id}
          value={reason}
          maxLength={500}
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      <ActionButton
        busy={say.isPending}
        whyNot={denied ?? (reason.trim() === "" ? t("similar.needsReason") : null)}
        onClick={() => say.mutate(undefined)}
      >
        {t("similar.say")}
      </ActionButton>
    </div>
  );
}

/** What is kept of the definition, and its files as they were handed in. */
function Kept({ version }: Pick<Props, "version">) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const { definition } = version;
  if (!definition) return null;
  return (
    <Card title={t("definition.kept")}>
      <div className="two-columns even">
        <Facts
          items={[
            [t("interface.title"), definition.title || "–"],
            [t("definition.own"), definition.version || "–"],
            [t("definition.format"), definition.format],
            [t("definition.size"), format.bytes(definition.bytes)],
            [
              t("definition.hash"),
              <Hash key="hash" value={definition.hash} label={t("version.copyHash")} length={16} />,
            ],
          ]}
        />
        <Files version={version} />
      </div>
    </Card>
  );
}

function Files({ version }: Pick<Props, "version">) {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.files(version.id));
  return (
    <QueryView query={query} rows={2}>
      {({ items }) => (
        <ul className="stack tight" aria-label={t("definition.files")}>
          {items.map((file) => (
            <li key={file}>
              <a className="row" href={fileUrl(version.id, file)} download={file.split("/").at(-1)}>
                <Icon name="download" />
                <code>{file}</code>
              </a>
            </li>
          ))}
        </ul>
      )}
    </QueryView>
  );
}
