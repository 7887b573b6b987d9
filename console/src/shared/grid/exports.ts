import type { Column } from "./DataGrid";

function cells<T>(rows: readonly T[], columns: readonly Column<T>[]): string[][] {
  const used = columns.filter((c) => c.value !== undefined);
  return [
    used.map((c) => c.title),
    ...rows.map((row) => used.map((c) => String(c.value?.(row) ?? ""))),
  ];
}

/** RFC 4180, with a byte order mark so that spreadsheet programs read Chinese. */
export function csvOf<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const quote = (text: string): string => {
    // A leading formula character would be run by a spreadsheet program.
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return `\ufeff${cells(rows, columns)
    .map((line) => line.map(quote).join(","))
    .join("\r\n")}\r\n`;
}

export function markdownOf<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const [head = [], ...body] = cells(rows, columns);
  const line = (texts: string[]): string =>
    `| ${texts.map((text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

/** Hands a text to the browser as a file. */
export function download(name: string, content: string, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
