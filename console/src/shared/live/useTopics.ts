import { useQueryClient } from "@tanstack/react-query";
import { useLive } from "./useLive";

/** Refetches resources of a system (their cache keys without its name) when a topic changes. */
export function useSystemTopics(
  system: string,
  stream: string,
  topics: readonly string[],
  resources: readonly (readonly unknown[])[],
): void {
  const client = useQueryClient();
  useLive(stream, topics, () => {
    for (const resource of resources) {
      void client.invalidateQueries({ queryKey: [system, ...resource] });
    }
  });
}
