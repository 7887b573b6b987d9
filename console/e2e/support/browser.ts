import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import type { Account, House } from "./house.ts";

export type Locale = "zh-CN" | "en";
export type Theme = "light" | "dark";

const CONSOLE = join(import.meta.dirname, "../..");
const RESULTS = join(CONSOLE, "e2e-results");
const IMAGES = join(CONSOLE, "../docs/guide/images");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const MAX_IMAGE = 200_000;

/** The texts of a language, so that a story finds things by the names people see. */
export class Texts {
  private readonly maps: [name: string, texts: unknown][];

  constructor(locale: Locale) {
    this.maps = [
      ["delivery", `src/systems/delivery/i18n/${locale}.json`],
      ["platform", `src/systems/platform/i18n/${locale}.json`],
      ["shell", `src/i18n/${locale}/shell.json`],
      ["otc", `src/systems/otc/i18n/${locale}.json`],
      ["esb", `src/systems/esb/i18n/${locale}.json`],
    ].map(([name = "", file = ""]) => [
      name,
      JSON.parse(readFileSync(join(CONSOLE, file), "utf8")) as unknown,
    ]);
  }

  /** `otc:trade.one` is looked for in the texts of that system only. */
  t(key: string, values: Record<string, string | number> = {}): string {
    const [path = "", system] = key.split(":").reverse();
    // A counted text is looked for as it is and then in its plural.
    const paths = "count" in values ? [path, `${path}_other`] : [path];
    for (const [name, map] of this.maps) {
      if (system !== undefined && name !== system) continue;
      for (const one of paths) {
        let at: unknown = map;
        for (const part of one.split(".")) at = (at as Record<string, unknown> | undefined)?.[part];
        if (typeof at === "string") {
          return at.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name] ?? ""));
        }
      }
    }
    throw new Error(`no text for ${key}`);
  }
}

/** One browser with one person in it; everything that goes wrong is remembered. */
export class Visit {
  readonly page: Page;
  readonly texts: Texts;
  readonly locale: Locale;
  readonly problems: string[] = [];
  private readonly house: House;
  private readonly context: BrowserContext;
  private readonly profile: string;

  private constructor(
    house: House,
    locale: Locale,
    context: BrowserContext,
    page: Page,
    profile: string,
  ) {
    this.house = house;
    this.locale = locale;
    this.context = context;
    this.page = page;
    this.profile = profile;
    this.texts = new Texts(locale);
    this.listen();
  }

  static async open(house: House, locale: Locale, theme: Theme = "light"): Promise<Visit> {
    const profile = mkdtempSync(join(tmpdir(), "profile-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
      locale,
      timezoneId: "Asia/Shanghai",
      colorScheme: theme,
      viewport: { width: 1440, height: 900 },
      permissions: ["clipboard-read", "clipboard-write"],
    });
    context.setDefaultTimeout(60_000);
    await context.tracing.start({ screenshots: true, snapshots: true });
    const page = context.pages()[0] ?? (await context.newPage());
    return new Visit(house, locale, context, page, profile);
  }

