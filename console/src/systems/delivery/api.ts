import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, pathsUnder, post, put, remove, withQuery } from "@/api/client";
import type {
  CoverageReport,
  Deployment,
  Environment,
  GateRule,
  GateRules,
  Incident,
  Job,
  JobDetail,
  List,
  LogLines,
  LogMatches,
  LogSection,
  Pipeline,
  PipelineSummary,
  Project,
  Release,
  TestReport,
  Variable,
  Verdict,
} from "@/api/contract";
import { useSystemTopics } from "@/shared/live";

export const BASE = "/api/delivery/v1";

const path = pathsUnder(BASE);

export interface PipelineFilter {
  project_id?: string;
  ref?: string;
  status?: string;
  page_size?: number;
}

const key = (...parts: unknown[]): unknown[] => ["delivery", ...parts];

/** Every read of the system, with its cache key `[delivery, resource, …]`. */
export const reads = {
  projects: () =>
    queryOptions({
      queryKey: key("projects"),
      queryFn: ({ signal }) => get<List<Project>>(path`/projects`, { page_size: 200 }, signal),
    }),
  project: (id: string) =>
    queryOptions({
      queryKey: key("project", id),
      queryFn: ({ signal }) => get<Project>(path`/projects/${id}`, undefined, signal),
    }),
  variables: (id: string) =>
    queryOptions({
      queryKey: key("variables", id),
      queryFn: ({ signal }) =>
        get<List<Variable>>(path`/projects/${id}/variables`, undefined, signal),
    }),
  gateRules: (id: string) =>
    queryOptions({
      queryKey: key("gate-rules", id),
      queryFn: ({ signal }) => get<GateRules>(path`/projects/${id}/gate-rules`, undefined, signal),
    }),
  pipelines: (filter: PipelineFilter) =>
    queryOptions({
      queryKey: key("pipelines", filter),
      queryFn: ({ signal }) => get<List<PipelineSummary>>(path`/pipelines`, { ...filter }, signal),
      placeholderData: keepPreviousData,
    }),
  pipeline: (id: string) =>
    queryOptions({
      queryKey: key("pipeline", id),
      queryFn: ({ signal }) => get<Pipeline>(path`/pipelines/${id}`, undefined, signal),
    }),
  tests: (id: string) =>
    queryOptions({
      queryKey: key("pipeline", id, "tests"),
      queryFn: ({ signal }) =>
        get<TestReport>(path`/pipelines/${id}/test-report`, undefined, signal),
    }),
  coverage: (id: string) =>
    queryOptions({
      queryKey: key("pipeline", id, "coverage"),
      queryFn: ({ signal }) =>
        get<CoverageReport>(path`/pipelines/${id}/coverage-report`, undefined, signal),
    }),
  pipelineVerdict: (id: string) =>
    queryOptions({
      queryKey: key("pipeline", id, "verdict"),
      queryFn: ({ signal }) => get<Verdict>(path`/pipelines/${id}/verdict`, undefined, signal),
    }),
  verdict: (id: string) =>
    queryOptions({
      queryKey: key("verdict", id),
      queryFn: ({ signal }) => get<Verdict>(path`/verdicts/${id}`, undefined, signal),
    }),
  job: (id: string) =>
    queryOptions({
      queryKey: key("job", id),
      queryFn: ({ signal }) => get<JobDetail>(path`/jobs/${id}`, undefined, signal),
    }),
  logSections: (id: string) =>
    queryOptions({
      queryKey: key("job", id, "sections"),
      queryFn: ({ signal }) =>
        get<{ items: LogSection[] }>(path`/jobs/${id}/log/sections`, undefined, signal),
    }),
  incidents: (filter: { project_id?: string; state?: string }) =>
    queryOptions({
      queryKey: key("incidents", filter),
      queryFn: ({ signal }) =>
        get<List<Incident>>(path`/incidents`, { ...filter, page_size: 200 }, signal),
      placeholderData: keepPreviousData,
    }),
  environments: (projectId?: string) =>
    queryOptions({
      queryKey: key("environments", projectId ?? "all"),
      queryFn: ({ signal }) =>
        get<List<Environment>>(
          path`/environments`,
          { project_id: projectId, page_size: 200 },
          signal,
        ),
      placeholderData: keepPreviousData,
    }),
  releases: (projectId?: string) =>
    queryOptions({
      queryKey: key("releases", projectId ?? "all"),
      queryFn: ({ signal }) =>
        get<List<Release>>(path`/releases`, { project_id: projectId, page_size: 200 }, signal),
      placeholderData: keepPreviousData,
    }),
  release: (id: string) =>
    queryOptions({
      queryKey: key("release", id),
      queryFn: ({ signal }) => get<Release>(path`/releases/${id}`, undefined, signal),
    }),
  deployments: (filter: { project_id?: string; environment_id?: string }) =>
    queryOptions({
      queryKey: key("deployments", filter),
      queryFn: ({ signal }) =>
        get<List<Deployment>>(path`/deployments`, { ...filter, page_size: 100 }, signal),
      placeholderData: keepPreviousData,
    }),
  deployment: (id: string) =>
    queryOptions({
      queryKey: key("deployment", id),
      queryFn: ({ signal }) => get<Deployment>(path`/deployments/${id}`, undefined, signal),
    }),
};

