import { ApiError } from "@/api/problem";

/** What is wrong with a content, and where. */
export interface Fault {
  /** From 1. */
  line: number;
  column: number;
  text: string;
}

const PLACE = /^line (\d+), column (\d+): (.*)$/s;
const ZH_PLACE = /^第 \d+ 行第 \d+ 列：/;

/** The place and the reason of a content the server refused; null for any other failure. */
export function faultOf(error: unknown, language: string): Fault | null {
  if (!(error instanceof ApiError)) return null;
  const refused = error.problem.errors.find((one) => one.pointer === "/content");
  const [, line, column, en = ""] = PLACE.exec(refused?.message ?? "") ?? [];
  if (line === undefined || column === undefined) return null;
  const zh = error.problem.text?.zh.replace(ZH_PLACE, "");
  return { line: Number(line), column: Number(column), text: language === "en" ? en : (zh ?? en) };
}

const split = (text: string, at: RegExp): string[] =>
  text
    .split(at)
    .map((one) => one.trim())
    .filter(Boolean);

/** Addresses and blocks as people write them: one a line, or with commas. */
export const addressesOf = (text: string): string[] => split(text, /[\s,，;；]+/);

/** Labels as people write them, `zone=sh,bj` on each line; `wrong` holds the lines that are none. */
export function labelsOf(text: string): { labels: Record<string, string[]>; wrong: string[] } {
  const labels: Record<string, string[]> = {};
  const wrong: string[] = [];
  for (const line of split(text, /\n/)) {
    const [name = "", values = ""] = line.split(/=(.*)/s);
    const all = split(values, /[,，]/);
    if (name.trim() === "" || all.length === 0) wrong.push(line);
    else labels[name.trim()] = [...(labels[name.trim()] ?? []), ...all];
  }
  return { labels, wrong };
}

/** The same again as it is written. */
export const writtenLabels = (labels: Record<string, string[]>): string[] =>
  Object.entries(labels).map(([name, values]) => `${name}=${values.join(",")}`);

const NAME = /^[\w.:-]{1,128}$/;

/** Whether something can name a namespace, a group or an item; as the server has it. */
export const isName = (text: string): boolean => NAME.test(text);
