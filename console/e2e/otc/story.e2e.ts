import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Locale, type Visit, visit } from "../support/browser.ts";
import {
  type Account,
  House,
  MIDDLE_OFFICE,
  type Person,
  RISK,
  SETTLEMENT,
  TRADER,
} from "../support/house.ts";
import { csvWithABadRow, makeStory, type Story } from "./market.ts";

const API = "/api/otc/v1";
const HOME = "otc:menu.trades";

let house: House;
let trader: Person;

beforeAll(async () => {
  house = await House.start();
  trader = await house.person(TRADER);
  for (const account of [MIDDLE_OFFICE, SETTLEMENT, RISK]) await house.person(account);
});
afterAll(() => house?.stop());

/** Somebody's visit, from signing in to closing the browser. */
async function as(
  account: Account,
  locale: Locale,
  what: string,
  story: (v: Visit) => Promise<void>,
): Promise<void> {
  await visit(house, `otc-${what}`, locale, async (v) => {
    await v.signIn(account, HOME);
    await story(v);
  });
}

/** The status in the head of the contract's page. */
const status = (v: Visit, word: string) =>
  v.page
    .getByRole("banner")
    .or(v.page.locator("header"))
    .getByText(v.t(`otc:status.${word}`));

/** Fills the dialog that is open and sends it by its own button. */
async function sendEvent(v: Visit, kind: string, fields: Record<string, string>): Promise<void> {
  const dialog = v.page.getByRole("dialog");
  await dialog.waitFor();
  for (const [label, value] of Object.entries(fields)) {
    await dialog.getByLabel(v.t(label), { exact: true }).fill(value);
  }
  await dialog.getByRole("button", { name: v.t(`otc:eventKind.${kind}`), exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
}

async function quoteAndBook(v: Visit, story: Story): Promise<void> {
  await v.go("/otc/quotes/new");
  await v.heading(v.t("otc:quote.new"));
  // The sheet goes in as text, one field is changed in the form.
  await v.page.getByText(v.t("otc:ticket.json"), { exact: true }).click();
  const text = v.page.getByRole("textbox", { name: v.t("otc:ticket.json") });
  await text.fill(JSON.stringify({ ...story.terms, notional: "1" }, null, 2));
  await v.page.getByText(v.t("otc:ticket.form"), { exact: true }).click();
  await v.page.getByLabel(v.t("otc:term.notional"), { exact: true }).fill("20000000");
  await v.page.getByLabel(v.t("otc:trade.counterparty"), { exact: true }).fill("Heron Fund");
  // The coupon is what is asked for: its field says so.
  await v.page.getByText(v.t("otc:ticket.solvedFor"), { exact: true }).waitFor();
  await v.button(v.t("otc:ticket.quote")).click();
  await v.page.getByText(v.t("otc:quote.bid"), { exact: true }).first().waitFor();
  await v.page.getByRole("timer").first().waitFor();
  await v.page.getByRole("rowheader", { name: v.t("otc:charge.hedge"), exact: true }).waitFor();
  await v.button(v.t("otc:quote.accept")).click();
  await v.page.waitForURL(/\/otc\/trades\/T-Q/);
  story.tradeId = decodeURIComponent(new URL(v.page.url()).pathname.split("/")[3] ?? "");
  await v.heading(new RegExp(story.tradeId));
  await status(v, "draft").first().waitFor();
  await v.button(v.t("otc:eventKind.submit")).click();
  await sendEvent(v, "submit", { "otc:event.reason": "priced and agreed" });
  await status(v, "pending_approval").first().waitFor();
  // Four eyes: the maker reads why the decision is not theirs.
  const approve = v.button(v.t("otc:approval.approve"));
  await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("true");
}

async function approveAndConfirm(v: Visit, story: Story): Promise<void> {
  await v.menu("otc:menu.approvals");
  const card = v.page.getByRole("article", { name: new RegExp(story.tradeId) });
  await card.getByRole("button", { name: v.t("otc:approval.approve"), exact: true }).click();
  await card.waitFor({ state: "hidden" });
  await v.go(`/otc/trades/${story.tradeId}`);
  await status(v, "pending_confirm").first().waitFor();
  await v.button(v.t("otc:eventKind.confirm")).click();
  await sendEvent(v, "confirm", {
    "otc:eventField.reference": "CNF-1",
    "otc:event.reason": "the confirmation matches",
  });
  await status(v, "live").first().waitFor();
}

async function importFixings(v: Visit, story: Story): Promise<void> {
  const { text, badRow } = csvWithABadRow(story);
  const file = join(house.folder, `${story.tradeId}.csv`);
  writeFileSync(file, text);
  await v.menu("otc:menu.fixings");
  await v.page.getByLabel(v.t("otc:import.file")).setInputFiles(file);
  const trial = v.page.getByRole("region", { name: v.t("otc:import.trial") });
  const refused = trial.getByRole("table", { name: v.t("otc:import.refused") });
  await refused.getByRole("cell", { name: String(badRow), exact: true }).waitFor();
  await refused.getByText("n/a", { exact: true }).waitFor();
  const effects = v.page.getByRole("list", { name: v.t("otc:import.effectsLabel") });
  const mine = effects.getByRole("listitem").filter({ hasText: story.tradeId });
  await mine.getByText(v.t("otc:eventKind.ko"), { exact: true }).waitFor();
  await v.accessible("dry run");
  // The dry run left nothing behind.
  const stored = await trader.api<{ items: unknown[] }>(
    `${API}/fixings?underlying=${encodeURIComponent(story.code)}`,
  );
  expect(stored.items).toEqual([]);
  await v.button(v.t("otc:import.commit", { count: story.fixings.length })).click();
  const taken = v.page.getByRole("region", { name: v.t("otc:import.taken") });
  await taken.waitFor({ timeout: 120_000 });
  await mine.getByRole("link", { name: story.tradeId }).click();
  await v.heading(new RegExp(story.tradeId));
  await status(v, "settling").first().waitFor();
}

async function instruct(v: Visit, story: Story): Promise<number> {
  await v.go(`/otc/trades/${story.tradeId}/flows`);
  const grid = v.page.getByRole("grid", { name: v.t("otc:tab.flows") });
  const buttons = grid.getByRole("button", { name: v.t("otc:flow.step.instruct"), exact: true });
  await buttons.first().waitFor();
  // The amount says how it was made.
  await grid.getByText(/365/).first().waitFor();
  const count = await buttons.count();
  for (let i = 0; i < count; i += 1) {
    await buttons.nth(i).click();
    const dialog = v.page.getByRole("dialog");
    await dialog.getByRole("button", { name: v.t("otc:flow.step.instruct"), exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
  }
  return count;
}

/** Takes every decision about the contract that waits. */
async function approveAll(v: Visit, story: Story, count: number): Promise<void> {
  await v.menu("otc:menu.approvals");
  const cards = v.page.getByRole("article", { name: new RegExp(story.tradeId) });
  for (let left = count; left > 0; left -= 1) {
    await expect.poll(() => cards.count()).toBe(left);
    await cards
      .first()
      .getByRole("button", { name: v.t("otc:approval.approve"), exact: true })
      .click();
  }
  await expect.poll(() => cards.count()).toBe(0);
}

async function settle(v: Visit, story: Story, count: number): Promise<void> {
  await v.go(`/otc/trades/${story.tradeId}/flows`);
  const grid = v.page.getByRole("grid", { name: v.t("otc:tab.flows") });
  const buttons = grid.getByRole("button", { name: v.t("otc:flow.step.settle"), exact: true });
  for (let left = count; left > 0; left -= 1) {
    await expect.poll(() => buttons.count()).toBe(left);
    await buttons.first().click();
    const dialog = v.page.getByRole("dialog");
    await dialog.getByRole("button", { name: v.t("otc:flow.step.settle"), exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
  }
  await expect.poll(() => grid.getByText(v.t("otc:flowStatus.settled")).count()).toBe(count);
  await status(v, "closed").first().waitFor();
}

async function correct(v: Visit, story: Story): Promise<void> {
  const query = new URLSearchParams({
    underlying: story.code,
    from: story.knockOut,
    to: story.knockOut,
  });
  await v.go(`/otc/fixings?${query.toString()}`);
  await v.page
    .getByRole("button", {
      name: v.t("otc:fixing.correctOf", { underlying: story.code, date: story.knockOut }),
    })
    .click();
  const dialog = v.page.getByRole("dialog");
  await dialog
    .getByLabel(v.t("otc:fixing.after"), { exact: true })
    .fill((story.initial * 0.99).toFixed(2));
  await dialog
    .getByLabel(v.t("otc:event.reason"), { exact: true })
    .fill("the vendor sent a wrong close");
  await dialog.getByRole("button", { name: v.t("otc:fixing.correct"), exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
}

async function readTheDifference(v: Visit, story: Story): Promise<void> {
  await v.menu("otc:menu.approvals");
  const card = v.page
    .getByRole("article")
    .filter({ hasText: story.code })
    .filter({ hasText: story.knockOut });
  await card.first().waitFor();
  await card
    .first()
    .getByRole("button", { name: v.t("otc:approval.approve"), exact: true })
    .click();
  const dialog = v.page.getByRole("dialog", { name: v.t("otc:event.difference") });
  await dialog.getByRole("link", { name: story.tradeId }).waitFor({ timeout: 120_000 });
  const difference = dialog.getByRole("group", { name: v.t("otc:event.difference") }).first();
  expect((await difference.innerText()).length).toBeGreaterThan(20);
  await dialog.getByRole("link", { name: story.tradeId }).click();
  // The knock-out is gone: the contract lives, and somebody has to look at it.
  await v.heading(new RegExp(story.tradeId));
  await status(v, "live").first().waitFor();
  await v.page.getByText(v.t("otc:flag.review"), { exact: true }).first().waitFor();
  await v.go(`/otc/trades/${story.tradeId}/flows`);
  await v.page.getByText(v.t("otc:flowKind.adjustment"), { exact: true }).first().waitFor();
  await v.accessible("corrected contract");
}

describe.each([
  ["en", "XSHG:000985"],
  ["zh-CN", "XSHG:000906"],
] as const)("a snowball seen in %s", (locale, code) => {
  it("is_quoted_booked_knocked_out_settled_and_read_again_after_a_correction", async () => {
    const probe = await house.signedIn(MIDDLE_OFFICE);
    const story = await makeStory(probe, code);
    await trader.api(`${API}/snapshots`, "POST", story.market);

    await as(TRADER, locale, "quote", (v) => quoteAndBook(v, story));
    await as(MIDDLE_OFFICE, locale, "confirm", async (v) => {
      await approveAndConfirm(v, story);
      await importFixings(v, story);
    });
    let flows = 0;
    await as(SETTLEMENT, locale, "instruct", async (v) => {
      flows = await instruct(v, story);
    });
    expect(flows).toBeGreaterThan(0);
    await as(MIDDLE_OFFICE, locale, "sign", (v) => approveAll(v, story, flows));
    await as(SETTLEMENT, locale, "settle", (v) => settle(v, story, flows));
    await as(MIDDLE_OFFICE, locale, "correct", (v) => correct(v, story));
    await as(RISK, locale, "difference", (v) => readTheDifference(v, story));
  });
});
