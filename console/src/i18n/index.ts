import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { setApiLanguage } from "@/api/client";

export const LANGUAGES = ["zh-CN", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

type Texts = { default: Record<string, unknown> };

/** One lazy file per language and namespace: a page loads only the language it is shown in. */
const shellTexts = import.meta.glob<Texts>("./*/shell.json");
const systemTexts = import.meta.glob<Texts>("../systems/*/i18n/*.json");

/** The closest language we have: `en-GB` reads English, every Chinese reads Simplified Chinese. */
export function closestLanguage(tag: string | null | undefined): Language | null {
  const lower = tag?.toLowerCase() ?? "";
  if (lower.startsWith("zh")) return "zh-CN";
  if (lower.startsWith("en")) return "en";
  return null;
}

async function load(language: Language, systems: readonly string[]): Promise<void> {
  const jobs: Promise<void>[] = [];
  const add = (namespace: string, loader: (() => Promise<Texts>) | undefined) => {
    if (!loader || i18next.hasResourceBundle(language, namespace)) return;
    jobs.push(
      loader().then((texts) => {
        i18next.addResourceBundle(language, namespace, texts.default);
      }),
    );
  };
  add("shell", shellTexts[`./${language}/shell.json`]);
  for (const system of systems) {
    add(system, systemTexts[`../systems/${system}/i18n/${language}.json`]);
  }
  await Promise.all(jobs);
}

let systems: readonly string[] = [];

/** Starts translation with the texts of the shell and of the systems this server runs. */
export async function startI18n(language: Language, wanted: readonly string[]): Promise<void> {
  systems = wanted;
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    defaultNS: "shell",
    fallbackNS: "shell",
    ns: ["shell"],
    resources: {},
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  await switchLanguage(language);
}

export async function switchLanguage(language: Language): Promise<void> {
  await load(language, systems);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  setApiLanguage(language);
}
