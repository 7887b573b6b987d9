import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { reads, useTopics } from "../api";

/** Number of open red lights, in the menu. */
export default function OpenIncidents() {
  const { t } = useTranslation("delivery");
  const { data } = useQuery(reads.incidents({ state: "open" }));
  useTopics(["list:incidents"], [["incidents"]]);
  const count = data?.items.length ?? 0;
  if (count === 0) return null;
  return (
    <span className="rail-badge" title={t("incident.openCount", { count })}>
      {count}
    </span>
  );
}
