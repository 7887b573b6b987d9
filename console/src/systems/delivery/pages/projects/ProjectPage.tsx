import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, Route, Routes, useParams } from "react-router";
import type { Project } from "@/api/contract";
import { usePageCommands } from "@/shared/keys";
import { PageHeader, TabBar } from "@/shared/record";
import { QueryView, Skeleton } from "@/shared/states";
import { ActionButton, Card, CopyLine, Icon, useDenied } from "@/shared/ui";
import { reads, useTopics } from "../../api";
import { cli } from "../../cli";
import { CliButton, LinkButton } from "../../components/CliButton";
import { PipelineList } from "../../components/PipelineList";
import { Light } from "../../components/words";
import { paths } from "../../paths";
import { EnvironmentCards } from "../environments/EnvironmentCards";
import { RunPipeline } from "./RunPipeline";

const VariablesTab = lazy(() => import("./VariablesTab"));
const GateRulesTab = lazy(() => import("./GateRulesTab"));

export default function ProjectPage() {
  const { id = "" } = useParams();
  const project = useQuery(reads.project(id));
  useTopics([`project:${id}`, "list:pipelines"], [["project", id]]);
  return <QueryView query={project}>{(data) => <ProjectView project={data} />}</QueryView>;
}

function ProjectView({ project }: { project: Project }) {
  const { t } = useTranslation("delivery");
  const [isRunning, setRunning] = useState(false);
  const denied = useDenied()("delivery.pipeline.run");
  usePageCommands(
    denied
      ? []
      : [
          {
            id: "project:run",
            label: t("project.run"),
            group: t("menu.projects"),
            keywords: "run pipeline yunxing",
            run: () => setRunning(true),
          },
        ],
  );
  return (
    <>
      <PageHeader
        title={project.path}
        name={project.path}
        crumbs={[{ label: t("menu.projects"), to: paths.projects }]}
        badges={<Light state={project.light.state} since={project.light.since} />}
        meta={
          <>
            {project.description && <span>{project.description}</span>}
            <span>
              <Icon name="branch" />
              <code>{project.default_branch}</code>
            </span>
          </>
        }
        actions={
          <>
            <CliButton command={cli.pipelines(project.path)} />
            <LinkButton />
            <ActionButton primary icon="play" whyNot={denied} onClick={() => setRunning(true)}>
              {t("project.run")}
            </ActionButton>
          </>
        }
      />
      <CopyLine
        value={`git clone ${project.clone_url}`}
        label={t("project.copyClone", { path: project.path })}
      />
      <TabBar
        label={project.path}
        tabs={[
          { to: paths.project(project.id, "pipelines"), label: t("menu.pipelines") },
          { to: paths.project(project.id, "environments"), label: t("menu.environments") },
          { to: paths.project(project.id, "variables"), label: t("project.variables") },
          { to: paths.project(project.id, "gate-rules"), label: t("project.gateRules") },
        ]}
      />
      <Suspense fallback={<Skeleton />}>
        <Routes>
          <Route index element={<Navigate to={paths.project(project.id, "pipelines")} replace />} />
          <Route
            path="pipelines"
            element={
              <Card flush>
                <PipelineList project={project} />
              </Card>
            }
          />
          <Route path="environments" element={<EnvironmentCards projectId={project.id} />} />
          <Route path="variables" element={<VariablesTab projectId={project.id} />} />
          <Route path="gate-rules" element={<GateRulesTab projectId={project.id} />} />
        </Routes>
      </Suspense>
      {isRunning && <RunPipeline project={project} close={() => setRunning(false)} />}
    </>
  );
}
