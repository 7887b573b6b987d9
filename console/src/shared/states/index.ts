export * from "./states";
export * from "./useAction";
