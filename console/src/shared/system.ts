import type { ComponentType } from "react";
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
  Routes: ComponentType;
  /** Records for the palette; `go` opens a path of the console. */
  findRecords?: (
    text: string,
    go: (path: string) => void,
    signal: AbortSignal,
  ) => Promise<Command[]>;
}
