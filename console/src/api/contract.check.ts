/**
 * Holds the shapes the pages use against those generated from the server's interface documents.
 * Nothing here runs: a difference is a type error that names the field.
 */
import type * as contract from "./contract";
import type { components as delivery } from "./generated/delivery";
import type { components as platform } from "./generated/platform";

/**
 * The server always sends a nullable field (as null), while the document calls it optional: here
 * every field is there.
 */
type Sent<T> = T extends readonly (infer Item)[]
  ? Sent<Item>[]
  : T extends object
    ? { [K in keyof T]-?: undefined extends T[K] ? Sent<Exclude<T[K], undefined>> : Sent<T[K]> }
    : T;

/** Compiles only when what the server sends is what the pages expect. */
type Fits<Given extends Expected, Expected> = [Given, Expected];

type D = delivery["schemas"];
type P = platform["schemas"];

export type Checks = [
  Fits<Sent<D["ProjectView"]>, contract.Project>,
  Fits<Sent<D["PipelineSummary"]>, contract.PipelineSummary>,
  Fits<Sent<D["PipelineView"]>, contract.Pipeline>,
  Fits<Sent<D["JobDetail"]>, contract.JobDetail>,
  Fits<Sent<D["LogLines"]>, contract.LogLines>,
  Fits<Sent<D["LogMatches"]>, contract.LogMatches>,
  Fits<Sent<D["LogSection"]>, contract.LogSection>,
  Fits<Sent<D["TestReportView"]>, contract.TestReport>,
  Fits<Sent<D["CoverageReportView"]>, contract.CoverageReport>,
  Fits<Sent<D["IncidentView"]>, contract.Incident>,
  Fits<Sent<D["EnvironmentView"]>, contract.Environment>,
  Fits<Sent<D["ReleaseView"]>, contract.Release>,
  Fits<Sent<D["DeploymentView"]>, contract.Deployment>,
  Fits<Sent<D["VariableView"]>, contract.Variable>,
  Fits<Sent<P["User"]>, contract.User>,
  Fits<Sent<P["Token"]>, contract.Token>,
  Fits<Sent<P["IssuedToken"]>, contract.IssuedToken>,
  Fits<Sent<P["Session"]>, contract.SessionAnswer>,
];
