import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App } from "antd";
import { useErrorText } from "./states";

/** A change with its outcome said aloud; afterwards everything of the system is fetched anew. */
export function useSystemAction<In, Out>(
  system: string,
  run: (input: In) => Promise<Out>,
  done: string | null,
  after?: (out: Out) => void,
) {
  const client = useQueryClient();
  const { message } = App.useApp();
  const text = useErrorText();
  return useMutation({
    mutationFn: run,
    onSuccess: (out) => {
      if (done) message.success(done);
      after?.(out);
    },
    onError: (error) => {
      const { title, detail } = text(error);
      message.error([title, detail].filter(Boolean).join(": "), 6);
    },
    onSettled: () => client.invalidateQueries({ queryKey: [system] }),
  });
}
