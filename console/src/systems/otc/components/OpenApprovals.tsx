import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { reads, useTopics } from "../api";

/** Number of decisions that wait for a second person, in the menu. */
export default function OpenApprovals() {
  const { t } = useTranslation("otc");
  const { data } = useQuery(reads.approvals("open"));
  useTopics(["list:otc-approvals"], [["approvals"]]);
  const count = data?.items.length ?? 0;
  if (count === 0) return null;
  return (
    <span className="rail-badge calm" title={t("approval.openCount", { count })}>
      {count}
    </span>
  );
}
