import { useSystemAction } from "@/shared/states";

/** A change in delivery; see `useSystemAction`. */
export function useAction<In, Out>(
  run: (input: In) => Promise<Out>,
  done: string | null,
  after?: (out: Out) => void,
) {
  return useSystemAction("delivery", run, done, after);
}
