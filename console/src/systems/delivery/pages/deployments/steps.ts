import type { DeploymentStep } from "@/api/contract";

/**
 * The journal has a line when a step begins and one when it ends; people want one line a step. A
 * step that was tried again keeps a line per try.
 */
export function mergeSteps(journal: readonly DeploymentStep[]): DeploymentStep[] {
  const lines: DeploymentStep[] = [];
  for (const entry of journal) {
    const open =
      entry.outcome === "started"
        ? -1
        : lines.findLastIndex((l) => l.name === entry.name && l.outcome === "started");
    const begun = lines[open];
    if (begun) {
      const { detail, text } = entry.detail ? entry : begun;
      lines[open] = { ...entry, at: begun.at, detail, ...(text === undefined ? {} : { text }) };
    } else lines.push(entry);
  }
  return lines;
}
