export * from "./ActionButton";
export * from "./bits";
export * from "./CopyButton";
export * from "./Icon";
export * from "./LinkButton";
export * from "./status";
export * from "./StatusIcon";
