import type { Route } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Visit, visit } from "../support/browser.ts";
import { House, MIDDLE_OFFICE, type Person, TRADER } from "../support/house.ts";

const API = "/api/otc/v1";
const ROWS = 50_000;
const PAGE = 200;
/** So many rows may stand in the page at once, whatever the length of the book. */
const MOST_IN_PAGE = 80;

let house: House;
let middle: Person;

type Row = Record<string, unknown> & { id: string; no: number };
interface Book {
  items: Row[];
  next_page_token: string | null;
  counts: Record<string, number>;
}

beforeAll(async () => {
  house = await House.start();
  middle = await house.person(MIDDLE_OFFICE);
  await house.person(TRADER);
});
afterAll(() => house?.stop());

const idOf = (index: number): string => `BIG-${String(index + 1).padStart(5, "0")}`;

/**
 * Answers the list of contracts with a book of fifty thousand: real rows of the house under other
 * numbers, page by page behind tokens. Everything else is the house's own.
 */
class BigBook {
  readonly asked: string[] = [];
  mostAtOnce = 0;
  private open = 0;
  private readonly real: Row[];

  constructor(real: Row[]) {
    this.real = real;
  }

  async serve(v: Visit): Promise<void> {
    await v.page.route(
      (url) => url.pathname === `${API}/trades`,
      (route) => this.answer(route),
    );
    // The book stands still: the stream, which would have the first page fetched anew, says nothing.
    await v.page.route(
      (url) => url.pathname === `${API}/events/stream`,
      () => undefined,
    );
  }

  private async answer(route: Route): Promise<void> {
    const query = new URL(route.request().url()).searchParams;
    const token = query.get("page_token") ?? "";
    expect(query.get("page_size")).toBe(String(PAGE));
    this.asked.push(`${query.get("sort") ?? ""}@${token}`);
    this.open += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.open);
    const from = token === "" ? 0 : Number(token.slice(1));
    const items = Array.from({ length: Math.min(PAGE, ROWS - from) }, (_, i) => ({
      ...this.real[(from + i) % this.real.length],
      id: idOf(from + i),
      no: from + i + 1,
    }));
    const next = from + PAGE < ROWS ? `p${from + PAGE}` : null;
    await route.fulfill({ json: { items, next_page_token: next, counts: { live: ROWS } } });
    this.open -= 1;
  }
}

/** What the page counts while somebody scrolls. */
interface Counts {
  /** Most rows at one time. */
  most: number;
  /** Rows that were put into the page. */
  drawn: number;
}
type Counting = { gridCounts: Counts };

/** Watches the grid from inside the page: every change, not only what a test happens to see. */
const watchRows = (v: Visit): Promise<void> =>
  v.page.evaluate(() => {
    const grid = document.querySelector('[role="grid"]');
    if (!grid) throw new Error("there is no grid");
    const counts = { most: 0, drawn: 0 };
    (globalThis as unknown as Counting).gridCounts = counts;
    new MutationObserver((changes) => {
      for (const change of changes) {
        for (const node of change.addedNodes)
          if (node instanceof Element && node.matches("[data-row]")) counts.drawn += 1;
      }
      counts.most = Math.max(counts.most, grid.querySelectorAll("[data-row]").length);
    }).observe(grid, { childList: true, subtree: true });
  });
const counts = (v: Visit): Promise<Counts> =>
  v.page.evaluate(() => (globalThis as unknown as Counting).gridCounts);

const scrollTo = (v: Visit, place: "bottom" | "top" | number): Promise<void> =>
  v.page.evaluate((to) => {
    const grid = document.querySelector('[role="grid"]');
    if (grid) grid.scrollTop = to === "bottom" ? grid.scrollHeight : to === "top" ? 0 : to;
  }, place);

/** Scrolls down frame by frame, as far as there is something, until the last row is there. */
const scrollThrough = (v: Visit, last: number): Promise<void> =>
  v.page.evaluate(async (wanted) => {
    const grid = document.querySelector('[role="grid"]');
    while (grid && !grid.querySelector(`[data-row="${wanted}"]`)) {
      grid.scrollTop = grid.scrollHeight;
      await new Promise(requestAnimationFrame);
    }
  }, last);

const row = (v: Visit, index: number) =>
  v.page.getByRole("row").filter({ has: v.page.getByText(idOf(index), { exact: true }) });

