/** What the service center answers, as its generated document says it. */
import type { components } from "./generated/center";
import type { Sent } from "./sent";

type S = components["schemas"];

export type ConfigChange = Sent<S["ChangeView"]>;
export type ConfigItem = Sent<S["ItemView"]>;
export type ConfigLine = Sent<S["ItemSummary"]>;
export type Grey = Sent<S["GreyView"]>;
export type Instance = Sent<S["InstanceView"]>;
export type Service = Sent<S["ServiceView"]>;
export type ServiceLine = Sent<S["ServiceSummary"]>;

export type GreyInput = Required<S["GreyInput"]>;
export type ItemInput = Required<S["ItemInput"]>;
