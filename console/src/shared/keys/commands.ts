import { useEffect, useRef, useSyncExternalStore } from "react";

/** One line of the command palette. Texts are already translated. */
export interface Command {
  id: string;
  label: string;
  group: string;
  /** Further words it is found by: the other language, pinyin, initials. */
  keywords?: string;
  shortcut?: string;
  hint?: string;
  run: () => void;
}

/** Finds records for the palette; asked only after something was typed. */
export type RecordSource = (text: string, signal: AbortSignal) => Promise<Command[]>;

const pages = new Map<symbol, Command[]>();
const listeners = new Set<() => void>();
let snapshot: Command[] = [];

function changed(): void {
  snapshot = [...pages.values()].flat();
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Offers the actions of the current page in the palette while it is mounted. */
export function usePageCommands(commands: readonly Command[]): void {
  const latest = useRef(commands);
  useEffect(() => {
    latest.current = commands;
  });
  const shape = JSON.stringify(commands.map(({ run: _run, ...rest }) => rest));
  useEffect(() => {
    const owner = Symbol("page");
    const rows = JSON.parse(shape) as Omit<Command, "run">[];
    pages.set(
      owner,
      rows.map((row, index) => ({ ...row, run: () => latest.current[index]?.run() })),
    );
    changed();
    return () => {
      pages.delete(owner);
      changed();
    };
  }, [shape]);
}

export function usePageCommandList(): Command[] {
  return useSyncExternalStore(subscribe, () => snapshot);
}

/** Higher is better; 0 means no match. Prefixes of words beat letters in order. */
export function matchScore(text: string, query: string): number {
  const hay = text.toLowerCase();
  const needle = query.trim().toLowerCase();
  if (needle === "") return 1;
  const at = hay.indexOf(needle);
  if (at === 0) return 100;
  if (at > 0) return /[\s/·_-]/.test(hay[at - 1] ?? "") ? 80 : 60;
  let from = 0;
  let gaps = 0;
  for (const ch of needle) {
    if (ch === " ") continue;
    const next = hay.indexOf(ch, from);
    if (next < 0) return 0;
    gaps += next - from;
    from = next + 1;
  }
  return Math.max(1, 40 - gaps);
}
