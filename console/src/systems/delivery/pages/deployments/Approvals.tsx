import { Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Deployment } from "@/api/contract";
import { usePageCommands } from "@/shared/keys";
import { TimeAgo, useSaid } from "@/shared/format";
import { ActionButton, Card, StatusIcon, useWord } from "@/shared/ui";
import { writes } from "../../api";
import { cli } from "../../cli";
import { CliButton } from "../../components/CliButton";
import { useAction } from "../../components/useAction";

/** Who decided what, and the decision of the reader, or why it is not theirs to take. */
export function Approvals({ deployment }: { deployment: Deployment }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const given = deployment.approvals.filter((a) => a.decision === "approved").length;
  const waits = deployment.state === "awaiting_approval";
  return (
    <Card
      title={t("deployment.approvals")}
      extra={
        <span className="nums soft">
          {given} / {deployment.required_approvals}
        </span>
      }
    >
      <div className="stack tight">
        {deployment.required_approvals === 0 && (
          <p className="faint">{t("deployment.noApproval")}</p>
        )}
        <ul>
          {deployment.approvals.map((approval) => (
            <li key={`${approval.user.id}${approval.at}`} className="approval-row">
              <StatusIcon state={approval.decision} />
              <span>
                <b>{approval.user.name}</b> {word("decision", approval.decision)}
                {approval.comment && <div className="soft">{approval.comment}</div>}
              </span>
              <span className="faint">
                <TimeAgo at={approval.at} />
              </span>
            </li>
          ))}
        </ul>
        {waits && deployment.approval_expires_at && (
          <span className="faint">
            {t("deployment.expires")} <TimeAgo at={deployment.approval_expires_at} />
          </span>
        )}
        {waits && <Decide deployment={deployment} />}
      </div>
    </Card>
  );
}

function Decide({ deployment }: { deployment: Deployment }) {
  const { t } = useTranslation("delivery");
  const [comment, setComment] = useState("");
  const approve = useAction(
    () => writes.approve(deployment.id, comment.trim()),
    t("deployment.approved"),
  );
  const reject = useAction(
    () => writes.reject(deployment.id, comment.trim()),
    t("deployment.rejected"),
  );
  const said = useSaid();
  const whyNot = deployment.may_approve
    ? null
    : (said(deployment.why_not_approve_text, deployment.why_not_approve) ??
      t("deployment.mayNotApprove"));
  usePageCommands(
    deployment.may_approve
      ? [
          {
            id: "deployment:approve",
            label: t("deployment.approve"),
            group: t("deployment.one"),
            keywords: "approve pizhun shenpi",
            run: () => approve.mutate(undefined),
          },
        ]
      : [],
  );
  return (
    <>
      {whyNot && (
        <div className="notice tone-wait" role="note">
          <StatusIcon state="awaiting_approval" />
          <span className="grow">{whyNot}</span>
        </div>
      )}
      <label htmlFor="approval-comment">{t("deployment.comment")}</label>
      <Input.TextArea
        id="approval-comment"
        rows={2}
        disabled={!deployment.may_approve}
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
          {t("deployment.approve")}
        </ActionButton>
        <ActionButton
          danger
          icon="close"
          busy={reject.isPending}
          whyNot={whyNot ?? (comment.trim() === "" ? t("deployment.rejectNeedsComment") : null)}
          onClick={() => reject.mutate(undefined)}
        >
          {t("deployment.reject")}
        </ActionButton>
        <CliButton command={cli.approve(deployment.id)} />
      </div>
    </>
  );
}
