/** The same thing on the command line: one place, so that a test can run every command. */
const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

export const cli = {
  projects: () => "rialto delivery project list",
  pipelines: (project?: string) =>
    project
      ? `rialto delivery pipeline list --project ${quote(project)}`
      : "rialto delivery pipeline list",
  pipeline: (id: string) => `rialto delivery pipeline show ${quote(id)}`,
  job: (id: string) => `rialto delivery job show ${quote(id)}`,
  jobLog: (id: string) => `rialto delivery job log ${quote(id)}`,
  incidents: () => "rialto delivery light list",
  environments: () => "rialto delivery environment list",
  rollBack: (id: string, reason: string) =>
    `rialto delivery environment rollback ${quote(id)} --reason ${quote(reason)}`,
  deployments: () => "rialto delivery deployment list",
  deployment: (id: string) => `rialto delivery deployment show ${quote(id)}`,
  approve: (id: string) => `rialto delivery deployment approve ${quote(id)}`,
  releases: () => "rialto delivery release list",
  release: (id: string) => `rialto delivery release show ${quote(id)}`,
  exportBundle: (id: string) => `rialto evidence export --release ${quote(id)}`,
};
