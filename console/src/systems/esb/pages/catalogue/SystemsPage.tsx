import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { System } from "@/api/contract.esb";
import { useSaid } from "@/shared/format";
import type { Column } from "@/shared/grid";
import { useDenied, useWord } from "@/shared/ui";
import { reads, useTopics, writes } from "../../api";
import { AddForm } from "../../components/AddForm";
import { nameColumn, RegisterPage } from "../../components/RegisterPage";
import { paths } from "../../paths";

const CRITICALITIES = ["core", "important", "general"];
const HOURS = ["trading", "office", "always"];

/** The systems that own interfaces, and who answers for each. */
export default function SystemsPage() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const said = useSaid();
  const query = useQuery(reads.systems());
  useTopics(["list:esb-systems"], [["systems"]]);
  const columns: Column<System>[] = [
    nameColumn(t("system.one"), (one) => said(one.name)),
    {
      key: "owner",
      title: t("interface.owner"),
      width: "minmax(110px, 1fr)",
      cell: (one) => one.owner,
      value: (one) => one.owner,
      sortable: true,
    },
    {
      key: "criticality",
      title: t("system.criticality"),
      width: "120px",
      cell: (one) => word("criticality", one.criticality),
      value: (one) => one.criticality,
    },
    {
      key: "hours",
      title: t("system.hours"),
      width: "150px",
      cell: (one) => word("hours", one.hours),
      value: (one) => one.hours,
    },
    {
      key: "interfaces",
      title: t("menu.interfaces"),
      width: "140px",
      cell: (one) => (
        <Link to={`${paths.interfaces}?system=${encodeURIComponent(one.code)}`}>
          {t("system.interfaces")}
        </Link>
      ),
    },
  ];
  return (
    <RegisterPage
      title={t("menu.systems")}
      resource="systems"
      query={query}
      columns={columns}
      empty={{ title: t("system.none"), detail: t("system.noneNext") }}
    >
      <AddSystem />
    </RegisterPage>
  );
}

function AddSystem() {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  return (
    <AddForm
      id="system"
      title={t("system.add")}
      denied={useDenied()("esb.system.manage")}
      missing={t("system.missing")}
      done={t("system.added")}
      fields={[
        { name: "code", label: t("system.code") },
        { name: "zh", label: t("system.nameZh") },
        { name: "en", label: t("system.nameEn") },
        { name: "owner", label: t("interface.owner") },
        {
          name: "criticality",
          label: t("system.criticality"),
          initial: "general",
          options: CRITICALITIES.map((one) => ({ value: one, label: word("criticality", one) })),
        },
        {
          name: "hours",
          label: t("system.hours"),
          initial: "trading",
          options: HOURS.map((one) => ({ value: one, label: word("hours", one) })),
        },
      ]}
      send={({ zh, en, ...rest }) => writes.system({ ...rest, name: { zh, en } })}
    />
  );
}
