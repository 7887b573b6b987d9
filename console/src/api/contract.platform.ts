/** What the platform answers of the standby, as its generated document says it. */
import type { components } from "./generated/platform";
import type { Sent } from "./sent";

type S = components["schemas"];

export type Drill = Sent<S["Drill"]>;
export type Standby = Sent<S["Standby"]>;
export type DrillInput = S["DrillInput"];
