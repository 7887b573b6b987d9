import { App, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { randomKey, type Tagged } from "@/api/client";
import { ApiError } from "@/api/problem";
import type { Trade } from "@/api/contract.otc";
import { useNow } from "@/shared/format";
import { ErrorState } from "@/shared/states";
import { useWord } from "@/shared/ui";
import { type EventOutcome, useAction, writes } from "../../api";
import { Difference } from "../../components/Difference";
import {
  EVENT_FIELDS,
  type EventField,
  FIRST_STEPS,
  fieldProblem,
  fieldsOf,
  nextVersion,
  payloadOf,
} from "../../model/events";
import { printTerms } from "../../model/terms";
import { today } from "../../model/time";

interface Props {
  trade: Tagged<Trade>;
  kind: string;
  close: () => void;
}

/** One event about a contract: its fields, when it takes effect, why; then what it changed. */
export function EventForm({ trade, kind, close }: Props) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const { message } = App.useApp();
  const now = useNow(60_000);
  const [values, setValues] = useState<Record<string, string>>(() =>
    initialValues(EVENT_FIELDS[kind] ?? [], trade),
  );
  const fields = fieldsOf(kind, values);
  const [effective, setEffective] = useState(today(now));
  const [reason, setReason] = useState("");
  const [id] = useState(randomKey);
  const [outcome, setOutcome] = useState<EventOutcome | null>(null);
  const send = useAction(
    () =>
      writes.event(trade, {
        event_id: id,
        kind,
        payload: payloadOf(kind, values, reason.trim()),
        effective,
        reason: reason.trim(),
      }),
    null,
    (out) => {
      if (out.approval) message.info(t("event.waits"), 6);
      else message.success(t("event.done", { kind: word("eventKind", kind) }));
      // Steps on the way into force change the status alone: the page shows that.
      const isStep = (FIRST_STEPS as readonly string[]).includes(kind);
      if (out.difference && !isStep) setOutcome(out);
      else close();
    },
  );
  const problems = new Map(
    fields.flatMap((field) => {
      const problem = fieldProblem(field, values[field.name] ?? "");
      return problem ? [[field.name, problem] as const] : [];
    }),
  );
  if (outcome) {
    return (
      <Modal open title={t("event.difference")} footer={null} onCancel={close}>
        <Difference value={outcome.difference ?? null} />
      </Modal>
    );
  }
  return (
    <Modal
      open
      width={fields.some((f) => f.type === "sheet") ? 760 : 520}
      title={`${word("eventKind", kind)} · ${trade.id}`}
      okText={word("eventKind", kind)}
      okButtonProps={{
        disabled: problems.size > 0 || reason.trim() === "",
        loading: send.isPending,
        danger: kind === "cancel",
      }}
      onOk={() => send.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack tight">
        {fields.map((field) => (
          <Field
            key={field.name}
            field={field}
            value={values[field.name] ?? ""}
            problem={problems.get(field.name)}
            set={(value) => setValues((old) => ({ ...old, [field.name]: value }))}
          />
        ))}
        <label htmlFor="event-effective">{t("event.effective")}</label>
        <Input
          id="event-effective"
          type="date"
          value={effective}
          onChange={(event) => setEffective(event.target.value)}
        />
        <label htmlFor="event-reason">{t("event.reason")}</label>
        <Input.TextArea
          id="event-reason"
          rows={2}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        {send.error instanceof ApiError && <ErrorState error={send.error} />}
      </div>
    </Modal>
  );
}

function initialValues(fields: readonly EventField[], trade: Trade): Record<string, string> {
  return Object.fromEntries(
    fields.map((field) => [
      field.name,
      field.type === "sheet"
        ? printTerms(nextVersion(trade.terms))
        : field.name === "review"
          ? String(trade.state.reviews[0]?.id ?? "")
          : (field.initial ?? ""),
    ]),
  );
}

function Field({
  field,
  value,
  problem,
  set,
}: {
  field: EventField;
  value: string;
  problem: string | undefined;
  set: (value: string) => void;
}) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const id = `event-${field.name}`;
  const bad = problem !== undefined && value !== "";
  return (
    <>
      <label htmlFor={id}>
        {word("eventField", field.name)}
        {field.optional && <span className="faint"> {t("event.optional")}</span>}
      </label>
      {field.type === "choice" ? (
        <Select
          id={id}
          value={value}
          onChange={set}
          options={(field.choices ?? []).map((choice) => ({
            value: choice,
            label: word("choice", choice),
          }))}
        />
      ) : field.type === "sheet" ? (
        <Input.TextArea
          id={id}
          className="mono"
          rows={16}
          value={value}
          status={bad ? "error" : ""}
          onChange={(event) => set(event.target.value)}
        />
      ) : (
        <Input
          id={id}
          type={field.type === "date" ? "date" : "text"}
          inputMode={field.type === "decimal" ? "decimal" : "text"}
          value={value}
          status={bad ? "error" : ""}
          onChange={(event) => set(event.target.value)}
        />
      )}
      {bad && <p className="form-error">{t(`event.bad.${problem}`)}</p>}
    </>
  );
}
