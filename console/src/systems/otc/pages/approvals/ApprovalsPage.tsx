import { useQuery } from "@tanstack/react-query";
import { Input, Modal, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useSession } from "@/api/session";
import type { Approval, Decision } from "@/api/contract.otc";
import { TimeAgo } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { ActionButton, Card, LinkButton, StatusIcon, useWord } from "@/shared/ui";
import { reads, useAction, useTopics, writes } from "../../api";
import { Difference } from "../../components/Difference";
import { useFilters } from "../../components/filters";
import { Effects } from "../../components/Effects";
import { JsonBlock, useLocal } from "../../components/words";
import { paths } from "../../paths";

/** Decisions that wait for a second person, and those that were taken. */
export default function ApprovalsPage() {
  const { t } = useTranslation("otc");
  const { value, set } = useFilters();
  const state = value("state") ?? "open";
  const query = useQuery(reads.approvals(state === "all" ? undefined : state));
  useTopics(["list:approvals"], [["approvals"]]);
  return (
    <>
      <PageHeader title={t("menu.approvals")} name={t("menu.approvals")} actions={<LinkButton />} />
      <div className="filters">
        <Segmented
          aria-label={t("approval.state")}
          value={state}
          options={["open", "approved", "rejected", "all"].map((one) => ({
            value: one,
            label: t(`approval.${one}`),
          }))}
          onChange={(next) => set({ state: next === "open" ? null : next })}
        />
      </div>
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Card>
              <Empty title={t("approval.none")} detail={t("approval.noneNext")} />
            </Card>
          ) : (
            <ul className="stack">
              {items.map((approval) => (
                <li key={approval.id}>
                  <ApprovalCard approval={approval} />
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
    </>
  );
}

function ApprovalCard({ approval }: { approval: Approval }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const isOpen = approval.state === "open";
  const local = useLocal();
  const what = approval.event_kind
    ? word("eventKind", approval.event_kind)
    : word("approvalKind", approval.kind);
  const name = `${what} ${approval.trade_id ?? ""}`.trim();
  return (
    <article aria-label={name}>
      <Card
        title={
          <span className="row">
            <StatusIcon state={isOpen ? "awaiting_approval" : approval.state} />
            {what}
            {approval.trade_id && (
              <Link to={paths.trade(approval.trade_id)}>{approval.trade_id}</Link>
            )}
          </span>
        }
        extra={
          <span className="faint">
            {approval.maker} · <TimeAgo at={approval.created_at} />
          </span>
        }
      >
        <div className="approval-body">
          <div className="stack tight">
            <p>
              <b>{local.one(approval.words)}</b>
            </p>
            <p>
              <span className="faint">{t("event.reason")}</span> {approval.reason || "–"}
            </p>
            {approval.checker && (
              <p>
                <span className="faint">{t(`approval.${approval.state}`)}</span> {approval.checker}{" "}
                <TimeAgo at={approval.decided_at} /> {approval.comment}
              </p>
            )}
            {approval.difference && <Difference value={approval.difference} />}
            <details className="event-more">
              <summary>{t("event.payload")}</summary>
              <JsonBlock value={approval.document} label={t("event.payload")} />
            </details>
          </div>
          {isOpen && <Decide approval={approval} />}
        </div>
      </Card>
    </article>
  );
}

/** The second pair of eyes; the maker reads why it is not theirs. */
function Decide({ approval }: { approval: Approval }) {
  const { t } = useTranslation("otc");
  const { user } = useSession();
  const [comment, setComment] = useState("");
  const [outcome, setOutcome] = useState<Decision | null>(null);
  const mine = [user.id, user.login, user.name].includes(approval.maker);
  const whyNot = mine ? t("approval.own") : null;
  const approve = useAction(
    () => writes.approve(approval.id, comment.trim()),
    t("approval.done"),
    (out) => {
      if (out.approval.difference ?? out.recorded?.difference ?? out.fixings) setOutcome(out);
    },
  );
  const reject = useAction(
    () => writes.reject(approval.id, comment.trim()),
    t("approval.turnedDown"),
  );
  const id = `comment-${approval.id}`;
  return (
    <div className="stack tight">
      {whyNot && (
        <div className="notice tone-wait" role="note">
          <StatusIcon state="awaiting_approval" />
          <span className="grow">{whyNot}</span>
        </div>
      )}
      <label htmlFor={id}>{t("approval.comment")}</label>
      <Input.TextArea
        id={id}
        rows={2}
        disabled={mine}
        value={comment}
        onChange={(event) => setComment(event.target.value)}
      />
      <div className="row wrap">
        <ActionButton
          primary
          icon="check"
          busy={approve.isPending}
          whyNot={whyNot}
          onClick={() => approve.mutate(undefined)}
        >
          {t("approval.approve")}
        </ActionButton>
        <ActionButton
          danger
          icon="close"
          busy={reject.isPending}
          whyNot={whyNot ?? (comment.trim() === "" ? t("approval.needsComment") : null)}
          onClick={() => reject.mutate(undefined)}
        >
          {t("approval.reject")}
        </ActionButton>
      </div>
      {outcome && (
        <Modal open title={t("event.difference")} footer={null} onCancel={() => setOutcome(null)}>
          <Difference value={outcome.recorded?.difference ?? outcome.approval.difference} />
          {outcome.fixings && <Effects effects={outcome.fixings.effects} />}
        </Modal>
      )}
    </div>
  );
}
