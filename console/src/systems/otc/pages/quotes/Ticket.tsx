import { useQuery } from "@tanstack/react-query";
import { Input, InputNumber, Segmented, Select } from "antd";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/problem";
import type { Finding, Snapshot, Template, Terms } from "@/api/contract.otc";
import { useSettled } from "@/shared/filter";
import { ErrorState } from "@/shared/states";
import { ActionButton, Card, CopyButton, useDenied, useWord } from "@/shared/ui";
import { type QuoteRequest, reads, useAction, writes } from "../../api";
import { cli } from "../../cli";
import { FindingList, Prose, useLocal } from "../../components/words";
import { type Draft, forgetDraft, keepDraft, recallDraft, templateKey } from "../../model/draft";
import {
  codesOf,
  inexactNumbers,
  parseTerms,
  printTerms,
  repeatedNames,
  unknownPlace,
} from "../../model/terms";
import { asOfText, latestMarket } from "../../model/time";
import { TermForm } from "./TermForm";

interface Props {
  template: Template;
  templates: Template[];
  snapshots: Snapshot[];
  choose: (template: string) => void;
  quoted: (id: string) => void;
}

const SPREADS = ["vol", "q", "r"] as const;
const MODELS = ["gbm", "local_vol", "heston"] as const;
const CHARGES = ["hedge_bp", "margin_bp", "reserve_bp", "funding_bp"] as const;

/** What is asked for: product, terms with one unknown, side, counterparty, spreads, charges. */
export function Ticket({ template, templates, snapshots, choose, quoted }: Props) {
  const { t } = useTranslation("otc");
  const local = useLocal();
  const [draft, setDraft] = useState<Draft>(() => recallDraft(template));
  const [view, setView] = useState<"form" | "json">("form");
  const [text, setText] = useState("");
  const set = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }));
  const name = templateKey(template);
  useEffect(() => keepDraft(name, draft), [name, draft]);
  const snapshot = draft.snapshot_id ?? latestMarket(snapshots, codesOf(draft.terms))?.id ?? null;
  const check = useQuery(reads.check(useSettled(view === "json" ? text : draft.terms, 400)));
  const findings = check.data?.findings ?? [];
  const send = useAction(
    (body: QuoteRequest) => writes.quote(body),
    null,
    (quote) => {
      quoted(quote.id);
    },
  );
  const place = unknownPlace(draft.terms, draft.unknown);
  const denied = useDenied()("otc.quote.make");
  const whyNot =
    denied ??
    (snapshot === null
      ? t("ticket.needsSnapshot")
      : draft.counterparty.trim() === ""
        ? t("ticket.needsCounterparty")
        : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot !== null || snapshot === null) return;
    const { terms, unknown, side, counterparty, ...priced } = draft;
    send.mutate({
      terms: { ...terms, direction: side },
      unknown,
      side,
      counterparty: counterparty.trim(),
      ...priced,
      snapshot_id: snapshot,
    });
  };
  return (
    <form className="stack" onSubmit={submit} aria-label={t("quote.new")}>
      <Card>
        <Who
          draft={draft}
          set={set}
          template={template}
          templates={templates}
          unknowns={check.data?.summary?.unknowns ?? template.unknowns}
          snapshots={snapshots}
          snapshot={snapshot}
          choose={choose}
        />
        <div className="row wrap ticket-send">
          <ActionButton primary icon="play" busy={send.isPending} whyNot={whyNot}>
            {t("ticket.quote")}
          </ActionButton>
          {check.isFetching && <span className="faint">{t("ticket.checking")}</span>}
        </div>
      </Card>
      <Card
        title={t("ticket.terms")}
        extra={
          <>
            <Segmented
              aria-label={t("ticket.view")}
              size="small"
              value={view}
              options={[
                { value: "form", label: t("ticket.form") },
                { value: "json", label: t("ticket.json") },
              ]}
              onChange={(next) => {
                setText(printTerms(draft.terms));
                setView(next as "form" | "json");
              }}
            />
            <CopyButton
              value={() => cli.validate(draft.terms)}
              label={t("cli.validate")}
              text={t("cli.short")}
            />
            <ActionButton
              small
              icon="back"
              onClick={() => {
                forgetDraft(templateKey(template));
                setDraft(recallDraft(template));
              }}
            >
              {t("ticket.reset")}
            </ActionButton>
          </>
        }
      >
        {view === "form" ? (
          <TermForm
            terms={draft.terms}
            place={place}
            findings={findings}
            set={(terms) => set({ terms })}
          />
        ) : (
          <JsonView
            text={text}
            write={setText}
            findings={findings}
            set={(terms) => set({ terms })}
          />
        )}
        {view === "form" && <FindingList findings={findings} />}
        {check.data?.summary && (
          <details className="ticket-words" open={findings.length === 0}>
            <summary>{t("ticket.words")}</summary>
            <Prose lines={local.lines(check.data.summary.words)} />
          </details>
        )}
      </Card>
      <Card title={t("ticket.price")}>
        <Pricing draft={draft} set={set} />
      </Card>
      {send.error instanceof ApiError && <ErrorState error={send.error} />}
    </form>
  );
}

