export * from "./DecisionForm";
export * from "./PageHeader";
export * from "./TabBar";
