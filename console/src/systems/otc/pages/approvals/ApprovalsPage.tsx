import { useQuery } from "@tanstack/react-query";
import { Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Decision } from "@/api/contract.otc";
import { useFilters } from "@/shared/filter";
import { PageHeader } from "@/shared/record";
import { Empty, QueryView } from "@/shared/states";
import { Card, LinkButton } from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { ApprovalCard, DecisionDialog } from "../../components/ApprovalCard";
import { ListCommand } from "../../components/words";

/** Decisions that wait for a second person, and those that were taken. */
export default function ApprovalsPage() {
  const { t } = useTranslation("otc");
  const { value, set } = useFilters();
  const [decision, setDecision] = useState<Decision | null>(null);
  const state = value("state") ?? "open";
  const query = useQuery(reads.approvals(state === "all" ? undefined : state));
  useTopics(["list:otc-approvals"], [["approvals"]]);
  return (
    <>
      <PageHeader
        title={t("menu.approvals")}
        name={t("menu.approvals")}
        actions={
          <>
            <ListCommand
              resource="approvals"
              query={{ state: state === "all" ? undefined : state, page_size: 200 }}
            />
            <LinkButton />
          </>
        }
      />
      <div className="filters">
        <Segmented
          aria-label={t("approval.state")}
          value={state}
          options={["open", "approved", "rejected", "all"].map((one) => ({
            value: one,
            label: t(`approval.${one}`),
          }))}
          onChange={(next) => set({ state: next === "open" ? null : next })}
        />
      </div>
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Card>
              <Empty title={t("approval.none")} detail={t("approval.noneNext")} />
            </Card>
          ) : (
            <ul className="stack">
              {items.map((approval) => (
                <li key={approval.id}>
                  <ApprovalCard approval={approval} decided={setDecision} />
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
      <DecisionDialog decision={decision} close={() => setDecision(null)} />
    </>
  );
}
