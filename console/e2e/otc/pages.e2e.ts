import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Visit, visit } from "../support/browser.ts";
import { House, MIDDLE_OFFICE, type Person, TRADER } from "../support/house.ts";

const API = "/api/otc/v1";
let house: House;
let middle: Person;
let pages: Page[];

interface Page {
  name: string;
  path: string;
  /** Something that is there once the page has its data. */
  ready: (v: Visit) => Promise<unknown>;
  /** Kept for the guide in this language and theme. */
  picture?: "light" | "dark";
}

interface TradeList {
  items: { id: string; underlying: string }[];
}

/** The seeded house: contracts over all products, two years of fixings. */
beforeAll(async () => {
  house = await House.start();
  await house.person(TRADER);
  middle = await house.person(MIDDLE_OFFICE);
  const { items } = await middle.api<TradeList>(`${API}/trades?product=snowball&status=live`);
  const snowball = items[0];
  if (!snowball) throw new Error("the sample house has a live snowball");
  pages = listPages(snowball.id);
});
afterAll(() => house?.stop());

function listPages(trade: string): Page[] {
  const heading = (name: string) => (v: Visit) =>
    v.page
      .getByRole("heading", { name: v.t(name) })
      .first()
      .waitFor();
  const row = (grid: string) => (v: Visit) =>
    v.page
      .getByRole("grid", { name: v.t(grid), exact: true })
      .getByRole("row")
      .nth(1)
      .waitFor();
  const picture = (name: RegExp) => (v: Visit) =>
    v.page.getByRole("img", { name }).first().waitFor();
  const at = `/otc/trades/${trade}`;
  return [
    { name: "blotter", path: "/otc/trades", ready: row("otc:menu.trades"), picture: "light" },
    {
      name: "contract",
      path: `${at}/overview`,
      ready: async (v) => {
        await picture(new RegExp(v.t("otc:plot.payoffOf", { no: trade })))(v);
        await picture(new RegExp(v.t("otc:plot.pathOf", { no: trade })))(v);
      },
      picture: "light",
    },
    { name: "contract events", path: `${at}/events`, ready: heading("otc:event.line") },
    { name: "contract flows", path: `${at}/flows`, ready: heading("otc:tab.flows") },
    { name: "contract postings", path: `${at}/postings`, ready: heading("otc:tab.postings") },
    { name: "contract terms", path: `${at}/terms`, ready: heading("otc:trade.sheet") },
    { name: "contract value", path: `${at}/valuation`, ready: heading("otc:valuation.why") },
    { name: "quotes", path: "/otc/quotes", ready: heading("otc:menu.quotes") },
    { name: "ticket", path: "/otc/quotes/new", ready: heading("otc:ticket.terms") },
    { name: "approvals", path: "/otc/approvals", ready: heading("otc:menu.approvals") },
    { name: "fixings", path: "/otc/fixings", ready: row("otc:fixing.list") },
    {
      name: "calendar",
      path: "/otc/calendar",
      ready: (v) => v.page.getByRole("table").first().waitFor(),
      picture: "dark",
    },
    { name: "cash flows", path: "/otc/flows", ready: row("otc:menu.flows") },
  ];
}

describe("every page of the desk", () => {
  it.each(["zh-CN", "en"] as const)(
    "is_accessible_in_both_themes_and_without_errors_in_%s",
    async (locale) => {
      await visit(house, "otc-pages", locale, async (v) => {
        await v.signIn(MIDDLE_OFFICE, "otc:menu.trades");
        for (const page of pages) {
          await v.go(page.path);
          await page.ready(v);
          for (const theme of ["dark", "light"] as const) {
            await v.theme(theme);
            await v.accessible(`${page.name} ${theme}`);
            if (locale === "en" && page.picture === theme) {
              await v.picture(`otc-${page.name.replaceAll(" ", "-")}`);
            }
          }
        }
      });
    },
  );
});

