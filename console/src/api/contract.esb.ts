/** What the interface platform answers, as its generated document says it. */
import type { List } from "./contract";
import type { components } from "./generated/esb";
import type { Sent } from "./sent";

type S = components["schemas"];

export type Application = Sent<S["ApplicationView"]>;
export type Binding = Sent<S["BindingView"]>;
export type CheckMode = S["CheckMode"];
export type Branch = Sent<S["BranchView"]>;
export type Change = Sent<S["ChangeView"]>;
export type Credential = Sent<S["CredentialView"]>;
export type Definition = Sent<S["DefinitionView"]>;
export type Facet = Sent<S["FacetView"]>;
export type Fetched = Sent<S["FetchedView"]>;
export type Finding = Sent<S["FindingView"]>;
export type HistoryEvent = Sent<S["EventView"]>;
export type Interface = Sent<S["InterfaceView"]>;
export type Loss = Sent<S["LossView"]>;
export type Media = Sent<S["MediaView"]>;
export type Operation = Sent<S["OperationView"]>;
export type Samples = Sent<S["SampleView"]>;
export type OperationLine = Sent<S["OperationLine"]>;
export type Outlook = Sent<S["OutlookView"]>;
export type Environment = Sent<S["EnvironmentView"]>;
export type GatewayNode = Sent<S["NodeView"]>;
export type Preview = Sent<S["PreviewView"]>;
export type Publication = Sent<S["PublicationView"]>;
export type Snapshot = Sent<S["SnapshotView"]>;
export type Review = Sent<S["ReviewLine"]>;
export type SchemaLine = Sent<S["SchemaLine"]>;
export type SharedSchema = Sent<S["SchemaView"]>;
export type Sla = Sent<S["Sla"]>;
export type Spot = Sent<S["SpotView"]>;
export type Subscription = Sent<S["SubscriptionView"]>;
export type System = Sent<S["SystemView"]>;
export type Unmet = Sent<S["UnmetView"]>;
export type Version = Sent<S["VersionView"]>;

export type BindingInput = Required<S["BindingInput"]>;
export type InterfaceInput = S["InterfaceInput"];
export type ApplicationInput = S["ApplicationInput"];
export type CredentialInput = S["CredentialInput"];
export type RotationInput = Required<S["RotationInput"]>;
export type SubscriptionInput = S["SubscriptionInput"];
export type SystemInput = S["SystemInput"];
export type TransitionInput = S["TransitionInput"];
export type WaiverInput = S["WaiverInput"];

export type Caller = Sent<S["CallerView"]>;
export type CallEdge = Sent<S["EdgeView"]>;

/** A request that was tried, and its answer. */
export type Tried = Sent<S["TryView"]>;
export type TryInput = S["TryInput"];

/** What does not fit the definitions. */
export type Drift = Sent<S["DriftView"]>;
export type Drifting = Sent<S["DriftingView"]>;

/** Who calls what in an environment. */
export type Calls = Sent<S["CallsView"]>;

/** A page of the catalogue, with what fits by its place in the taxonomy. */
export interface InterfaceList extends List<Interface> {
  facets: Facet[];
}

/** A page of changes, with what they mean as a whole. */
export interface ChangeList extends List<Change> {
  callers: Caller[];
  base: string | null;
  base_number: string | null;
  total: number;
  verdict: string;
}

/** What came of handing in a definition. */
export type Imported = Sent<S["Imported"]>;
