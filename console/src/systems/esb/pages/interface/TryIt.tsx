import { useMutation, useQuery } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Samples, Tried } from "@/api/contract.esb";
import { useSession } from "@/api/session";
import { useFormat } from "@/shared/format";
import { ErrorState, QueryView } from "@/shared/states";
import { ActionButton, Card, Facts, Field, StatusIcon, Tag, useDenied } from "@/shared/ui";
import { reads, writes } from "../../api";
import { holds } from "../../model/credential";

/** A request of one's own to an operation, sent by the house through the sandbox. */
export function TryIt({ version, no }: { version: string; no: number }) {
  const [seed, setSeed] = useState(1);
  const query = useQuery(reads.samples(version, no, "sandbox", seed));
  return (
    <QueryView query={query}>
      {(samples) => (
        <Form
          key={seed}
          version={version}
          no={no}
          samples={samples}
          others={() => setSeed(seed + 1)}
        />
      )}
    </QueryView>
  );
}

/** `Name: value` by line; what has no colon is a name without a value. */
export function headersOf(text: string): [string, string][] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const at = line.indexOf(":");
    return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
}

function Form({
  version,
  no,
  samples,
  others,
}: {
  version: string;
  no: number;
  samples: Samples;
  others: () => void;
}) {
  const { t } = useTranslation("esb");
  const { user } = useSession();
  const denied = useDenied()("esb.subscription.request");
  const all = useQuery(reads.applications()).data?.items ?? [];
  const own = all.filter((one) => holds(user.login, one));
  const [chosen, setChosen] = useState<string | null>(null);
  const [target, setTarget] = useState(samples.target);
  const [headers, setHeaders] = useState(
    samples.headers.map(([name, value]) => `${name}: ${value}`).join("\n"),
  );
  const [body, setBody] = useState(samples.body ?? "");
  const application = chosen ?? own[0]?.code ?? null;
  const send = useMutation({
    mutationFn: () =>
      writes.tryOut(version, no, {
        application: application ?? "",
        target,
        headers: headersOf(headers),
        body: body === "" ? null : body,
      }),
  });
  return (
    <Card
      title={t("try.title")}
      extra={
        <span className="row">
          <ActionButton small icon="retry" onClick={others}>
            {t("sample.others")}
          </ActionButton>
          <ActionButton
            primary
            small
            icon="play"
            busy={send.isPending}
            whyNot={denied ?? (application === null ? t("credential.holders") : null)}
            onClick={() => send.mutate()}
          >
            {t("try.send")}
          </ActionButton>
        </span>
      }
    >
      <div className="stack">
        <p className="faint">{t("try.note")}</p>
        <Field id="try-application" label={t("application.one")}>
          <Select
            id="try-application"
            aria-label={t("application.one")}
            value={application}
            onChange={setChosen}
            options={own.map((one) => ({ value: one.code, label: `${one.name} (${one.code})` }))}
          />
        </Field>
        <Field id="try-target" label={t("try.target", { method: samples.method })}>
          <Input
            id="try-target"
            value={target}
            onChange={(event) => setTarget(event.target.value)}
          />
        </Field>
        <Field id="try-headers" label={t("operation.headers")}>
          <Input.TextArea
            id="try-headers"
            rows={Math.max(2, samples.headers.length)}
            value={headers}
            onChange={(event) => setHeaders(event.target.value)}
          />
        </Field>
        {samples.body !== null && (
          <Field id="try-body" label={t("operation.body")}>
            <Input.TextArea
              id="try-body"
              rows={8}
              value={body}
              onChange={(event) => setBody(event.target.value)}
            />
          </Field>
        )}
        {send.error && <ErrorState error={send.error} />}
        {send.data && <Answer told={send.data} />}
      </div>
    </Card>
  );
}

/** JSON with its lines; anything else as it came. */
function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function Answer({ told }: { told: Tried }) {
  const { t } = useTranslation("esb");
  const format = useFormat();
  return (
    <section className="stack tight" aria-label={t("try.answer")}>
      <Facts
        items={[
          [
            t("try.status"),
            <span key="status" className="row">
              <StatusIcon state={told.status < 400 ? "passed" : "failed"} />
              <b>{told.status}</b>
            </span>,
          ],
          [t("try.took"), `${format.integer(told.took_ms)} ms`],
          [t("try.url"), <code key="url">{`${told.method} ${told.url}`}</code>],
        ]}
      />
      {told.findings.length > 0 && (
        <ul className="stack tight" aria-label={t("try.findings")}>
          {told.findings.map((one) => (
            <li key={`${one.direction}${one.place}${one.keyword}${one.message}`}>
              <Tag tone="warn">{t(`try.${one.direction}`)}</Tag> <code>{one.place}</code>{" "}
              {one.message}
            </li>
          ))}
        </ul>
      )}
      <div className="json-block">
        <pre tabIndex={0} role="region" aria-label={t("try.headers")}>
          {told.headers.map(([name, value]) => `${name}: ${value}`).join("\n")}
        </pre>
      </div>
      <div className="json-block">
        <pre tabIndex={0} role="region" aria-label={t("try.body")}>
          {told.body === null
            ? t("try.binary", { bytes: format.integer(told.binary ?? 0) })
            : readable(told.body)}
        </pre>
      </div>
      {told.truncated && <p className="soft">{t("try.truncated")}</p>}
    </section>
  );
}
