import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Verdict, VerdictRule } from "@/api/contract";
import { DateTime, formatDateTime, useFormat, useSaid } from "@/shared/format";
import { Empty, QueryView } from "@/shared/states";
import { Card, CopyButton, Facts, Hash, Icon, StatusPill, Tag, toneOf, useWord } from "@/shared/ui";
import { reads } from "../../api";
import { useMissing } from "../../components/useMissing";

/** The gate's verdict: what was measured, against which bound, from which inputs, and why. */
export default function GateTab({
  pipelineId,
  hasVerdict,
}: {
  pipelineId: string;
  hasVerdict: boolean;
}) {
  const { t } = useTranslation("delivery");
  const query = useMissing(useQuery({ ...reads.pipelineVerdict(pipelineId), enabled: hasVerdict }));
  if (!hasVerdict || query.isMissing) {
    return <Empty title={t("verdict.none")} detail={t("verdict.noneWhy")} />;
  }
  return <QueryView query={query}>{(verdict) => <VerdictView verdict={verdict} />}</QueryView>;
}

function VerdictView({ verdict }: { verdict: Verdict }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const format = useFormat();
  const said = useSaid();
  const failed = verdict.rules.filter(
    (r) => (r.result === "fail" || r.result === "missing") && r.effect === "block",
  );
  return (
    <div className="two-columns">
      <div className="stack">
        <div className={`notice tone-${toneOf(verdict.overall)}`}>
          <div className="grow">
            <h2>{word("verdict", verdict.overall)}</h2>
            <div>
              {said(verdict.error_text, verdict.error) ??
                (failed.length === 0
                  ? t("verdict.allHold", { count: verdict.rules.length })
                  : t("verdict.broken", {
                      count: failed.length,
                      rules: failed.map((r) => word("ruleId", r.id)).join(", "),
                    }))}
            </div>
          </div>
          <CopyButton
            value={() => summaryOf(verdict, word, formatDateTime(verdict.created_at, format.lang))}
            label={t("verdict.copy")}
            text={t("verdict.copy")}
          />
        </div>
        <Card flush title={t("verdict.rules")}>
          {verdict.rules.map((rule) => (
            <RuleRow key={rule.id} rule={rule} />
          ))}
        </Card>
        <Card flush title={t("verdict.inputs")}>
          <Inputs verdict={verdict} />
        </Card>
      </div>
      <Card title={t("verdict.record")}>
        <RecordFacts verdict={verdict} />
      </Card>
    </div>
  );
}

function RecordFacts({ verdict }: { verdict: Verdict }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  return (
    <Facts
      items={[
        [t("verdict.sha"), <Hash key="s" value={verdict.sha} label={t("copy.sha")} />],
        [
          t("verdict.digest"),
          <Hash key="d" value={verdict.artifact_digest} label={t("copy.digest")} />,
        ],
        [
          t("verdict.base"),
          <span key="b">
            <Hash value={verdict.base_sha} label={t("copy.sha")} />{" "}
            {word("baseChoice", verdict.base_choice)}
          </span>,
        ],
        [
          t("verdict.ruleSet"),
          <span key="r">
            {verdict.rule_set.id}{" "}
            <Tag>{t("rule.version", { version: verdict.rule_set.version })}</Tag>
          </span>,
        ],
        [
          t("verdict.ruleHash"),
          <Hash key="h" value={verdict.rule_set.sha256} label={t("copy.digest")} />,
        ],
        [t("verdict.evaluator"), verdict.evaluator],
        [t("verdict.at"), <DateTime key="a" at={verdict.created_at} />],
        [
          t("verdict.evidence"),
          verdict.evidence_seq === null ? (
            "–"
          ) : (
            <Link key="e" to={`/platform/evidence?seq=${verdict.evidence_seq}`}>
              #{verdict.evidence_seq}
            </Link>
          ),
        ],
      ]}
    />
  );
}

