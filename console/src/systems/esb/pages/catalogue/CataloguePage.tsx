import { useQuery } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import type { Interface, InterfaceList } from "@/api/contract.esb";
import { useFilters, usePagedOf, useSettled } from "@/shared/filter";
import { TimeAgo, useSaid } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { useShortcuts } from "@/shared/keys";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { ActionButton, Card, LinkButton, useDenied, useWord } from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { ListCommand, StatePill } from "../../components/words";
import { below, withCounts, type Counted } from "../../model/tree";
import { paths } from "../../paths";

const STATES = [
  "identified",
  "draft",
  "in_review",
  "approved",
  "testing",
  "grey",
  "published",
  "deprecated",
  "retired",
  "archived",
];

/** Every interface of the house: searched, narrowed and paged by the server. */
export default function CataloguePage() {
  const { t } = useTranslation("esb");
  const navigate = useNavigate();
  const denied = useDenied();
  const { value, set } = useFilters();
  const filter = {
    q: value("q"),
    taxonomy: value("taxonomy"),
    system: value("system"),
    state: value("state"),
  };
  const { query, rows, more, first } = usePagedOf<Interface, InterfaceList>(
    "esb",
    "interfaces",
    filter,
  );
  useTopics(["list:esb-interfaces"], [["interfaces"]]);
  const columns = useColumns();
  return (
    <>
      <PageHeader
        title={t("menu.interfaces")}
        name={t("menu.interfaces")}
        actions={
          <>
            <ListCommand resource="interfaces" query={filter} />
            <LinkButton />
            <ActionButton
              primary
              icon="plus"
              whyNot={denied("esb.interface.provide")}
              onClick={() => void navigate(paths.newInterface)}
            >
              {t("interface.new")}
            </ActionButton>
          </>
        }
      />
      <div className="catalogue">
        <Taxonomy
          facets={first?.facets ?? []}
          chosen={filter.taxonomy}
          choose={(taxonomy) => set({ taxonomy })}
        />
        <Card flush>
          <FilterRow filter={filter} set={set} />
          <QueryView query={query}>
            {() => (
              <DataGrid
                label={t("menu.interfaces")}
                rows={rows}
                columns={columns}
                rowKey={(one) => one.code}
                href={(one) => paths.interface(one.code)}
                rowHeight={48}
                view={JSON.stringify(filter)}
                more={more}
                exportName="interfaces"
                empty={<Empty title={t("interface.none")} detail={t("interface.noneNext")} />}
              />
            )}
          </QueryView>
        </Card>
      </div>
    </>
  );
}

function FilterRow({
  filter,
  set,
}: {
  filter: { q: string | undefined; system: string | undefined; state: string | undefined };
  set: (changes: Record<string, string | null | undefined>) => void;
}) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const said = useSaid();
  const [text, setText] = useState(filter.q ?? "");
  const settled = useSettled(text);
  const systems = useQuery(reads.systems());
  useEffect(() => {
    if (settled !== (filter.q ?? "")) set({ q: settled });
    // Only what was typed goes into the address; the address going elsewhere is not an answer to it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [settled]);
  useShortcuts([
    {
      keys: "/",
      label: t("interface.search"),
      group: t("menu.interfaces"),
      run: () => document.getElementById("interface-search")?.focus(),
    },
  ]);
  return (
    <div className="filters list-filters">
      <Input
        id="interface-search"
        aria-label={t("interface.search")}
        placeholder={t("interface.search")}
        allowClear
        style={{ width: 320 }}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Select
        aria-label={t("interface.system")}
        placeholder={t("interface.system")}
        allowClear
        style={{ width: 180 }}
        value={filter.system ?? null}
        onChange={(system) => set({ system })}
        options={(systems.data?.items ?? []).map((one) => ({
          value: one.code,
          label: said(one.name, one.code),
        }))}
      />
      <Select
        aria-label={t("interface.state")}
        placeholder={t("interface.state")}
        allowClear
        style={{ width: 150 }}
        value={filter.state ?? null}
        onChange={(state) => set({ state })}
        options={STATES.map((one) => ({ value: one, label: word("state", one) }))}
      />
    </div>
  );
}

/** The branches of the house with what fits in each; empty ones step back. */
function Taxonomy({
  facets,
  chosen,
  choose,
}: {
  facets: InterfaceList["facets"];
  chosen: string | undefined;
  choose: (path: string | null) => void;
}) {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.taxonomy());
  return (
    <nav aria-label={t("interface.taxonomy")}>
      <Card title={t("interface.taxonomy")}>
        <QueryView query={query} rows={10}>
          {({ items }) => (
            <ul className="taxonomy">
              <li>
                <button
                  type="button"
                  aria-pressed={chosen === undefined}
                  onClick={() => choose(null)}
                >
                  {t("interface.all")}
                </button>
              </li>
              <Branches branches={withCounts(items, facets)} chosen={chosen} choose={choose} />
            </ul>
          )}
        </QueryView>
      </Card>
    </nav>
  );
}

