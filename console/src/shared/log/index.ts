export type { LogReader, LogSlice } from "./LogWindow";
export { LogViewer, type LogSectionInfo } from "./LogViewer";
export type { Matches } from "./useSearch";
