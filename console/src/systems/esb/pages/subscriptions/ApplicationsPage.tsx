import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Application } from "@/api/contract.esb";
import { useSession } from "@/api/session";
import { TimeAgo } from "@/shared/format";
import type { Column } from "@/shared/grid";
import { useDenied } from "@/shared/ui";
import { reads, writes } from "../../api";
import { AddForm } from "../../components/AddForm";
import { nameColumn, RegisterPage } from "../../components/RegisterPage";
import { paths } from "../../paths";

/** Programs that call interfaces, and who answers for each. */
export default function ApplicationsPage() {
  const { t } = useTranslation("esb");
  const query = useQuery(reads.applications());
  const columns: Column<Application>[] = [
    nameColumn(t("application.one"), (one) => one.name),
    {
      key: "owner",
      title: t("interface.owner"),
      width: "minmax(110px, 0.8fr)",
      cell: (one) => one.owner,
      value: (one) => one.owner,
      sortable: true,
    },
    {
      key: "description",
      title: t("interface.description"),
      width: "minmax(180px, 2fr)",
      cell: (one) => one.description || "–",
      value: (one) => one.description,
    },
    {
      key: "since",
      title: t("application.since"),
      width: "130px",
      cell: (one) => <TimeAgo at={one.created_at} />,
      value: (one) => one.created_at,
    },
    {
      key: "subscriptions",
      title: t("menu.subscriptions"),
      width: "130px",
      cell: (one) => (
        <Link to={`${paths.subscriptions}?application=${encodeURIComponent(one.code)}`}>
          {t("application.subscriptions")}
        </Link>
      ),
    },
    {
      key: "credentials",
      title: t("menu.credentials"),
      width: "120px",
      cell: (one) => <Link to={paths.credentials(one.code)}>{t("application.credentials")}</Link>,
    },
  ];
  return (
    <RegisterPage
      title={t("menu.applications")}
      resource="applications"
      query={query}
      columns={columns}
      empty={{ title: t("application.none"), detail: t("application.noneNext") }}
    >
      <AddApplication />
    </RegisterPage>
  );
}

function AddApplication() {
  const { t } = useTranslation("esb");
  const { user } = useSession();
  return (
    <AddForm
      id="application"
      title={t("application.add")}
      denied={useDenied()("esb.subscription.request")}
      missing={t("application.missing")}
      done={t("application.added")}
      fields={[
        { name: "code", label: t("application.code") },
        { name: "name", label: t("application.name"), most: 200 },
        { name: "owner", label: t("interface.owner"), initial: user.login },
        { name: "description", label: t("interface.description"), optional: true, most: 200 },
      ]}
      send={writes.application}
    />
  );
}
