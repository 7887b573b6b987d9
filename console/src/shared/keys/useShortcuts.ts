import { useEffect, useRef, useSyncExternalStore } from "react";
import { addShortcuts, type Shortcut, shortcutStore } from "./keys";

/** Registers the page's shortcuts while it is mounted. */
export function useShortcuts(list: readonly Shortcut[], active = true): void {
  const latest = useRef(list);
  useEffect(() => {
    latest.current = list;
  });
  const shape = JSON.stringify(list.map((s) => [s.keys, s.label, s.group, s.always ?? false]));
  useEffect(() => {
    if (!active) return;
    const rows = JSON.parse(shape) as [string, string, string, boolean][];
    return addShortcuts(
      rows.map(([keys, label, group, always], index) => ({
        keys,
        label,
        group,
        always,
        run: () => latest.current[index]?.run(),
      })),
    );
  }, [shape, active]);
}

export function useShortcutList(): Shortcut[] {
  return useSyncExternalStore(shortcutStore.subscribe, shortcutStore.snapshot);
}
