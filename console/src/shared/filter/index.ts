export * from "./filters";
export * from "./usePaged";