type Set = (change: Partial<Draft>) => void;

function Who({
  draft,
  set,
  template,
  templates,
  unknowns,
  snapshots,
  snapshot,
  choose,
}: {
  draft: Draft;
  set: Set;
  template: Template;
  templates: Template[];
  unknowns: readonly string[];
  snapshots: Snapshot[];
  snapshot: string | null;
  choose: (template: string) => void;
}) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const local = useLocal();
  return (
    <div className="form-grid">
      <Labelled id="ticket-template" label={t("trade.product")}>
        <Select
          id="ticket-template"
          showSearch={{ optionFilterProp: "label" }}
          value={templateKey(template)}
          onChange={choose}
          options={templates.map((one) => ({
            value: templateKey(one),
            label: local.one(one.title),
          }))}
        />
      </Labelled>
      <Labelled id="ticket-unknown" label={t("ticket.unknown")}>
        <Select
          id="ticket-unknown"
          value={draft.unknown}
          onChange={(unknown) => set({ unknown })}
          options={unknowns.map((one) => ({ value: one, label: word("unknown", one) }))}
        />
      </Labelled>
      <Labelled id="ticket-side" label={t("quote.side")}>
        <Select
          id="ticket-side"
          value={draft.side}
          onChange={(side) => set({ side })}
          options={["house_sells", "house_buys"].map((one) => ({
            value: one,
            label: word("side", one),
          }))}
        />
      </Labelled>
      <Labelled id="ticket-counterparty" label={t("trade.counterparty")}>
        <Input
          id="ticket-counterparty"
          value={draft.counterparty}
          onChange={(event) => set({ counterparty: event.target.value })}
        />
      </Labelled>
      <Labelled id="ticket-snapshot" label={t("quote.snapshot")}>
        <Select
          id="ticket-snapshot"
          value={snapshot}
          onChange={(id) => set({ snapshot_id: id })}
          options={snapshots.map((one) => ({
            value: one.id,
            label: `${asOfText(one.as_of)} · ${one.id.slice(0, 10)}`,
          }))}
        />
      </Labelled>
      <Labelled id="ticket-valid" label={t("ticket.valid")}>
        <InputNumber
          id="ticket-valid"
          min={1}
          max={1440}
          precision={0}
          value={draft.valid_minutes}
          onChange={(minutes) => set({ valid_minutes: minutes ?? 15 })}
          style={{ width: "100%" }}
        />
      </Labelled>
    </div>
  );
}

