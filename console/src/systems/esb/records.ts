import i18next from "i18next";
import type { Command } from "@/shared/keys";
import { findInterfaces } from "./api";
import { paths } from "./paths";

/** Interfaces by code, title, path, operation or field. */
export async function findRecords(
  text: string,
  go: (path: string) => void,
  signal: AbortSignal,
): Promise<Command[]> {
  const t = i18next.getFixedT(null, "esb");
  const { items } = await findInterfaces(text, signal);
  return items.map((one) => ({
    id: `interface:${one.code}`,
    label: `${one.code} ${one.title}`,
    group: t("menu.interfaces"),
    keywords: `${one.system} ${text}`,
    hint: one.system,
    run: () => go(paths.interface(one.code)),
  }));
}
