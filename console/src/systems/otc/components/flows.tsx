import { App, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Flow } from "@/api/contract.otc";
import { type Column } from "@/shared/grid";
import { ActionButton, Tag, useDenied, useWord } from "@/shared/ui";
import { useAction, writes } from "../api";
import { paths } from "../paths";
import { FlowStatusPill, Money, useLocal } from "./words";

/** Columns of cash flows, with what can be done about each. */
export function useFlowColumns({ withTrade }: { withTrade: boolean }): Column<Flow>[] {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const local = useLocal();
  const columns: Column<Flow>[] = [
    {
      key: "pay_date",
      title: t("flow.payDate"),
      width: "84px",
      cell: (flow) => <span className="nums nowrap">{flow.pay_date}</span>,
      value: (flow) => flow.pay_date,
      sortable: true,
    },
    {
      key: "leg",
      title: t("flow.leg"),
      width: "minmax(140px, 1fr)",
      cell: (flow) => (
        <span className="cell-two">
          <span className="row">
            {word("leg", flow.leg)}
            {flow.kind !== "contract" && <Tag tone="warn">{word("flowKind", flow.kind)}</Tag>}
          </span>
          <span className="nowrap">
            {word("party", flow.payer)} → {word("party", flow.payee)}
          </span>
        </span>
      ),
      value: (flow) => `${flow.leg} ${flow.payer}>${flow.payee}`,
    },
    {
      key: "amount",
      title: t("flow.amount"),
      width: "150px",
      align: "end",
      cell: (flow) => <Money amount={flow.amount} currency={flow.currency} />,
      value: (flow) => flow.amount,
    },
    {
      key: "trace",
      title: t("flow.trace"),
      width: "minmax(110px, 1.8fr)",
      cell: (flow) => (
        <code className="trace one-line" title={local.one(flow.trace_text)}>
          {local.one(flow.trace_text)}
        </code>
      ),
      value: (flow) => local.one(flow.trace_text),
    },
    {
      key: "status",
      title: t("flow.status"),
      width: "104px",
      cell: (flow) => <FlowStatusPill status={flow.status} />,
      value: (flow) => flow.status,
      sortable: true,
    },
    {
      key: "actions",
      title: t("grid.actions"),
      hiddenTitle: true,
      width: "150px",
      align: "end",
      cell: (flow) => <FlowSteps flow={flow} />,
    },
  ];
  if (!withTrade) return columns;
  return [
    {
      key: "trade",
      title: t("trade.one"),
      width: "minmax(104px, 0.7fr)",
      cell: (flow) => (
        <Link className="cell-link ellipsis" to={paths.trade(flow.trade_id, "flows")}>
          {flow.trade_id}
        </Link>
      ),
      value: (flow) => flow.trade_id,
    },
    ...columns,
  ];
}

type Step = "instruct" | "settle" | "fail";
const STEPS: Record<string, readonly Step[]> = {
  determined: ["instruct"],
  failed: ["instruct"],
  instructed: ["settle", "fail"],
};

function FlowSteps({ flow }: { flow: Flow }) {
  const { t } = useTranslation("otc");
  const [asked, setAsked] = useState<Step | null>(null);
  const denied = useDenied()("otc.flow.settle");
  const steps = STEPS[flow.status] ?? [];
  return (
    <span className="row">
      {steps.map((step) => (
        <ActionButton
          key={step}
          small
          danger={step === "fail"}
          whyNot={denied}
          onClick={() => setAsked(step)}
        >
          {t(`flow.step.${step}`)}
        </ActionButton>
      ))}
      {asked && <FlowStep flow={flow} step={asked} close={() => setAsked(null)} />}
    </span>
  );
}

function FlowStep({ flow, step, close }: { flow: Flow; step: Step; close: () => void }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const local = useLocal();
  const [note, setNote] = useState("");
  const { message } = App.useApp();
  const act = useAction(
    () => writes.flow(flow, step, note.trim()),
    null,
    (out) => {
      if (out.approval) message.info(t("event.waits"), 6);
      else message.success(t(`flow.done.${step}`));
      close();
    },
  );
  const needsNote = step === "fail" && note.trim() === "";
  return (
    <Modal
      open
      title={t(`flow.step.${step}`)}
      okText={t(`flow.step.${step}`)}
      okButtonProps={{ loading: act.isPending, disabled: needsNote, danger: step === "fail" }}
      onOk={() => act.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack tight">
        <p>
          {word("party", flow.payer)} → {word("party", flow.payee)}{" "}
          <b>
            <Money amount={flow.amount} currency={flow.currency} />
          </b>{" "}
          {flow.pay_date}
        </p>
        <code className="trace">{local.one(flow.trace_text)}</code>
        <label htmlFor="flow-note">{t(step === "fail" ? "flow.whyFailed" : "flow.note")}</label>
        <Input id="flow-note" value={note} onChange={(event) => setNote(event.target.value)} />
      </div>
    </Modal>
  );
}