describe("the desk on screens of every width", () => {
  it("cuts_no_column_of_a_list_and_no_name_of_a_level", async () => {
    await visit(house, "otc-widths", "en", async (v) => {
      await v.signIn(MIDDLE_OFFICE, "otc:menu.trades");
      for (const width of [1280, 1400, 1920]) {
        await v.page.setViewportSize({ width, height: 900 });
        for (const page of pages.filter((p) => ["blotter", "cash flows"].includes(p.name))) {
          await v.go(page.path);
          await page.ready(v);
          const over = await v.page.evaluate(() =>
            [...document.querySelectorAll('[role="grid"]')].map(
              (grid) => grid.scrollWidth - grid.clientWidth,
            ),
          );
          expect({ width, page: page.name, over }).toEqual({ width, page: page.name, over: [0] });
        }
        // Two coupons, a knock-out and the initial level close together, each with its name.
        const { items } = await middle.api<TradeList>(`${API}/trades?product=phoenix&status=live`);
        expect(items.length).toBeGreaterThan(0);
        for (const { id } of items.slice(0, 4)) {
          await v.go(`/otc/trades/${id}/overview`);
          await v.page.locator(".plot-mark-name").nth(2).waitFor();
          expect({ id, crossed: await crossedNames(v) }).toEqual({ id, crossed: [] });
        }
      }
    });
  });
});

/** Names in a plot that touch one another or leave the picture. */
const crossedNames = (v: Visit): Promise<string[]> =>
  v.page.evaluate(() =>
    [...document.querySelectorAll("figure.plot > svg")].flatMap((picture) => {
      const frame = picture.getBoundingClientRect();
      const names = [...picture.querySelectorAll(".plot-mark-name")].map(
        (name) => [name.textContent, name.getBoundingClientRect()] as const,
      );
      return names.flatMap(([one, a], i) => {
        const outside = a.left < frame.left || a.right > frame.right || a.top < frame.top;
        const met = names.slice(i + 1).filter(
          // Boxes of text are a little higher than its letters.
          ([, b]) =>
            a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom,
        );
        return [...(outside ? [`${one} outside`] : []), ...met.map(([two]) => `${one} x ${two}`)];
      });
    }),
  );

describe("the blotter", () => {
  it("filters_orders_and_opens_by_the_keyboard_with_the_view_in_the_address", async () => {
    await visit(house, "otc-blotter", "en", async (v) => {
      await v.signIn(TRADER, "otc:menu.trades");
      const grid = v.page.getByRole("grid", { name: v.t("otc:menu.trades"), exact: true });
      await grid.getByRole("row").nth(1).waitFor();
      // A status chip filters; the address says so and a colleague sees the same.
      const live = v.page
        .getByRole("group", { name: v.t("otc:trade.byStatus") })
        .getByRole("button", { name: new RegExp(`^${v.t("otc:status.live")}`) });
      await live.click();
      await expect.poll(() => new URL(v.page.url()).searchParams.get("status")).toBe("live");
      await grid.getByRole("button", { name: v.t("otc:trade.notional") }).click();
      await expect.poll(() => new URL(v.page.url()).searchParams.get("sort")).toBe("notional");
      await v.page.reload();
      const rows = grid.getByRole("row");
      await rows.nth(2).waitFor();
      const amounts = async (): Promise<number[]> => {
        const texts = await grid.getByText(/CNY$/).allInnerTexts();
        return texts.slice(0, 10).map((text) => Number(text.replaceAll(/[^\d.]/g, "")));
      };
      await expect.poll(async () => (await amounts()).length).toBeGreaterThan(3);
      const shown = await amounts();
      expect(shown).toEqual([...shown].sort((a, b) => a - b));
      // `/` goes to the search, `j` to the first row, Enter opens it.
      await v.page.keyboard.press("/");
      const search = v.page.getByRole("textbox", { name: v.t("otc:trade.search") });
      await search.fill("snowball");
      await expect.poll(() => new URL(v.page.url()).searchParams.get("q")).toBe("snowball");
      await search.blur();
      await rows.nth(1).waitFor();
      await v.page.keyboard.press("j");
      await v.page.keyboard.press("Enter");
      await v.page.waitForURL(/\/otc\/trades\/[^?]+\/overview/);
    });
  });

  it("is_exported_as_a_file_with_the_same_filter", async () => {
    await visit(house, "otc-export", "en", async (v) => {
      await v.signIn(TRADER, "otc:menu.trades");
      await v.go("/otc/trades?product=snowball");
      const link = v.page.getByRole("link", { name: "CSV" });
      const waiting = v.page.waitForEvent("download");
      await link.click();
      const file = await waiting;
      expect(file.suggestedFilename()).toMatch(/\.csv$/);
      expect(await link.getAttribute("href")).toContain("product=snowball");
    });
  });
});