function Pricing({ draft, set }: { draft: Draft; set: Set }) {
  const { t } = useTranslation("otc");
  const engines = useQuery(reads.engines());
  return (
    <div className="form-grid">
      {SPREADS.map((name) => (
        <Labelled key={name} id={`spread-${name}`} label={t(`ticket.spread.${name}`)}>
          <InputNumber
            id={`spread-${name}`}
            min={0}
            max={50}
            step={0.1}
            suffix="%"
            value={Number((draft.spreads[name] * 100).toFixed(6))}
            onChange={(value) => set({ spreads: { ...draft.spreads, [name]: (value ?? 0) / 100 } })}
            style={{ width: "100%" }}
          />
        </Labelled>
      ))}
      {CHARGES.map((name) => (
        <Labelled key={name} id={`charge-${name}`} label={t(`ticket.charge.${name}`)}>
          <InputNumber
            id={`charge-${name}`}
            min={0}
            max={10_000}
            suffix={t("ticket.bp")}
            value={draft.charges[name]}
            onChange={(value) => set({ charges: { ...draft.charges, [name]: value ?? 0 } })}
            style={{ width: "100%" }}
          />
        </Labelled>
      ))}
      <Labelled id="ticket-model" label={t("ticket.model")}>
        <Select
          id="ticket-model"
          value={draft.model ?? ""}
          onChange={(model) => set({ model: model || null })}
          options={[
            { value: "", label: t("ticket.quotedModel") },
            ...MODELS.map((name) => ({ value: name, label: t(`ticket.models.${name}`) })),
          ]}
        />
      </Labelled>
      <Labelled id="ticket-engine" label={t("valuation.engine")}>
        <Select
          id="ticket-engine"
          value={draft.engine ?? ""}
          onChange={(engine) => set({ engine: engine || null })}
          options={[
            { value: "", label: t("ticket.anyEngine") },
            ...(engines.data?.items ?? []).map(({ name }) => ({ value: name, label: name })),
          ]}
        />
      </Labelled>
    </div>
  );
}

function Labelled({ id, label, children }: { id: string; label: string; children: ReactNode }) {
  return (
    <div className="form-field">
      <label htmlFor={id}>{label}</label>
      {children}
    </div>
  );
}

/** The sheet as text; a finding leads to its line. */
function JsonView({
  text,
  write,
  findings,
  set,
}: {
  text: string;
  write: (text: string) => void;
  findings: Finding[];
  set: (terms: Terms) => void;
}) {
  const { t } = useTranslation("otc");
  const [bad, setBad] = useState<string | null>(null);
  const read = (next: string) => {
    write(next);
    const parsed = parseTerms(next);
    const lost = inexactNumbers(next);
    const repeated = "error" in parsed ? [] : repeatedNames(next);
    if ("error" in parsed) setBad(parsed.error);
    else if (repeated.length > 0) setBad(t("ticket.repeated", { names: repeated.join(", ") }));
    else if (lost.length > 0) setBad(t("ticket.inexact", { numbers: lost.join(", ") }));
    else {
      setBad(null);
      set(parsed.terms);
    }
  };
  const goTo = (finding: Finding) => {
    const area = document.getElementById("ticket-json");
    if (!(area instanceof HTMLTextAreaElement) || !finding.line) return;
    const at =
      text
        .split("\n")
        .slice(0, finding.line - 1)
        .join("\n").length + 1;
    area.focus();
    area.setSelectionRange(at, at + (text.slice(at).indexOf("\n") + 1 || text.length));
  };
  return (
    <div className="stack tight">
      <label htmlFor="ticket-json" className="visually-hidden">
        {t("ticket.json")}
      </label>
      <Input.TextArea
        id="ticket-json"
        className="mono"
        rows={22}
        spellCheck={false}
        status={bad === null ? "" : "error"}
        value={text}
        onChange={(event) => read(event.target.value)}
      />
      {bad !== null && (
        <p role="alert" className="form-error">
          {t("ticket.badJson", { why: bad })}
        </p>
      )}
      <FindingList findings={findings} onPlace={goTo} />
    </div>
  );
}
