import { useEffect, useRef, useSyncExternalStore } from "react";
import { LiveStream, type StreamState, type TopicEvent } from "./stream";

const streams = new Map<string, LiveStream>();

/** The stream of one system; `base` is its API base. */
export function liveStream(base: string): LiveStream {
  let stream = streams.get(base);
  if (!stream) {
    const fresh = new LiveStream(`${base}/events`);
    document.addEventListener("visibilitychange", () => fresh.visibility(document.hidden));
    streams.set(base, fresh);
    stream = fresh;
  }
  return stream;
}

/** Bursts are joined: a pipeline of a hundred jobs does not cause a hundred refetches. */
const JOIN_MS = 250;

/**
 * Calls `refetch` when one of the topics changed: at once for the first event, then at most every
 * quarter second. `onEvent` sees every single event (for log tails).
 */
export function useLive(
  base: string,
  topics: readonly string[],
  refetch: () => void,
  onEvent?: (event: TopicEvent) => void,
): void {
  const latest = useRef({ refetch, onEvent });
  useEffect(() => {
    latest.current = { refetch, onEvent };
  });
  const key = topics.join(",");
  useEffect(() => {
    if (key === "") return;
    let last = 0;
    let timer: ReturnType<typeof setTimeout> | null = null;
    const run = () => {
      timer = null;
      last = Date.now();
      latest.current.refetch();
    };
    const stop = liveStream(base).watch(key.split(","), (event) => {
      if (event) latest.current.onEvent?.(event);
      if (timer) return;
      const wait = last + JOIN_MS - Date.now();
      if (wait <= 0) run();
      else timer = setTimeout(run, wait);
    });
    return () => {
      stop();
      if (timer) clearTimeout(timer);
    };
  }, [base, key]);
}

export function useStreamState(base: string): StreamState {
  const stream = liveStream(base);
  return useSyncExternalStore(stream.onState, () => stream.state);
}