/** Every change of the system. */
export const writes = {
  runPipeline: (project: string, ref: string, variables: Record<string, string>) =>
    post<Pipeline>(path`/projects/${project}/pipelines`, { ref, variables }),
  cancelPipeline: (id: string) => post<Pipeline>(path`/pipelines/${id}/cancel`),
  retryPipeline: (id: string) => post<Pipeline>(path`/pipelines/${id}/retry`),
  playJob: (id: string) => post<Job>(path`/jobs/${id}/play`),
  retryJob: (id: string) => post<Job>(path`/jobs/${id}/retry`),
  cancelJob: (id: string) => post<Job>(path`/jobs/${id}/cancel`),
  putVariable: (project: string, { key: name, ...body }: Variable) =>
    put<Variable>(path`/projects/${project}/variables/${name}`, body),
  deleteVariable: (project: string, name: string, scope: string) =>
    remove(withQuery(path`/projects/${project}/variables/${name}`, { environment_scope: scope })),
  putGateRules: (project: string, rules: GateRule[], version: number) =>
    put<GateRules>(path`/projects/${project}/gate-rules`, { rules }, version),
  rollBack: (environment: string, reason: string) =>
    post<Deployment>(path`/environments/${environment}/rollback`, { reason }),
  approve: (deployment: string, comment: string) =>
    post<Deployment>(path`/deployments/${deployment}/approve`, { comment }),
  reject: (deployment: string, comment: string) =>
    post<Deployment>(path`/deployments/${deployment}/reject`, { comment }),
  cancelDeployment: (deployment: string) =>
    post<Deployment>(path`/deployments/${deployment}/cancel`),
};

export const log = {
  lines: (job: string, from: number, count: number) =>
    get<LogLines>(path`/jobs/${job}/log/lines`, { from, count }),
  search: (job: string, q: string, signal: AbortSignal) =>
    get<LogMatches>(path`/jobs/${job}/log/search`, { q, limit: 200 }, signal),
  rawUrl: (job: string) => path`/jobs/${job}/log`,
};

export const artifactUrl = (job: string, kind: string): string =>
  path`/jobs/${job}/artifacts/${kind}`;
export const bundleUrl = (release: string): string => path`/releases/${release}/evidence-bundle`;

/** The address of a list with its filter, as machines call it. */
export const apiUrl = (resource: string, query: Record<string, string | undefined>): string =>
  withQuery(`${BASE}/${resource}`, query);

/** Refetches the given resources when one of the topics changes. */
export const useTopics = (
  topics: readonly string[],
  resources: readonly (readonly unknown[])[],
): void => useSystemTopics("delivery", BASE, topics, resources);
