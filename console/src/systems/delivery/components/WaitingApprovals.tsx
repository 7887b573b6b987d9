import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { reads, useTopics } from "../api";

/** Number of deployments this person may approve now, in the menu. */
export default function WaitingApprovals() {
  const { t } = useTranslation("delivery");
  const { data } = useQuery(reads.deployments({}));
  // A deployment that waits holds its pipeline at a manual job: the list of pipelines changes.
  useTopics(["list:pipelines"], [["deployments"]]);
  const count = data?.items.filter((d) => d.may_approve).length ?? 0;
  if (count === 0) return null;
  return (
    <span className="rail-badge calm" title={t("deployment.waitingForYou", { count })}>
      {count}
    </span>
  );
}
