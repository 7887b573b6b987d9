import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import type { ConfigLine } from "@/api/contract.center";
import { useFilters, usePagedOf } from "@/shared/filter";
import { TimeAgo } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { ActionButton, Card, LinkButton, Tag, useDenied } from "@/shared/ui";
import { PUBLIC, useLookAgain } from "../../center";
import { NameFilter } from "../../components/NameFilter";
import { ListCommand } from "../../components/words";
import { paths } from "../../paths";

/** Configuration items of a namespace. */
export default function ConfigsPage() {
  const { t } = useTranslation("esb");
  const navigate = useNavigate();
  const denied = useDenied()("esb.config.write");
  const { value, set } = useFilters();
  const namespace = value("namespace") ?? PUBLIC;
  const filter = { namespace, group: value("group") };
  const { query, rows, more } = usePagedOf<ConfigLine>("esb", "configs", filter);
  useLookAgain(["configs", "paged"]);
  const columns: Column<ConfigLine>[] = [
    {
      key: "id",
      title: t("config.id"),
      width: "minmax(200px, 2fr)",
      cell: (one) => <b>{one.id}</b>,
      value: (one) => one.id,
      sortable: true,
    },
    {
      key: "group",
      title: t("center.group"),
      width: "minmax(130px, 1fr)",
      cell: (one) => <code>{one.group}</code>,
      value: (one) => one.group,
      sortable: true,
    },
    {
      key: "type",
      title: t("config.type"),
      width: "100px",
      cell: (one) => one.type,
      value: (one) => one.type,
    },
    {
      key: "marks",
      title: t("interface.state"),
      width: "150px",
      cell: (one) => <ConfigMarks one={one} />,
      value: (one) => [one.secret && "secret", one.grey && "grey"].filter(Boolean).join(" "),
    },
    {
      key: "revision",
      title: t("config.revision"),
      width: "90px",
      align: "end",
      cell: (one) => <span className="nums">{one.revision}</span>,
      value: (one) => one.revision,
    },
    {
      key: "by",
      title: t("config.changedBy"),
      width: "minmax(120px, 1fr)",
      cell: (one) => (
        <span className="two-lines">
          {one.updated_by}
          <span className="faint">
            <TimeAgo at={one.updated_at} />
          </span>
        </span>
      ),
      value: (one) => one.updated_by,
    },
  ];
  return (
    <>
      <PageHeader
        title={t("menu.configs")}
        name={t("menu.configs")}
        actions={
          <>
            <ListCommand resource="configs" query={filter} />
            <LinkButton />
            <ActionButton
              primary
              icon="plus"
              whyNot={denied}
              onClick={() => void navigate(paths.newConfig(value("namespace"), filter.group))}
            >
              {t("config.add")}
            </ActionButton>
          </>
        }
      />
      <div className="filters">
        <NameFilter
          key={namespace}
          label={t("center.namespace")}
          value={namespace}
          set={(next) => set({ namespace: next === PUBLIC ? null : next })}
        />
        <NameFilter
          key={filter.group}
          label={t("center.group")}
          value={filter.group ?? ""}
          set={(group) => set({ group })}
        />
      </div>
      <Card flush>
        <QueryView query={query}>
          {() => (
            <DataGrid
              label={t("menu.configs")}
              rows={rows}
              columns={columns}
              more={more}
              view={JSON.stringify(filter)}
              rowKey={(one) => `${one.group}/${one.id}`}
              href={(one) => paths.config(one.namespace, one.group, one.id)}
              rowHeight={48}
              exportName="configs"
              empty={<Empty title={t("config.none")} detail={t("config.noneNext")} />}
            />
          )}
        </QueryView>
      </Card>
    </>
  );
}

/** Whether an item is sealed, and whether another content is tried out. */
export function ConfigMarks({ one }: { one: Pick<ConfigLine, "secret" | "grey"> }) {
  const { t } = useTranslation("esb");
  return (
    <span className="row">
      {one.secret && <Tag tone="wait">{t("config.secret")}</Tag>}
      {one.grey && <Tag tone="busy">{t("config.grey")}</Tag>}
      {!one.secret && !one.grey && <span className="faint">–</span>}
    </span>
  );
}
