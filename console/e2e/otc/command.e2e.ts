import { afterAll, beforeAll, expect, it } from "vitest";
import { type Visit, visit } from "../support/browser.ts";
import { House, MIDDLE_OFFICE, type Person, TRADER } from "../support/house.ts";
import { makeStory } from "./market.ts";

const API = "/api/otc/v1";
let house: House;
let trader: Person;
let quote: { id: string; fair_value: number; notional: number };
let trade: string;

beforeAll(async () => {
  house = await House.start();
  trader = await house.person(TRADER);
  const story = await makeStory(await house.person(MIDDLE_OFFICE), "XSHG:000985");
  const snapshot = await trader.api<{ id: string }>(`${API}/snapshots`, "POST", story.market);
  quote = await trader.api(`${API}/quotes`, "POST", {
    terms: story.terms,
    unknown: "coupon",
    side: "house_sells",
    counterparty: "Heron Fund",
    snapshot_id: snapshot.id,
    spreads: { vol: 0.01, q: 0.005, r: 0.001 },
    charges: { hedge_bp: 10, margin_bp: 20, reserve_bp: 5, funding_bp: 5 },
    valid_minutes: 30,
  });
  const { items } = await trader.api<{ items: { id: string }[] }>(
    `${API}/trades?product=snowball&status=live`,
  );
  trade = items[0]?.id ?? "";
});
afterAll(() => house?.stop());

/** What the button put into the clipboard, run as it is. */
async function copied(v: Visit): Promise<string> {
  await v.button(v.t("otc:cli.short")).click();
  const text = () => v.page.evaluate(() => navigator.clipboard.readText());
  await expect.poll(text).toMatch(/^rialto otc /);
  return text();
}

it("every_page_of_the_desk_with_a_sheet_gives_the_command_that_does_the_same", async () => {
  await visit(house, "otc-command", "en", async (v) => {
    await v.signIn(TRADER, "otc:menu.trades");
    await v.go(`/otc/quotes/${quote.id}`);
    const price = await copied(v);
    const told = JSON.parse(
      trader.command(price.replace("otc price", "otc price --output json")),
    ) as { value: number };
    // Both are within a tenth of a basis point of the truth.
    expect(Math.abs(told.value - quote.fair_value)).toBeLessThan(quote.notional * 2e-5);

    await v.go(`/otc/trades/${trade}/terms`);
    await v.page.evaluate(() => navigator.clipboard.writeText(""));
    expect(trader.command(await copied(v))).toContain(trade);

    await v.go("/otc/quotes/new");
    await v.page.evaluate(() => navigator.clipboard.writeText(""));
    const check = await copied(v);
    expect(check).toMatch(/^rialto otc validate /);
    // The sheet a ticket begins with is whole but for what is asked: the check says so by itself.
    expect(trader.command(`${check}\n`)).not.toBe("");
  });
});

it("every_list_of_the_desk_gives_the_request_that_reads_the_same_rows", async () => {
  await visit(house, "otc-command-lists", "en", async (v) => {
    await v.signIn(TRADER, "otc:menu.trades");
    const lists: [page: string, resource: string][] = [
      ["/otc/trades?status=live&product=snowball&sort=-notional", "trades"],
      ["/otc/quotes", "quotes"],
      ["/otc/fixings?underlying=XSHG:000905", "fixings"],
      ["/otc/flows?status=settled", "flows"],
      ["/otc/calendar", "calendar"],
      ["/otc/approvals?state=all", "approvals"],
      [`/otc/trades/${trade}/events`, `trades/${trade}/events`],
      [`/otc/trades/${trade}/flows`, `trades/${trade}/flows`],
      [`/otc/trades/${trade}/postings`, `trades/${trade}/postings`],
    ];
    for (const [page, resource] of lists) {
      await v.go(page);
      await v.page.getByTitle(v.t("otc:cli.list")).click();
      const text = () => v.page.evaluate(() => navigator.clipboard.readText());
      await expect.poll(text).toContain(`${API}/${resource}`);
      const command = await text();
      const told = JSON.parse(
        trader.command(`export RIALTO_TOKEN=${trader.token}\n${command}`),
      ) as { items: unknown[] };
      const address = new URL(/'([^']+)'$/.exec(command)?.[1] ?? "");
      expect(address.origin).toBe(house.url);
      for (const [name, value] of new URL(house.url + page).searchParams) {
        if (value !== "all") expect(address.searchParams.get(name)).toBe(value);
      }
      const wanted = await trader.api<{ items: unknown[] }>(address.pathname + address.search);
      expect(told.items).toEqual(wanted.items);
    }
    // Without a token the command says what is missing, and asks nothing of the server.
    const last = await v.page.evaluate(() => navigator.clipboard.readText());
    expect(() => trader.command(`unset RIALTO_TOKEN\n${last}`)).toThrow(/RIALTO_TOKEN/);
  });
});
