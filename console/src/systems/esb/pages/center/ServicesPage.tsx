import { useTranslation } from "react-i18next";
import type { ServiceLine } from "@/api/contract.center";
import { useFilters, usePagedOf } from "@/shared/filter";
import { useFormat } from "@/shared/format";
import { type Column, DataGrid } from "@/shared/grid";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, LinkButton, StatusPill } from "@/shared/ui";
import { PUBLIC, useLookAgain } from "../../center";
import { NameFilter } from "../../components/NameFilter";
import { ListCommand } from "../../components/words";
import { paths } from "../../paths";

/** Services that programs registered at, and how many of their instances live. */
export default function ServicesPage() {
  const { t } = useTranslation("esb");
  const format = useFormat();
  const { value, set } = useFilters();
  const namespace = value("namespace") ?? PUBLIC;
  const { query, rows, more } = usePagedOf<ServiceLine>("esb", "services", { namespace });
  useLookAgain(["services"]);
  const columns: Column<ServiceLine>[] = [
    {
      key: "name",
      title: t("service.one"),
      width: "minmax(200px, 2fr)",
      cell: (one) => <b>{one.name}</b>,
      value: (one) => one.name,
      sortable: true,
    },
    {
      key: "group",
      title: t("center.group"),
      width: "minmax(140px, 1fr)",
      cell: (one) => <code>{one.group}</code>,
      value: (one) => one.group,
      sortable: true,
    },
    {
      key: "state",
      title: t("interface.state"),
      width: "150px",
      cell: (one) => <ServiceHealth one={one} />,
      value: (one) => `${one.healthy}/${one.instances}`,
    },
    {
      key: "instances",
      title: t("service.instances"),
      width: "110px",
      align: "end",
      cell: (one) => <span className="nums">{format.integer(one.instances)}</span>,
      value: (one) => one.instances,
      sortable: true,
    },
    {
      key: "healthy",
      title: t("service.healthyCount"),
      width: "110px",
      align: "end",
      cell: (one) => <span className="nums">{format.integer(one.healthy)}</span>,
      value: (one) => one.healthy,
      sortable: true,
    },
  ];
  return (
    <>
      <PageHeader
        title={t("menu.services")}
        name={t("menu.services")}
        actions={
          <>
            <ListCommand resource="services" query={{ namespace }} />
            <LinkButton />
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
      </div>
      <Card flush>
        <QueryView query={query}>
          {() => (
            <DataGrid
              label={t("menu.services")}
              rows={rows}
              columns={columns}
              more={more}
              view={namespace}
              rowKey={(one) => `${one.group}/${one.name}`}
              href={(one) => paths.service(one.namespace, one.group, one.name)}
              exportName="services"
              empty={<Empty title={t("service.none")} detail={t("service.noneNext")} />}
            />
          )}
        </QueryView>
      </Card>
    </>
  );
}

function ServiceHealth({ one }: { one: ServiceLine }) {
  const { t } = useTranslation("esb");
  if (one.instances === 0) return <StatusPill state="idle" label={t("serviceState.empty")} />;
  if (one.healthy === 0) return <StatusPill state="unhealthy" label={t("serviceState.down")} />;
  return one.healthy < one.instances ? (
    <StatusPill state="warned" label={t("serviceState.some")} />
  ) : (
    <StatusPill state="healthy" label={t("serviceState.all")} />
  );
}
