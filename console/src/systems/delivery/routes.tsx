import { lazy, Suspense } from "react";
import { Navigate, Route, Routes } from "react-router";
import { Skeleton } from "@/shared/states";
import { paths } from "./paths";
import "./delivery.css";

const ProjectsPage = lazy(() => import("./pages/projects/ProjectsPage"));
const ProjectPage = lazy(() => import("./pages/projects/ProjectPage"));
const PipelinesPage = lazy(() => import("./pages/pipelines/PipelinesPage"));
const PipelinePage = lazy(() => import("./pages/pipelines/PipelinePage"));
const JobPage = lazy(() => import("./pages/jobs/JobPage"));
const IncidentsPage = lazy(() => import("./pages/incidents/IncidentsPage"));
const EnvironmentsPage = lazy(() => import("./pages/environments/EnvironmentsPage"));
const DeploymentsPage = lazy(() => import("./pages/deployments/DeploymentsPage"));
const DeploymentPage = lazy(() => import("./pages/deployments/DeploymentPage"));
const ReleasesPage = lazy(() => import("./pages/releases/ReleasesPage"));
const ReleasePage = lazy(() => import("./pages/releases/ReleasePage"));

export default function DeliveryRoutes() {
  return (
    <Suspense fallback={<Skeleton rows={8} />}>
      <Routes>
        <Route index element={<Navigate to={paths.projects} replace />} />
        <Route path="projects" element={<ProjectsPage />} />
        <Route path="projects/:id/*" element={<ProjectPage />} />
        <Route path="pipelines" element={<PipelinesPage />} />
        <Route path="pipelines/:id/*" element={<PipelinePage />} />
        <Route path="jobs/:id" element={<JobPage />} />
        <Route path="incidents" element={<IncidentsPage />} />
        <Route path="environments" element={<EnvironmentsPage />} />
        <Route path="deployments" element={<DeploymentsPage />} />
        <Route path="deployments/:id" element={<DeploymentPage />} />
        <Route path="releases" element={<ReleasesPage />} />
        <Route path="releases/:id" element={<ReleasePage />} />
        <Route path="*" element={<Navigate to={paths.projects} replace />} />
      </Routes>
    </Suspense>
  );
}
