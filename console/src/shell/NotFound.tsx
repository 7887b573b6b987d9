import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { PageHeader } from "@/shared/record";
import { Empty } from "@/shared/states";

export function NotFound() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader title={t("notFound.title")} name={t("notFound.title")} />
      <Empty
        title={t("notFound.why")}
        detail={t("notFound.next")}
        action={<Link to="/">{t("notFound.home")}</Link>}
      />
    </>
  );
}
