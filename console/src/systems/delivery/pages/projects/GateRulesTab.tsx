import { useQuery } from "@tanstack/react-query";
import { AutoComplete, Input, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { GateRule, GateRules } from "@/api/contract";
import { QueryView } from "@/shared/states";
import { ActionButton, Card, IconAction, Tag, useDenied } from "@/shared/ui";
import { reads, writes } from "../../api";
import { useAction } from "../../components/useAction";

const MEASURES = [
  "tests.pass_rate",
  "tests.failed",
  "tests.count",
  "tests.flaky",
  "coverage.line",
  "coverage.branch",
];
const OPERATORS = [">=", ">", "<=", "<", "==", "!="];

/** The project's gate: which figure, of what, against which bound, and what happens otherwise. */
export default function GateRulesTab({ projectId }: { projectId: string }) {
  const query = useQuery(reads.gateRules(projectId));
  return (
    <QueryView query={query}>
      {(data) => (
        <RuleForm key={`${data.rule_set_id}@${data.version}`} projectId={projectId} start={data} />
      )}
    </QueryView>
  );
}

function RuleForm({ projectId, start }: { projectId: string; start: GateRules }) {
  const { t } = useTranslation("delivery");
  const [rules, setRules] = useState(start.rules);
  const dirty = JSON.stringify(rules) !== JSON.stringify(start.rules);
  const save = useAction(
    () => writes.putGateRules(projectId, rules, start.version),
    t("rule.saved"),
  );
  const denied = useDenied()("delivery.gate_rule.manage");
  const ids = new Set(rules.map((rule) => rule.id));
  const bad = ids.size !== rules.length || rules.some((r) => r.id === "" || String(r.bound) === "");
  const change = (index: number, part: Partial<GateRule>) =>
    setRules((old) => old.map((rule, i) => (i === index ? { ...rule, ...part } : rule)));
  const add = () =>
    setRules((old) => [
      ...old,
      {
        id: `rule-${old.length + 1}`,
        measure: "coverage.line",
        scope: "new",
        op: ">=",
        bound: "80",
        effect: "block",
        on_missing: "fail",
      },
    ]);
  return (
    <Card
      flush
      title={
        <>
          {t("project.gateRules")} <Tag>{t("rule.version", { version: start.version })}</Tag>
        </>
      }
      extra={
        <>
          <ActionButton small icon="plus" whyNot={denied} onClick={add}>
            {t("rule.add")}
          </ActionButton>
          <ActionButton
            small
            primary
            busy={save.isPending}
            whyNot={denied ?? (bad ? t("rule.bad") : dirty ? null : t("rule.unchanged"))}
            onClick={() => save.mutate(undefined)}
          >
            {t("action.save")}
          </ActionButton>
        </>
      }
    >
      <ul className="rule-form">
        {rules.map((rule, index) => (
          <RuleLine
            key={index}
            rule={rule}
            whyNot={denied}
            change={(part) => change(index, part)}
            drop={() => setRules((old) => old.filter((_, i) => i !== index))}
          />
        ))}
      </ul>
      <p className="card-note faint">{t("rule.help")}</p>
    </Card>
  );
}

function RuleLine({
  rule,
  whyNot,
  change,
  drop,
}: {
  rule: GateRule;
  /** Why the person only reads it. */
  whyNot: string | null;
  change: (part: Partial<GateRule>) => void;
  drop: () => void;
}) {
  const { t } = useTranslation("delivery");
  const isReadOnly = whyNot !== null;
  const option = (group: string, value: string) => ({ value, label: t(`${group}.${value}`) });
  return (
    <li>
      <Input
        disabled={isReadOnly}
        aria-label={t("rule.id")}
        className="mono"
        value={rule.id}
        onChange={(event) => change({ id: event.target.value.trim() })}
      />
      <AutoComplete
        disabled={isReadOnly}
        aria-label={t("rule.measure")}
        value={rule.measure}
        options={MEASURES.map((value) => ({ value }))}
        onChange={(measure: string) => change({ measure })}
      />
      <Select
        disabled={isReadOnly}
        aria-label={t("rule.scope")}
        value={rule.scope}
        options={["overall", "new", "existing"].map((s) => option("scope", s))}
        onChange={(scope) => change({ scope })}
      />
      <Select
        disabled={isReadOnly}
        aria-label={t("rule.op")}
        value={rule.op}
        options={OPERATORS.map((value) => ({ value, label: value }))}
        onChange={(op) => change({ op })}
      />
      <Input
        disabled={isReadOnly}
        aria-label={t("rule.bound")}
        value={String(rule.bound)}
        onChange={(event) => change({ bound: event.target.value.trim() })}
      />
      <Select
        disabled={isReadOnly}
        aria-label={t("rule.effect")}
        value={rule.effect ?? "block"}
        options={["block", "warn"].map((s) => option("effect", s))}
        onChange={(effect) => change({ effect })}
      />
      <Select
        disabled={isReadOnly}
        aria-label={t("rule.onMissing")}
        value={rule.on_missing ?? "fail"}
        options={["fail", "warn", "pass"].map((s) => option("onMissing", s))}
        onChange={(onMissing) => change({ on_missing: onMissing })}
      />
      <IconAction
        icon="close"
        label={t("rule.delete", { id: rule.id })}
        whyNot={whyNot}
        onClick={drop}
      />
    </li>
  );
}
