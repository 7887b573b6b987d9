export * from "./PageHeader";
export * from "./TabBar";
