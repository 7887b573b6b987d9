import { useQuery } from "@tanstack/react-query";
import { Segmented } from "antd";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { PageHeader } from "@/shared/record";
import { QueryView } from "@/shared/states";
import { Card } from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { cli } from "../../cli";
import { CliButton, LinkButton } from "../../components/CliButton";
import { DeploymentGrid } from "../../components/DeploymentList";

/** All deployments; those that wait for the reader are marked. */
export default function DeploymentsPage() {
  const { t } = useTranslation("delivery");
  const [params, setParams] = useSearchParams();
  const show = params.get("show") === "waiting" ? "waiting" : "all";
  const query = useQuery(reads.deployments({}));
  useTopics(
    ["list:pipelines", ...(query.data?.items ?? []).slice(0, 20).map((d) => `deployment:${d.id}`)],
    [["deployments"]],
  );
  return (
    <>
      <PageHeader
        title={t("menu.deployments")}
        name={t("menu.deployments")}
        actions={
          <>
            <CliButton command={cli.deployments()} />
            <LinkButton />
          </>
        }
      />
      <div className="filters">
        <Segmented
          aria-label={t("deployment.state")}
          value={show}
          options={[
            { value: "all", label: t("deployment.all") },
            { value: "waiting", label: t("deployment.waiting") },
          ]}
          onChange={(value) => {
            const next = new URLSearchParams(params);
            if (value === "all") next.delete("show");
            else next.set("show", value);
            setParams(next, { replace: true });
          }}
        />
      </div>
      <Card flush>
        <QueryView query={query}>
          {({ items }) => (
            <DeploymentGrid
              rows={
                show === "waiting" ? items.filter((d) => d.state === "awaiting_approval") : items
              }
            />
          )}
        </QueryView>
      </Card>
    </>
  );
}
