import { useQuery } from "@tanstack/react-query";
import { Input, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, Route, Routes, useNavigate, useParams } from "react-router";
import type { Interface, Version } from "@/api/contract.esb";
import { useFilters } from "@/shared/filter";
import { TimeAgo, useSaid } from "@/shared/format";
import { PageHeader, TabBar } from "@/shared/record";
import { ErrorState, QueryView } from "@/shared/states";
import { ActionButton, Field, Icon, LinkButton, useDenied, useWord } from "@/shared/ui";
import { reads, useAction, useTopics, writes } from "../../api";
import { ListCommand, VersionPill } from "../../components/words";
import { below } from "../../model/tree";
import { paths } from "../../paths";
import { BindingsTab } from "./BindingsTab";
import { CallersTab } from "./CallersTab";
import { ChangesTab } from "./ChangesTab";
import { DefinitionTab } from "./DefinitionTab";
import { FindingsTab, LossesTab } from "./FindingsTab";
import { HistoryTab } from "./HistoryTab";
import { OperationsTab } from "./OperationsTab";
import { OverviewTab } from "./OverviewTab";
import { SchemasTab } from "./SchemasTab";

export default function InterfacePage() {
  const { code = "" } = useParams();
  const query = useQuery(reads.interface(code));
  const versions = useQuery(reads.versions(code));
  useTopics([`esb-interface:${code}`], [["interface", code], ["version"], ["interfaces"]]);
  return (
    <QueryView query={query}>
      {(one) => (
        <QueryView query={versions}>
          {({ items }) => <InterfaceView one={one} versions={items} />}
        </QueryView>
      )}
    </QueryView>
  );
}

const TABS = [
  "overview",
  "definition",
  "operations",
  "schemas",
  "findings",
  "losses",
  "changes",
  "bindings",
  "callers",
  "history",
] as const;

function InterfaceView({ one, versions }: { one: Interface; versions: Version[] }) {
  const { t } = useTranslation("esb");
  const denied = useDenied();
  const navigate = useNavigate();
  const { value, set } = useFilters();
  const asked = value("version");
  const version = versions.find((v) => v.number === asked) ?? versions[0];
  const [adding, setAdding] = useState(false);
  if (!version) return null;
  const name = `${one.code} ${one.title}`;
  const tabOf = (tab: string): string => paths.interface(one.code, tab, asked);
  const overview = <Navigate to={tabOf("overview")} replace />;
  return (
    <>
      <PageHeader
        title={one.title}
        name={name}
        crumbs={[{ label: t("menu.interfaces"), to: paths.interfaces }]}
        badges={<VersionPill version={version} />}
        meta={<Meta one={one} />}
        actions={
          <>
            <Select
              aria-label={t("version.choose")}
              style={{ width: 190 }}
              value={version.number}
              onChange={(number) => set({ version: number, operation: null, schema: null })}
              options={versions.map((v) => ({ value: v.number, label: v.number }))}
            />
            <ListCommand resource={`versions/${version.id}`} />
            <LinkButton />
            <ActionButton
              icon="plus"
              whyNot={denied("esb.interface.provide")}
              onClick={() => setAdding(true)}
            >
              {t("version.new")}
            </ActionButton>
            <ActionButton
              icon="link"
              whyNot={denied("esb.subscription.request")}
              onClick={() => void navigate(paths.subscribe(one.code))}
            >
              {t("subscription.ask")}
            </ActionButton>
          </>
        }
      />
      <TabBar label={name} tabs={TABS.map((tab) => ({ to: tabOf(tab), label: t(`tab.${tab}`) }))} />
      <Routes>
        <Route index element={overview} />
        <Route
          path="overview"
          element={<OverviewTab one={one} version={version} versions={versions} tabOf={tabOf} />}
        />
        <Route
          path="definition"
          element={<DefinitionTab key={version.id} version={version} tabOf={tabOf} />}
        />
        <Route path="operations" element={<OperationsTab version={version} />} />
        <Route path="schemas" element={<SchemasTab version={version} />} />
        <Route path="findings" element={<FindingsTab version={version} />} />
        <Route path="losses" element={<LossesTab version={version} />} />
        <Route path="changes" element={<ChangesTab version={version} versions={versions} />} />
        <Route path="bindings" element={<BindingsTab version={version} />} />
        <Route path="callers" element={<CallersTab code={one.code} />} />
        <Route path="history" element={<HistoryTab code={one.code} versions={versions} />} />
        <Route path="*" element={overview} />
      </Routes>
      {adding && (
        <NewVersion
          code={one.code}
          latest={versions[0]?.number ?? ""}
          close={() => setAdding(false)}
        />
      )}
    </>
  );
}

function Meta({ one }: { one: Interface }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const said = useSaid();
  const systems = useQuery(reads.systems());
  const taxonomy = useQuery(reads.taxonomy());
  const system = systems.data?.items.find((s) => s.code === one.system);
  const place = below(taxonomy.data?.items ?? []).find(
    ({ branch }) => branch.path === one.taxonomy,
  );
  return (
    <>
      <code>{one.code}</code>
      <span>
        <Icon name="environment" />
        {said(system?.name, one.system)}
      </span>
      <span title={t("interface.owner")}>
        <Icon name="user" />
        {system?.owner ?? "–"}
      </span>
      <span>
        {place ? place.trail.map((step) => said(step.name)).join(" / ") : one.taxonomy || "–"}
      </span>
      <span>{word("pattern", one.pattern)}</span>
      <span>
        <TimeAgo at={one.updated_at} />
      </span>
    </>
  );
}

/** The number is all a version begins with; its file comes on its own page. */
function NewVersion({ code, latest, close }: { code: string; latest: string; close: () => void }) {
  const { t } = useTranslation("esb");
  const navigate = useNavigate();
  const [number, setNumber] = useState("");
  const add = useAction(
    () => writes.version(code, number.trim()),
    t("version.added"),
    (made) => {
      close();
      void navigate(paths.interface(code, "definition", made.number));
    },
  );
  return (
    <Modal
      open
      title={t("version.new")}
      okText={t("version.add")}
      okButtonProps={{ disabled: number.trim() === "", loading: add.isPending }}
      onOk={() => add.mutate(undefined)}
      onCancel={close}
    >
      <div className="stack">
        <Field
          id="version-number"
          label={t("version.number")}
          note={`${t("version.numberNote")} ${t("version.latestIs", { number: latest })}`}
        >
          <Input
            id="version-number"
            value={number}
            maxLength={20}
            onChange={(event) => setNumber(event.target.value)}
            onPressEnter={() => number.trim() !== "" && add.mutate(undefined)}
          />
        </Field>
        {add.error && <ErrorState error={add.error} />}
      </div>
    </Modal>
  );
}
