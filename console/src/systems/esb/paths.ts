/** Addresses of the pages: `/esb/<plural>/<id>/<tab>`. */
const query = (values: Record<string, string | undefined>): string => {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value) params.set(name, value);
  const text = params.toString();
  return text ? `?${text}` : "";
};

export const paths = {
  interfaces: "/esb/interfaces",
  newInterface: "/esb/interfaces/new",
  /** `version`: its number; the newest without one. */
  interface: (code: string, tab?: string, version?: string) =>
    `/esb/interfaces/${encodeURIComponent(code)}${tab ? `/${tab}` : ""}${query({ version })}`,
  reviews: "/esb/reviews",
  systems: "/esb/systems",
  applications: "/esb/applications",
  subscriptions: "/esb/subscriptions",
  credentials: (application?: string) => `/esb/credentials${query({ application })}`,
  credential: (id: string) => `/esb/credentials/${encodeURIComponent(id)}`,
  publishing: (environment = "production") => `/esb/publishing/${encodeURIComponent(environment)}`,
  calls: (code?: string) => `/esb/calls${query({ interface: code })}`,
  services: "/esb/services",
  service: (namespace: string, group: string, name: string) =>
    `/esb/services/${[namespace, group, name].map(encodeURIComponent).join("/")}`,
  configs: "/esb/configs",
  newConfig: (namespace?: string, group?: string) =>
    `/esb/configs/new${query({ namespace, group })}`,
  config: (namespace: string, group: string, id: string, tab?: string) =>
    `/esb/configs/${[namespace, group, id].map(encodeURIComponent).join("/")}${tab ? `/${tab}` : ""}`,
  subscribe: (code?: string) => `/esb/subscriptions/new${query({ interface: code })}`,
  subscription: (id: string) => `/esb/subscriptions/${encodeURIComponent(id)}`,
};
