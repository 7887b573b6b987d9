import { useEffect, useRef, useSyncExternalStore } from "react";
import { LiveStream, type StreamState, type TopicEvent } from "./stream";

const streams = new Map<string, LiveStream>();

const openings = new Set<() => void>();

/** The stream of one system; `base` is its API base, or the whole address of its stream. */
export function liveStream(base: string): LiveStream {
  let stream = streams.get(base);
  if (!stream) {
    const fresh = new LiveStream(base.endsWith("/stream") ? base : `${base}/events`);
    document.addEventListener("visibilitychange", () => fresh.visibility(document.hidden));
    fresh.onState(() => {
      for (const tell of openings) tell();
    });
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

/** How the streams of the page are, all together: lost when one of them is. */
export function useStreamState(): StreamState {
  return useSyncExternalStore(
    (listener) => {
      openings.add(listener);
      return () => openings.delete(listener);
    },
    () => {
      const states = new Set([...streams.values()].map((stream) => stream.state));
      return (["lost", "connecting", "live"] as const).find((s) => states.has(s)) ?? "idle";
    },
  );
}
