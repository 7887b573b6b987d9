import { Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Approval, Decision } from "@/api/contract.otc";
import { useSession } from "@/api/session";
import { TimeAgo } from "@/shared/format";
import { ActionButton, Card, StatusIcon, useWord } from "@/shared/ui";
import { useAction, writes } from "../api";
import { paths } from "../paths";
import { Difference } from "./Difference";
import { Effects } from "./Effects";
import { JsonBlock, useLocal } from "./words";

/** What waits for a second person: what it is, what it changes, and the decision. */
export function ApprovalCard({ approval }: { approval: Approval }) {
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
