import { useSyncExternalStore } from "react";

/** Choices of the person at this browser. */
export interface Preferences {
  theme: "light" | "dark" | "system";
  density: "compact" | "comfortable";
  language: string | null;
  singleKeys: boolean;
  /** Colour of what rises: red in China, green elsewhere; a sign or arrow always goes with it. */
  rise: "red" | "green";
}

const KEY = "rialto.preferences";
const DEFAULTS: Preferences = {
  theme: "system",
  density: "comfortable",
  language: null,
  singleKeys: true,
  rise: "red",
};

function read(): Preferences {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { ...DEFAULTS, ...(stored as Partial<Preferences>) };
  } catch {
    // Storage may be switched off: the console works with the defaults.
    return DEFAULTS;
  }
}

let current = read();
const listeners = new Set<() => void>();

export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // Not kept, but in force for this page.
  }
  for (const listener of listeners) listener();
}

export const preferences = (): Preferences => current;

export function usePreferences(): Preferences {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, preferences);
}

const darkQuery = "(prefers-color-scheme: dark)";

/** Whether the operating system asks for dark, kept up to date. */
export function useSystemDark(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(darkQuery);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(darkQuery).matches,
  );
}
