import { useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { PageHeader } from "@/shared/record";
import { reads } from "../../api";
import { cli } from "../../cli";
import { CliButton, LinkButton } from "../../components/CliButton";
import { EnvironmentCards } from "./EnvironmentCards";

/** Where versions run: active and standby side by side, for every project. */
export default function EnvironmentsPage() {
  const { t } = useTranslation("delivery");
  const [params, setParams] = useSearchParams();
  const project = params.get("project") ?? "";
  const projects = useQuery(reads.projects());
  return (
    <>
      <PageHeader
        title={t("menu.environments")}
        name={t("menu.environments")}
        actions={
          <>
            <CliButton command={cli.environments()} />
            <LinkButton />
          </>
        }
      />
      <div className="filters">
        <Select
          aria-label={t("project.one")}
          placeholder={t("project.one")}
          allowClear
          style={{ width: 260 }}
          value={project || null}
          onChange={(value) => {
            const next = new URLSearchParams(params);
            if (value) next.set("project", value);
            else next.delete("project");
            setParams(next, { replace: true });
          }}
          options={(projects.data?.items ?? []).map((p) => ({ value: p.id, label: p.path }))}
        />
      </div>
      <EnvironmentCards {...(project ? { projectId: project } : {})} />
    </>
  );
}
