import { useCallback, useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { byteAnchor, lineAnchor, lineOfByte, parseAnchor } from "./anchor";
import type { LogReader, LogWindow } from "./LogWindow";

export interface Selection {
  /** Selected lines, both ends included; `from` is null when none is. */
  from: number | null;
  to: number;
  select: (no: number, extend: boolean) => void;
  /** Address of the selection by bytes, which never shifts. */
  link: (() => string) | null;
}

/** The lines the address names (`#L12`, `#b=0-80`); selecting lines changes the address. */
export function useSelection(
  log: LogWindow,
  hash: string,
  read: LogReader,
  show: (line: number) => void,
): Selection {
  const navigate = useNavigate();
  const [resolved, setResolved] = useState<{ hash: string; from: number; to: number } | null>(null);
  const shown = useRef("");
  const showRef = useRef(show);
  useEffect(() => {
    showRef.current = show;
  });
  const known = log.known;

  useEffect(() => {
    if (!known || shown.current === hash) return;
    shown.current = hash;
    const anchor = parseAnchor(hash);
    if (!anchor) return;
    let gone = false;
    const settle = (from: number, to: number) => {
      if (gone) return;
      const last = Math.max(0, log.total - 1);
      setResolved({ hash, from: Math.min(from, last), to: Math.min(to, last) });
      showRef.current(Math.min(from, last));
    };
    const ends =
      anchor.kind === "lines"
        ? Promise.resolve([anchor.from, anchor.to] as const)
        : Promise.all([lineOfByte(read, anchor.from), lineOfByte(read, anchor.to - 1)]);
    ends.then(([from, to]) => settle(from, to)).catch(() => setResolved(null));
    return () => {
      gone = true;
    };
  }, [known, hash, log, read]);

  const now = resolved?.hash === hash ? resolved : null;
  const select = useCallback(
    (no: number, extend: boolean) => {
      const from = extend && now ? Math.min(now.from, no) : no;
      const to = extend && now ? Math.max(now.to, no) : no;
      const next = lineAnchor(from, to);
      shown.current = next;
      setResolved({ hash: next, from, to });
      void navigate(
        { search: window.location.search, hash: next },
        { replace: true, preventScrollReset: true },
      );
    },
    [now, navigate],
  );
  return {
    from: now?.from ?? null,
    to: now?.to ?? -1,
    select,
    link: now ? () => selectionUrl(log, now) : null,
  };
}

function selectionUrl(log: LogWindow, now: { hash: string; from: number; to: number }): string {
  const first = log.line(now.from);
  const last = log.line(now.to);
  const next = log.line(now.to + 1);
  const end =
    next?.offset ?? (last ? last.offset + new TextEncoder().encode(last.text).length : null);
  const tail = first && end !== null ? byteAnchor(first.offset, end) : now.hash;
  const { origin, pathname, search } = window.location;
  return `${origin}${pathname}${search}${tail}`;
}
