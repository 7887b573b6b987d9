import { type ComponentType, createContext, useContext } from "react";
import type { Command } from "./keys";
import type { IconName } from "./ui";

/** One line of the main menu. */
export interface MenuItem {
  /** Key of the label in the system's texts. */
  label: string;
  icon: IconName;
  to: string;
  /** Sequence that goes there: `g p`. */
  keys: string;
  /** Words it is also found by in the palette: pinyin and initials. */
  keywords: string;
  /** Small live count beside the label. */
  Badge?: ComponentType;
}

/** What a system tells the shell about itself. */
export interface SystemManifest {
  /** Name of the module in `/ui/config.json`, of the texts and of the first path segment. */
  name: string;
  menu: MenuItem[];
  /** Roles that may see it; everybody without this. The server decides, this only tidies. */
  roles?: readonly string[];
  /** Roles whose work begins here. */
  homeOf?: readonly string[];
  Routes: ComponentType;
  /** Records for the palette; `go` opens a path of the console. */
  findRecords?: (
    text: string,
    go: (path: string) => void,
    signal: AbortSignal,
  ) => Promise<Command[]>;
  /** Page of a record that evidence and notices name as `<kind>:<id>`; null for kinds without one. */
  recordPath?: (kind: string, id: string) => string | null;
}

/** The systems this server runs, for parts that lead to records of any of them. */
export const SystemsContext = createContext<readonly SystemManifest[]>([]);

/** Address of the page of a subject such as `pipeline:019a…`, or null when it has none. */
export function useSubjectPath(): (subject: string) => string | null {
  const systems = useContext(SystemsContext);
  return (subject) => {
    const at = subject.indexOf(":");
    if (at <= 0) return null;
    for (const system of systems) {
      const path = system.recordPath?.(subject.slice(0, at), subject.slice(at + 1));
      if (path) return path;
    }
    return null;
  };
}