  private listen(): void {
    const { page, house } = this;
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const where = message.location().url;
      // Asking "who am I" before signing in is answered 401, and Chromium reports that by itself.
      if (where.endsWith("/sessions/current") && message.text().includes("401")) return;
      this.problems.push(`console: ${message.text()} (${where})`);
    });
    page.on("pageerror", (error) => this.problems.push(`page: ${error.stack ?? error.message}`));
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText ?? "";
      // Leaving a page gives up what it was still fetching.
      if (why !== "net::ERR_ABORTED") this.problems.push(`request: ${request.url()} ${why}`);
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(house.url) && !url.startsWith("blob:") && !url.startsWith("data:")) {
        this.problems.push(`off the origin: ${url}`);
      }
    });
  }

  t(key: string, values?: Record<string, string | number>): string {
    return this.texts.t(key, values);
  }

  async signIn(account: Account, home = "menu.projects"): Promise<void> {
    await this.page.goto(this.house.url);
    await this.page.getByRole("textbox", { name: this.t("login.name") }).fill(account.login);
    await this.page.getByLabel(this.t("login.password"), { exact: true }).fill(account.password);
    await this.page.getByRole("button", { name: this.t("login.submit") }).click();
    await this.heading(this.t(home));
  }

  go(path: string): Promise<unknown> {
    return this.page.goto(this.house.url + path);
  }

  /** Waits for the page with this heading. */
  async heading(name: string | RegExp): Promise<void> {
    await this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  /** Goes to a page by the main menu. */
  async menu(item: string): Promise<void> {
    const name = this.t(item.includes(":") ? item : `menu.${item}`);
    const menu = this.page.getByRole("navigation", { name: this.t("nav.main"), exact: true });
    await menu.getByRole("link", { name: new RegExp(`^${name}`) }).click();
    await this.heading(name);
  }

  /**
   * Chooses an option, by the text that is seen, from the list of a field, and waits until the list
   * has closed: while it fades away the page is not yet as a person finds it.
   */
  async choose(field: string, option: string | RegExp): Promise<void> {
    const box = this.page.getByRole("combobox", { name: this.t(field), exact: true }).last();
    const open = this.page.locator(".ant-select-dropdown:not(.ant-select-dropdown-hidden)");
    // A long list holds only the options in view: what is typed narrows it.
    await (typeof option === "string" ? box.fill(option) : box.click());
    await open.getByTitle(option, { exact: typeof option === "string" }).click();
    await expect.poll(() => open.count(), { timeout: 60_000 }).toBe(0);
  }

  button(name: string): ReturnType<Page["getByRole"]> {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** Another theme, once the page has it and no colour is on its way any more. */
  async theme(theme: Theme): Promise<void> {
    await this.page.emulateMedia({ colorScheme: theme });
    await this.page.waitForFunction((wanted) => {
      const moving = document.getAnimations().some((animation) => {
        const end = animation.effect?.getComputedTiming().endTime;
        return animation.playState === "running" && Number.isFinite(Number(end));
      });
      return document.documentElement.dataset.theme === wanted && !moving;
    }, theme);
  }

  /** No serious finding of axe on the page as it is now. */
  async accessible(name: string): Promise<void> {
    await this.page.evaluate(`${AXE};0`);
    const found = await this.page.evaluate(async () => {
      const axe = (
        globalThis as unknown as {
          axe: {
            run: (
              d: Document,
              o: object,
            ) => Promise<{
              violations: {
                id: string;
                impact: string;
                nodes: { html: string; failureSummary: string }[];
              }[];
            }>;
          };
        }
      ).axe;
      const { violations } = await axe.run(document, { resultTypes: ["violations"] });
      return violations
        .filter((v) => v.impact === "serious" || v.impact === "critical")
        .map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join("\n")}`);
    });
    expect({ page: name, found }).toEqual({ page: name, found: [] });
  }

  /** A picture for the guide, when asked for. */
  async picture(name: string): Promise<void> {
    if (process.env.RIALTO_SCREENSHOTS !== "1") return;
    mkdirSync(IMAGES, { recursive: true });
    const path = join(IMAGES, `${name}.png`);
    const size = this.page.viewportSize();
    await this.page.setViewportSize({ width: 1280, height: 760 });
    await this.page.screenshot({ path, animations: "disabled", caret: "hide" });
    if (size) await this.page.setViewportSize(size);
    expect({ name, small: statSync(path).size < MAX_IMAGE }).toEqual({ name, small: true });
  }

  /** Ends the visit; when the story failed, leaves what is needed to see why. */
  async close(failedAs: string | null): Promise<void> {
    try {
      if (failedAs !== null) {
        const folder = join(RESULTS, failedAs.replaceAll(/[^\w-]+/g, "_"));
        mkdirSync(folder, { recursive: true });
        await this.page.screenshot({ path: join(folder, "page.png") }).catch(() => undefined);
        await this.context.tracing.stop({ path: join(folder, "trace.zip") }).catch(() => undefined);
        writeFileSync(join(folder, "server.log"), this.house.log());
        writeFileSync(join(folder, "problems.txt"), this.problems.join("\n"));
      }
    } finally {
      await this.context.close();
      rmSync(this.profile, { recursive: true, force: true });
    }
  }
}

/** Opens a browser for a story and closes it in any case; console errors fail the story. */
export async function visit(
  house: House,
  name: string,
  locale: Locale,
  story: (visit: Visit) => Promise<void>,
): Promise<void> {
  const opened = await Visit.open(house, locale);
  let failed: string | null = `${name}-${locale}`;
  try {
    await story(opened);
    expect(opened.problems).toEqual([]);
    failed = null;
  } finally {
    await opened.close(failed);
  }
}
