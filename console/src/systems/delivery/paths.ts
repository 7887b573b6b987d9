/** Addresses of the pages: `/delivery/<plural>/<id>/<tab>`. */
const tail = (part?: string): string => (part ? `/${part}` : "");

export const paths = {
  projects: "/delivery/projects",
  project: (id: string, tab?: string) => `/delivery/projects/${encodeURIComponent(id)}${tail(tab)}`,
  pipelines: "/delivery/pipelines",
  pipeline: (id: string, tab?: string) =>
    `/delivery/pipelines/${encodeURIComponent(id)}${tail(tab)}`,
  job: (id: string, hash = "") => `/delivery/jobs/${encodeURIComponent(id)}${hash}`,
  incidents: "/delivery/incidents",
  environments: "/delivery/environments",
  deployments: "/delivery/deployments",
  deployment: (id: string) => `/delivery/deployments/${encodeURIComponent(id)}`,
  releases: "/delivery/releases",
  release: (id: string) => `/delivery/releases/${encodeURIComponent(id)}`,
};