function RuleRow({ rule }: { rule: VerdictRule }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const said = useSaid();
  const state = rule.result === "fail" && rule.effect === "warn" ? "warned" : rule.result;
  return (
    <div className="rule-row">
      <div className="stack tight">
        <StatusPill state={state} label={word("ruleResult", rule.result)} />
        <span>
          <b>{word("ruleId", rule.id)}</b>
          <br />
          <span className="faint">{word("effect", rule.effect)}</span>
        </span>
      </div>
      <div className="stack tight">
        <span>
          {word("measure", rule.measure)} · {word("scope", rule.scope)}
        </span>
        <span className="row">
          <span className="rule-value nums">{shownValue(rule)}</span>
          <span className="soft nums">
            {t("verdict.bound")} {rule.op} {rule.bound}
            {isPercent(rule) ? " %" : ""}
          </span>
        </span>
        <RuleMeter rule={rule} />
      </div>
      <div className="stack tight">
        <details open={rule.result === "fail" || rule.result === "missing"}>
          <summary>{t("verdict.why")}</summary>
          <p className="soft">
            {rule.numerator !== null && rule.denominator !== null && (
              <>
                {t("verdict.fraction", {
                  numerator: rule.numerator,
                  denominator: rule.denominator,
                })}
                <br />
              </>
            )}
            {said(rule.text, rule.detail)}
          </p>
        </details>
        {rule.offenders.length > 0 && (
          <ul>
            {rule.offenders.map((o, i) => (
              <li key={i}>
                <code>
                  {o.file}
                  {o.line === null ? "" : `:${o.line}`}
                </code>{" "}
                <span className="soft">{said(o.text, o.note)}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

const isPercent = (rule: VerdictRule): boolean => /coverage|rate|density/.test(rule.measure);

function shownValue(rule: VerdictRule): string {
  if (rule.value === null) return "–";
  return isPercent(rule) ? `${rule.value} %` : String(rule.value);
}

/** Value and bound on one scale, for percentages. */
function RuleMeter({ rule }: { rule: VerdictRule }) {
  const { t } = useTranslation("delivery");
  const value = Number(rule.value);
  const bound = Number(rule.bound);
  if (!isPercent(rule) || rule.value === null || Number.isNaN(value) || Number.isNaN(bound))
    return null;
  const clamp = (n: number) => Math.max(0, Math.min(100, n));
  return (
    <div
      className={`meter-track tone-${toneOf(rule.result)}`}
      role="img"
      aria-label={t("verdict.meter", { value: rule.value, bound: rule.bound })}
    >
      <div className="meter-fill" style={{ width: `${clamp(value)}%` }} />
      <div className="meter-bound" style={{ left: `calc(${clamp(bound)}% - 1px)` }} />
    </div>
  );
}

function Inputs({ verdict }: { verdict: Verdict }) {
  const { t } = useTranslation("delivery");
  const word = useWord("delivery");
  const said = useSaid();
  if (verdict.inputs.length === 0) return <Empty title={t("verdict.noInputs")} />;
  return (
    <ul className="error-list">
      {verdict.inputs.map((input, i) => (
        <li key={i}>
          <StatusPill state={input.outcome} label={word("outcome", input.outcome)} />
          <span className="row wrap">
            <b>{word("inputKind", input.kind)}</b>
            <span className="row soft">
              <Icon name="terminal" size={12} /> {input.job}
            </span>
            <Hash value={input.digest} label={t("copy.digest")} length={12} />
            <span className="faint">
              {input.name} {input.reader}
            </span>
            {input.reason && <span>{said(input.text, input.reason)}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

function summaryOf(
  verdict: Verdict,
  word: (group: string, value: string | null) => string,
  at: string,
): string {
  const rules = verdict.rules.map(
    (r) =>
      `- ${word("ruleId", r.id)}: ${shownValue(r)} (${r.op} ${r.bound}) ${word("ruleResult", r.result)}`,
  );
  return [`${word("verdict", verdict.overall)} · ${verdict.sha} · ${at}`, ...rules].join("\n");
}
