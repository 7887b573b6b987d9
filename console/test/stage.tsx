import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, render } from "@testing-library/react";
import { App as AntApp } from "antd";
import i18next from "i18next";
import type { ReactNode } from "react";
import { initReactI18next } from "react-i18next";
import { MemoryRouter } from "react-router";
import { afterEach, vi } from "vitest";
import { SessionContext } from "@/api/session";
import shellEn from "@/i18n/en/shell.json";
import shellZh from "@/i18n/zh-CN/shell.json";
import deliveryEn from "@/systems/delivery/i18n/en.json";
import deliveryZh from "@/systems/delivery/i18n/zh-CN.json";
import esbEn from "@/systems/esb/i18n/en.json";
import esbZh from "@/systems/esb/i18n/zh-CN.json";
import otcEn from "@/systems/otc/i18n/en.json";
import otcZh from "@/systems/otc/i18n/zh-CN.json";
import platformEn from "@/systems/platform/i18n/en.json";
import platformZh from "@/systems/platform/i18n/zh-CN.json";

export interface Stage {
  /** Roles of the person before the page. */
  roles: string[];
  language?: "en" | "zh-CN";
  /** Answers by the path of the address, without its query. */
  answers?: Record<string, unknown>;
  /** Where the page is. */
  at?: string;
}

/** What left the page other than reads: method and path. */
export type Sent = string[];

// A guard against waiting for ever; a busy machine takes long to load what a page needs.
vi.setConfig({ testTimeout: 120_000 });
configure({ asyncUtilTimeout: 60_000 });

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

/** Draws a part of the console for somebody; whatever it reads must be among the answers. */
export async function stage(
  part: ReactNode,
  { roles, language = "en", answers = {}, at = "/" }: Stage,
): Promise<Sent> {
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    defaultNS: "shell",
    fallbackNS: "shell",
    resources: {
      en: { shell: shellEn, delivery: deliveryEn, otc: otcEn, esb: esbEn, platform: platformEn },
      "zh-CN": {
        shell: shellZh,
        delivery: deliveryZh,
        otc: otcZh,
        esb: esbZh,
        platform: platformZh,
      },
    },
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  const sent: Sent = [];
  vi.stubGlobal("matchMedia", () => ({
    matches: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined,
  }));
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    const path = address.split("?")[0] ?? "";
    // The live stream stays open and silent.
    if (/\/events(\/stream)?$/.test(path)) return new Promise<Response>(() => undefined);
    if (init.method !== "GET") sent.push(`${init.method} ${path}`);
    const answer = answers[path];
    const status = answer === undefined ? 404 : 200;
    return Promise.resolve(new Response(JSON.stringify(answer ?? {}), { status }));
  });
  const user = {
    id: "u-1",
    login: "somebody",
    name: "Somebody",
    email: "somebody@rialto.example",
    roles,
    locale: language,
  };
  const config = { modules: [], brand: "Rialto", locale: language, version: "0" };
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <AntApp component={false}>
      <QueryClientProvider client={client}>
        <SessionContext.Provider value={{ user, config, signOut: () => Promise.resolve() }}>
          <MemoryRouter initialEntries={[at]}>{part}</MemoryRouter>
        </SessionContext.Provider>
      </QueryClientProvider>
    </AntApp>,
  );
  return sent;
}
