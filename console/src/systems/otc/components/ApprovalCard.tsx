import { Modal } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Approval, Decision } from "@/api/contract.otc";
import { useSession } from "@/api/session";
import { TimeAgo } from "@/shared/format";
import { DecisionForm } from "@/shared/record";
import { Card, JsonBlock, StatusIcon, useDenied, useWord } from "@/shared/ui";
import { useAction, writes } from "../api";
import { paths } from "../paths";
import { Difference } from "./Difference";
import { Effects } from "./Effects";
import { useLocal } from "./words";

interface Props {
  approval: Approval;
  /** Called with what came of an approval; the card itself may be gone by then. */
  decided: (decision: Decision) => void;
}

/** What waits for a second person: what it is, what it changes, and the decision. */
export function ApprovalCard({ approval, decided }: Props) {
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
        <div className="decision-body">
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
          {isOpen && <Decide approval={approval} decided={decided} />}
        </div>
      </Card>
    </article>
  );
}

/** The second pair of eyes; the maker reads why it is not theirs. */
function Decide({ approval, decided }: Props) {
  const { t } = useTranslation("otc");
  const { user } = useSession();
  const mine = [user.id, user.login, user.name].includes(approval.maker);
  const denied = useDenied()("otc.approval.decide");
  const whyNot = mine ? t("approval.own") : denied;
  const approve = useAction(
    (comment: string) => writes.approve(approval.id, comment),
    t("approval.done"),
    decided,
  );
  const reject = useAction(
    (comment: string) => writes.reject(approval.id, comment),
    t("approval.turnedDown"),
  );
  return (
    <DecisionForm
      id={`comment-${approval.id}`}
      label={t("approval.comment")}
      whyNot={whyNot}
      yes={{ label: t("approval.approve"), busy: approve.isPending, give: approve.mutate }}
      no={{
        label: t("approval.reject"),
        busy: reject.isPending,
        whyNot: (comment) => (comment === "" ? t("approval.needsComment") : null),
        give: reject.mutate,
      }}
    />
  );
}

/** What a decision changed, where it is more than a step of its own. */
export function DecisionDialog({
  decision,
  close,
}: {
  decision: Decision | null;
  close: () => void;
}) {
  const { t } = useTranslation("otc");
  if (!decision) return null;
  const { approval, recorded, fixings } = decision;
  const isStep = approval.kind === "booking" || approval.event_kind === "settlement-instructed";
  if (isStep || (!fixings && !recorded?.difference)) return null;
  return (
    <Modal open title={t("event.difference")} footer={null} onCancel={close}>
      {recorded?.difference && <Difference value={recorded.difference} />}
      {fixings && <Effects effects={fixings.effects} />}
    </Modal>
  );
}
