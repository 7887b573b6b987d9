/**
 * Holds the shapes the pages use against those generated from the server's interface documents.
 * Nothing here runs: a difference is a type error that names the field.
 */
import type * as contract from "./contract";
import type * as desk from "./contract.otc";
import type { components as delivery } from "./generated/delivery";
import type { components as otc } from "./generated/otc";
import type { components as platform } from "./generated/platform";
import type { Sent } from "./sent";

/** Compiles only when what the server sends is what the pages expect. */
type Fits<Given extends Expected, Expected> = [Given, Expected];

type D = delivery["schemas"];
type O = otc["schemas"];
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
  Fits<Sent<O["ApprovalView"]>, desk.Approval>,
  Fits<Sent<O["Decision"]>, desk.Decision>,
  Fits<Sent<O["EventView"]>, desk.TradeEvent>,
  Fits<Sent<O["FindingView"]>, desk.Finding>,
  Fits<Sent<O["FixingReport"]>, desk.FixingReport>,
  Fits<Sent<O["FixingView"]>, desk.Fixing>,
  Fits<Sent<O["FlowView"]>, desk.Flow>,
  Fits<Sent<O["PriceView"]>, desk.Valuation>,
  Fits<Sent<O["Recorded"]>, desk.Recorded>,
  Fits<Sent<O["SnapshotView"]>, desk.Snapshot>,
  Fits<Sent<O["TemplateView"]>, desk.Template>,
  Fits<Sent<O["TradePage"]>, desk.TradeList>,
  Fits<Sent<O["TradePostings"]>, desk.Postings>,
  Fits<Sent<O["TradeView"]>, desk.Trade>,
  Fits<Sent<O["Validation"]>, desk.TermCheck>,
  Fits<Sent<O["QuoteView"]>, desk.Quote>,
  Fits<Sent<O["PayoffView"]>, desk.Payoff>,
  Fits<Sent<O["PathView"]>, desk.Path>,
  Fits<Sent<O["ChanceView"]>, desk.Chance>,
  Fits<Sent<O["CalendarItemView"]>, desk.CalendarItem>,
  Fits<Sent<P["User"]>, contract.User>,
  Fits<Sent<P["Token"]>, contract.Token>,
  Fits<Sent<P["IssuedToken"]>, contract.IssuedToken>,
  Fits<Sent<P["Session"]>, contract.SessionAnswer>,
];
