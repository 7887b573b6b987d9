export * from "./useLive";
export type { StreamState, TopicEvent } from "./stream";
export * from "./useTopics";
