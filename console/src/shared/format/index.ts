export * from "./format";
export * from "./now";
export * from "./Time";
export * from "./useFormat";
export * from "./useLanguage";
export * from "./useSaid";
