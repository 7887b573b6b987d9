import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { reads, useTopics } from "../api";

/** Number of versions before the reviewers, in the menu. */
export default function OpenReviews() {
  const { t } = useTranslation("esb");
  const { data } = useQuery(reads.reviews());
  useTopics(["list:esb-interfaces"], [["reviews"]]);
  const count = data?.items.length ?? 0;
  if (count === 0) return null;
  return (
    <span className="rail-badge calm" title={t("review.count", { count })}>
      {count}
    </span>
  );
}
