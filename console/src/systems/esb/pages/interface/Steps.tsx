import { useQuery } from "@tanstack/react-query";
import { Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Outlook, Unmet, Version } from "@/api/contract.esb";
import { useNow, useSaid } from "@/shared/format";
import { Empty, ErrorState, QueryView } from "@/shared/states";
import { ActionButton, Card, Field, StatusIcon, Tag, useDenied, useWord } from "@/shared/ui";
import { reads, useAction, writes } from "../../api";
import { UnmetList } from "../../components/words";
import { inDays } from "../../model/tree";

/** Steps that ask for a reason before they are taken. */
const REASONED = new Set(["refuse", "suspend", "archive"]);
/** What a deprecation is asked for in its own dialog, and so is not missing before. */
const TOLD_LATER = new Set(["successor", "notice"]);
const DANGEROUS = new Set(["refuse", "suspend", "deprecate", "retire", "archive"]);

/** Every step the state of a version knows, and what stands against each for the one who asks. */
export function Steps({ version, tabOf }: { version: Version; tabOf: (tab: string) => string }) {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.outlook(version.id));
  const denied = useDenied();
  const [waiving, setWaiving] = useState<string | null>(null);
  const mayWaive = denied("esb.version.review") === null;
  return (
    <Card title={t("step.title")}>
      <QueryView query={query} rows={3}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t("step.none")} />
          ) : (
            <ul className="steps">
              {items.map((step) => (
                <Step
                  key={step.event}
                  step={step}
                  version={version}
                  tabOf={tabOf}
                  waive={mayWaive ? setWaiving : undefined}
                />
              ))}
            </ul>
          )
        }
      </QueryView>
      {waiving !== null && (
        <WaiveDialog version={version} guard={waiving} close={() => setWaiving(null)} />
      )}
    </Card>
  );
}

function Step({
  step,
  version,
  tabOf,
  waive,
}: {
  step: Outlook;
  version: Version;
  tabOf: (tab: string) => string;
  waive: ((guard: string) => void) | undefined;
}) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const said = useSaid();
  const [asking, setAsking] = useState(false);
  const name = word("event", step.event);
  const take = useAction(
    () => writes.transition(version, { event: step.event }),
    t("step.done", { step: name }),
  );
  const unmet = step.unmet.filter(
    (one) => !(step.event === "deprecate" && TOLD_LATER.has(one.guard)),
  );
  const needsWords = REASONED.has(step.event) || step.event === "deprecate";
  const whyNot = unmet.length === 0 ? null : unmet.map((one) => said(one.text)).join(" ");
  return (
    <li>
      <div className="row wrap">
        <ActionButton
          primary={!DANGEROUS.has(step.event)}
          danger={DANGEROUS.has(step.event)}
          busy={take.isPending}
          whyNot={whyNot}
          onClick={() => (needsWords ? setAsking(true) : take.mutate(undefined))}
        >
          {name}
        </ActionButton>
        {step.to !== version.state && <Tag>{t("step.to", { state: word("state", step.to) })}</Tag>}
        {unmet.length === 0 && (
          <span className="row soft">
            <StatusIcon state="passed" /> {t("step.ready")}
          </span>
        )}
      </div>
      <UnmetList unmet={unmet} label={t("unmet.of", { step: name })} pageOf={tabOf} waive={waive} />
      {asking && (
        <StepDialog step={step} name={name} version={version} close={() => setAsking(false)} />
      )}
    </li>
  );
}

/** What a step needs said: a reason; for a deprecation also who follows and until when. */
function StepDialog({
  step,
  name,
  version,
  close,
}: {
  step: Outlook;
  name: string;
  version: Version;
  close: () => void;
}) {
  const { t } = useTranslation("esb");
  const [reason, setReason] = useState("");
  const [successor, setSuccessor] = useState("");
  const [sunset, setSunset] = useState("");
  const isDeprecation = step.event === "deprecate";
  const take = useAction(
    () =>
      writes.transition(version, {
        event: step.event,
        reason: reason.trim(),
        ...(isDeprecation ? { successor: successor.trim(), sunset_on: sunset || null } : {}),
      }),
    t("step.done", { step: name }),
    close,
  );
  const missing =
    reason.trim() === "" || (isDeprecation && (successor.trim() === "" || sunset === ""));
  return (
    <Modal
      open
      title={name}
      okText={name}
      okButtonProps={{ danger: true, disabled: missing, loading: take.isPending }}
      onOk={() => take.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack">
        {isDeprecation && (
          <div className="form-grid">
            <Field id="step-successor" label={t("step.successor")} note={t("step.successorNote")}>
              <Input
                id="step-successor"
                value={successor}
                onChange={(event) => setSuccessor(event.target.value)}
              />
            </Field>
            <Field id="step-sunset" label={t("step.sunset")}>
              <Input
                id="step-sunset"
                type="date"
                value={sunset}
                onChange={(event) => setSunset(event.target.value)}
              />
            </Field>
          </div>
        )}
        <Field id="step-reason" label={t("review.reason")}>
          <Input.TextArea
            id="step-reason"
            rows={3}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </Field>
        {take.error && <ErrorState error={take.error} />}
      </div>
    </Modal>
  );
}

/** Waivers end: this many days from today unless another day is named. */
const USUAL_DAYS = 30;

/** A guard waived by name, with a reason and an end. */
export function WaiveDialog({
  version,
  guard,
  close,
}: {
  version: Version;
  guard: Unmet["guard"];
  close: () => void;
}) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const now = useNow(60_000);
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState(() => inDays(USUAL_DAYS, now));
  const waive = useAction(
    () => writes.waive(version, { guard, reason: reason.trim(), until }),
    t("waiver.done"),
    close,
  );
  const name = word("guard", guard);
  return (
    <Modal
      open
      title={t("waiver.of", { guard: name })}
      okText={t("waiver.one")}
      okButtonProps={{
        disabled: reason.trim() === "" || until === "",
        loading: waive.isPending,
      }}
      onOk={() => waive.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack">
        <p className="soft">{t("waiver.note")}</p>
        <Field id="waive-reason" label={t("review.reason")}>
          <Input.TextArea
            id="waive-reason"
            rows={3}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </Field>
        <Field id="waive-until" label={t("waiver.until")}>
          <Input
            id="waive-until"
            type="date"
            value={until}
            onChange={(event) => setUntil(event.target.value)}
          />
        </Field>
        {waive.error && <ErrorState error={waive.error} />}
      </div>
    </Modal>
  );
}