/** The row the keyboard is at, and whether the whole of it can be seen below the headings. */
const focused = (v: Visit) =>
  v.page.evaluate(() => {
    const at = document.activeElement;
    const grid = document.querySelector('[role="grid"]');
    const head = grid?.firstElementChild;
    if (!(at instanceof HTMLElement) || !grid || !head || at.dataset.row === undefined) return null;
    const mine = at.getBoundingClientRect();
    const seen =
      mine.top >= head.getBoundingClientRect().bottom - 1 &&
      mine.bottom <= grid.getBoundingClientRect().bottom + 1;
    return { index: Number(at.dataset.row), seen };
  });

async function open(v: Visit): Promise<BigBook> {
  const real = await middle.api<Book>(`${API}/trades?page_size=100`);
  expect(real.items.length).toBe(100);
  const book = new BigBook(real.items);
  await book.serve(v);
  await v.signIn(TRADER, "otc:menu.trades");
  await row(v, 0).waitFor();
  await watchRows(v);
  return book;
}

it("a_book_of_fifty_thousand_is_read_to_its_end_with_few_rows_in_the_page", async () => {
  await visit(house, "otc-size", "en", async (v) => {
    const book = await open(v);
    const grid = v.page.getByRole("grid", { name: v.t("otc:menu.trades"), exact: true });
    // Screen readers are told the length at once; what was not asked for is not loaded.
    expect(await grid.getAttribute("aria-rowcount")).toBe(String(ROWS + 1));
    expect(book.asked).toEqual(["@"]);

    await scrollThrough(v, ROWS - 1);
    expect(await row(v, ROWS - 1).getAttribute("aria-rowindex")).toBe(String(ROWS + 1));

    // Every page once, in order, one at a time.
    const wanted = Array.from({ length: ROWS / PAGE }, (_, i) => (i === 0 ? "@" : `@p${i * PAGE}`));
    expect(book.asked).toEqual(wanted);
    expect(book.mostAtOnce).toBe(1);
    expect((await counts(v)).most).toBeLessThanOrEqual(MOST_IN_PAGE);

    // With all of them loaded a screen further costs a screen of rows, not a book of them.
    const before = await counts(v);
    await scrollTo(v, 24_000 * 48);
    await row(v, 24_003).waitFor();
    const after = await counts(v);
    expect(after.drawn - before.drawn).toBeLessThanOrEqual(MOST_IN_PAGE);
    expect(after.most).toBeLessThanOrEqual(MOST_IN_PAGE);
    await scrollTo(v, "top");
    await row(v, 0).waitFor();
    expect(book.asked.length).toBe(ROWS / PAGE);
    await v.accessible("a book of fifty thousand");
  });
});

it("the_keyboard_keeps_its_place_and_another_order_begins_at_the_top", async () => {
  await visit(house, "otc-size-keys", "en", async (v) => {
    const book = await open(v);
    for (let i = 0; i < 30; i += 1) await v.page.keyboard.press("j");
    await expect.poll(() => focused(v)).toEqual({ index: 29, seen: true });
    await v.page.keyboard.press("PageDown");
    await expect.poll(async () => (await focused(v))?.seen).toBe(true);
    expect((await focused(v))?.index).toBeGreaterThan(33);
    await v.page.keyboard.press("Home");
    await expect.poll(() => focused(v)).toEqual({ index: 0, seen: true });
    for (let i = 0; i < 25; i += 1) await v.page.keyboard.press("ArrowDown");
    for (let i = 0; i < 5; i += 1) await v.page.keyboard.press("k");
    await expect.poll(() => focused(v)).toEqual({ index: 20, seen: true });

    // Scrolled away by the wheel, the row is still there: the next key goes on from it.
    await scrollTo(v, "bottom");
    await expect.poll(() => book.asked.length).toBeGreaterThan(1);
    expect((await focused(v))?.index).toBe(20);
    await v.page.keyboard.press("ArrowDown");
    await expect.poll(() => focused(v)).toEqual({ index: 21, seen: true });

    await scrollTo(v, 150 * 48);
    await row(v, 155).waitFor();
    const grid = v.page.getByRole("grid", { name: v.t("otc:menu.trades"), exact: true });
    await grid.getByRole("button", { name: v.t("otc:trade.notional") }).click();
    await expect.poll(() => book.asked.at(-1)).toBe("notional@");
    await expect
      .poll(() => v.page.evaluate(() => document.querySelector('[role="grid"]')?.scrollTop))
      .toBe(0);
    await row(v, 0).waitFor();
  });
});
