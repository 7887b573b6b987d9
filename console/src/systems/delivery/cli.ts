/** The same thing on the command line: one place, so that a test can run every command. */
const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

export const cli = {
  projects: () => "rialto project list",
  pipelines: (project?: string) =>
    project ? `rialto pipeline list --project ${quote(project)}` : "rialto pipeline list",
  pipeline: (id: string) => `rialto pipeline show ${quote(id)}`,
  job: (id: string) => `rialto job show ${quote(id)}`,
  jobLog: (id: string) => `rialto job log ${quote(id)}`,
  incidents: () => "rialto incident list",
  environments: () => "rialto environment list",
  rollBack: (id: string, reason: string) =>
    `rialto environment rollback ${quote(id)} --reason ${quote(reason)}`,
  deployments: () => "rialto deployment list",
  deployment: (id: string) => `rialto deployment show ${quote(id)}`,
  approve: (id: string) => `rialto deployment approve ${quote(id)}`,
  releases: () => "rialto release list",
  release: (id: string) => `rialto release show ${quote(id)}`,
  exportBundle: (id: string) => `rialto evidence export --release ${quote(id)}`,
};
