import { useEffect, useRef, useState } from "react";

export interface Match {
  line: number;
  offset: number;
}

export interface Matches {
  total: number;
  matches: Match[];
}

export interface Search {
  query: string;
  setQuery: (query: string) => void;
  found: Matches | null;
  searching: boolean;
  error: unknown;
  /** Index of the current match; -1 before the first. */
  at: number;
  current: Match | null;
  /** Moves to the next (+1) or previous (-1) match, round the end. */
  step: (direction: 1 | -1) => void;
}

const TYPING_MS = 220;

/** Search on the server, so that lines never fetched are found too. */
export function useSearch(
  read: (query: string, signal: AbortSignal) => Promise<Matches>,
  startLine: () => number,
): Search {
  const [query, setQuery] = useState("");
  const [result, setResult] = useState<{
    query: string;
    found: Matches | null;
    error: unknown;
  } | null>(null);
  const [at, setAt] = useState(-1);
  const latest = useRef({ read, startLine });
  useEffect(() => {
    latest.current = { read, startLine };
  });

  useEffect(() => {
    if (query === "") return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      latest.current
        .read(query, controller.signal)
        .then((found) => {
          if (controller.signal.aborted) return;
          setResult({ query, found, error: null });
          // Begin at the first match from where the person is looking.
          const start = latest.current.startLine();
          const first = found.matches.findIndex((m) => m.line >= start);
          setAt(found.matches.length === 0 ? -1 : Math.max(0, first));
        })
        .catch((error: unknown) => {
          if (!controller.signal.aborted) setResult({ query, found: null, error });
        });
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [query]);

  const fresh = query !== "" && result?.query === query ? result : null;
  const found = fresh?.found ?? null;
  const step = (direction: 1 | -1) => {
    const count = found?.matches.length ?? 0;
    if (count > 0) setAt((now) => (now + direction + count) % count);
  };
  return {
    query,
    setQuery,
    found,
    searching: query !== "" && fresh === null,
    error: fresh?.error ?? null,
    at,
    current: found?.matches[at] ?? null,
    step,
  };
}
