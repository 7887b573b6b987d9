import { Link } from "react-router";
import { useTranslation } from "react-i18next";
import { StatusIcon, StatusPill, Tag, toneOf, useWord } from "@/shared/ui";
import { shortHash, TimeAgo } from "@/shared/format";
import { paths } from "../paths";

/** Pipeline or job state as a pill. */
export function RunStatus({
  status,
  warnings,
  plain,
}: {
  status: string;
  warnings?: boolean;
  plain?: boolean;
}) {
  const word = useWord("delivery");
  const state = status === "success" && warnings ? "warned" : status;
  return <StatusPill state={state} label={word("status", state)} plain={plain ?? false} />;
}

export function DeploymentState({ state, plain }: { state: string; plain?: boolean }) {
  const word = useWord("delivery");
  return <StatusPill state={state} label={word("deploymentState", state)} plain={plain ?? false} />;
}

/** Verdict of the gate, leading to its explanation. */
export function VerdictLink({
  verdict,
  pipelineId,
}: {
  verdict: { result: string } | null;
  pipelineId: string;
}) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  if (!verdict) return <span className="faint">{t("verdict.none")}</span>;
  return (
    <Link to={paths.pipeline(pipelineId, "gate")} className="plain-link">
      <StatusPill state={verdict.result} label={word("verdict", verdict.result)} />
    </Link>
  );
}

/** The light of a branch: shape, word and since when. */
export function Light({ state, since }: { state: string; since: string | null }) {
  const word = useWord("delivery");
  return (
    <span className={`light tone-${toneOf(state)}`}>
      <StatusIcon state={state} size={18} />
      <span className="cell-two">
        <b>{word("light", state)}</b>
        <span>{since ? <TimeAgo at={since} /> : null}</span>
      </span>
    </span>
  );
}

export function Version({ version, digest }: { version: string; digest?: string | null }) {
  return (
    <Tag {...(digest ? { title: digest } : {})}>
      <b>{version}</b>
      {digest && <code>{shortHash(digest, 7)}</code>}
    </Tag>
  );
}