function Branches({
  branches,
  chosen,
  choose,
}: {
  branches: Counted[];
  chosen: string | undefined;
  choose: (path: string | null) => void;
}) {
  const said = useSaid();
  return branches.map((branch) => {
    const isOpen = chosen === branch.path || chosen?.startsWith(`${branch.path}/`);
    const inner = branch.children.filter((one) => isOpen || one.count > 0);
    return (
      <li key={branch.path}>
        <button
          type="button"
          aria-pressed={chosen === branch.path}
          className={branch.count === 0 ? "faint" : ""}
          onClick={() => choose(chosen === branch.path ? null : branch.path)}
        >
          <span className="grow">{said(branch.name)}</span>
          <span className="nums">{branch.count}</span>
        </button>
        {inner.length > 0 && (
          <ul>
            <Branches branches={inner} chosen={chosen} choose={choose} />
          </ul>
        )}
      </li>
    );
  });
}

function useColumns(): Column<Interface>[] {
  const { t } = useTranslation("esb");
  const said = useSaid();
  const systems = useQuery(reads.systems());
  const taxonomy = useQuery(reads.taxonomy());
  const names = new Map(
    below(taxonomy.data?.items ?? []).map(({ branch }) => [branch.path, said(branch.name)]),
  );
  const systemOf = (code: string): string =>
    said(systems.data?.items.find((one) => one.code === code)?.name, code) ?? code;
  return [
    {
      key: "code",
      title: t("interface.one"),
      width: "minmax(150px, 2fr)",
      cell: (one) => (
        <span className="two-lines">
          <b>{one.title}</b>
          <code className="faint">{one.code}</code>
        </span>
      ),
      value: (one) => one.code,
    },
    {
      key: "system",
      title: t("interface.system"),
      width: "minmax(90px, 1fr)",
      cell: (one) => systemOf(one.system),
      value: (one) => one.system,
    },
    {
      key: "taxonomy",
      title: t("interface.taxonomy"),
      width: "minmax(90px, 1fr)",
      cell: (one) => names.get(one.taxonomy) ?? (one.taxonomy || "–"),
      value: (one) => one.taxonomy,
    },
    {
      key: "latest",
      title: t("version.latest"),
      width: "150px",
      cell: (one) => (
        <span className="row">
          <span className="nums">{one.latest}</span>
          <StatePill state={one.state} />
        </span>
      ),
      value: (one) => one.latest,
    },
    {
      key: "published",
      title: t("version.published"),
      width: "70px",
      cell: (one) => <span className="nums">{one.published ?? "–"}</span>,
      value: (one) => one.published,
    },
    {
      key: "updated",
      title: t("interface.updated"),
      width: "90px",
      cell: (one) => <TimeAgo at={one.updated_at} />,
      value: (one) => one.updated_at,
    },
  ];
}
