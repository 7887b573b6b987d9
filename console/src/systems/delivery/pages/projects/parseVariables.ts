/** `KEY=value` per line; blank lines are skipped. `bad` is the number of the first line that is neither, or null. */
export function parseVariables(text: string): {
  values: Record<string, string>;
  bad: number | null;
} {
  const values: Record<string, string> = {};
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (!match) return { values, bad: index + 1 };
    values[match[1] ?? ""] = match[2] ?? "";
  }
  return { values, bad: null };
}
