import { afterAll, beforeAll, expect, it } from "vitest";
import { type Visit, visit } from "../support/browser.ts";
import { House, MIDDLE_OFFICE, type Person, RISK, TRADER } from "../support/house.ts";
import { daysAfter, monthsAfter, sessions, today } from "./market.ts";

const API = "/api/otc/v1";
const CODE = "XSHG:000919";
const NOTIONAL = "10000000";

let house: House;
let trader: Person;
let middle: Person;

interface Waiting {
  items: { id: string; trade_id: string | null }[];
}

/**
 * Four contracts in force on one underlying, with every fixing until today: a decision of today takes
 * effect after its close, which on a session has to be known.
 */
beforeAll(async () => {
  house = await House.start();
  [trader, middle] = [await house.person(TRADER), await house.person(MIDDLE_OFFICE)];
  await house.person(RISK);
  const days = await sessions(middle, daysAfter(today(), -25), today());
  const start = days[0] ?? today();
  await trader.api(`${API}/snapshots`, "POST", marketOf(days.at(-1) ?? start));
  for (const id of ["E2E-AMEND", "E2E-PART", "E2E-END", "E2E-NOVATE"]) await makeLive(id, start);
  // What takes the place of the novated contract is booked and approved before.
  await makeApproved("E2E-NOVATE-2", start, "Egret Fund", {
    effective: today(),
    link: { kind: "novated_from", trade_id: "E2E-NOVATE" },
  });
  const rows = days.map((day, i) => `${CODE},${day},${(6000 + 5 * (i % 7)).toFixed(2)},vendor`);
  await middle.text(
    `${API}/fixings/import`,
    `underlying,date,value,source\n${rows.join("\n")}\n`,
    "text/csv",
  );
});
afterAll(() => house?.stop());

/** What contracts on the underlying are valued by. */
const marketOf = (date: string) => ({
  schema: "rialto.market/1",
  as_of: { date, phase: "post_close" },
  discount: {
    CNY: {
      zero: [
        ["3m", "1.62%"],
        ["1y", "1.71%"],
        ["3y", "1.88%"],
      ],
    },
  },
  underlyings: { [CODE]: { spot: "6000", q: "4%", vol: "20%" } },
  calendars: "cn-2026.1",
});

/** Booked, submitted and approved; not confirmed yet. */
async function makeApproved(
  id: string,
  start: string,
  counterparty: string,
  continues?: { effective: string; link: { kind: string; trade_id: string } },
): Promise<(person: Person, kind: string, payload: unknown) => Promise<void>> {
  const terms = {
    schema: "rialto.otc/1",
    trade_id: id,
    version: 1,
    template: "snowball/1",
    direction: "house_sells",
    underlying: { code: CODE, initial: "6000" },
    notional: NOTIONAL,
    currency: "CNY",
    dates: { start, end: monthsAfter(start, 24) },
    terms: {
      ko: { levels: "103%" },
      coupon: { rate: "12%" },
      bonus: "12%",
      ki: { level: "70%" },
    },
    clocks: { variance: "sessions:XSHG/244", rate: "act365", coupon: "act365" },
    ...(continues ? { state: { ki: false } } : {}),
  };
  await trader.api(`${API}/trades`, "POST", { terms, counterparty, ...continues });
  const send = async (person: Person, kind: string, payload: unknown): Promise<void> => {
    const seen = await person.api<{ version: number }>(`${API}/trades/${id}`);
    await person.api(
      `${API}/trades/${id}/events`,
      "POST",
      { event_id: kind, kind, payload, reason: "agreed" },
      { "if-match": `"v${seen.version}"` },
    );
  };
  await send(trader, "submit", {});
  const { items } = await middle.api<Waiting>(`${API}/approvals?state=open&page_size=200`);
  const waiting = items.find((one) => one.trade_id === id);
  await middle.api(`${API}/approvals/${waiting?.id ?? ""}/approve`, "POST", { comment: "" });
  return send;
}

async function makeLive(id: string, start: string): Promise<void> {
  const send = await makeApproved(id, start, "Heron Fund");
  await send(middle, "confirm", { reference: `CNF-${id}` });
}

const payDate = (): string => daysAfter(today(), 3);

/** The status in the head of the contract's page. */
const status = (v: Visit, word: string) =>
  v.page
    .locator("header")
    .getByText(v.t(`otc:status.${word}`), { exact: true })
    .first();

/** The maker's side: the event is chosen, filled in and sent, and then it waits. */
async function ask(
  v: Visit,
  trade: string,
  kind: string,
  fill: (field: (name: string) => ReturnType<Visit["page"]["getByLabel"]>) => Promise<void>,
): Promise<void> {
  await v.go(`/otc/trades/${trade}/overview`);
  await status(v, "live").waitFor();
  await v.button(v.t("otc:trade.actions")).click();
  const word = v.t(`otc:eventKind.${kind}`);
  await v.page.getByRole("menuitem", { name: word, exact: true }).click();
  const dialog = v.page.getByRole("dialog");
  await dialog.waitFor();
  const send = dialog.getByRole("button", { name: word, exact: true });
  // Nothing is sent without its reason.
  expect(await send.isDisabled()).toBe(true);
  await fill((name) => dialog.getByLabel(v.t(name), { exact: true }));
  await dialog.getByLabel(v.t("otc:event.reason"), { exact: true }).fill("agreed by telephone");
  await v.accessible(`${kind} form`);
  await send.click();
  await dialog.waitFor({ state: "hidden" });
  // The maker sees it waiting, cannot decide it, and the contract is as it was.
  const approve = v.button(v.t("otc:approval.approve"));
  await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("true");
  expect(await approve.getAttribute("aria-description")).toBe(v.t("otc:approval.own"));
  await status(v, "live").waitFor();
}

/** The second person's side: reads what would change, agrees, and reads what did. */
async function agree(v: Visit, trade: string, kind: string): Promise<void> {
  await v.menu("otc:menu.approvals");
  const word = v.t(`otc:eventKind.${kind}`);
  const card = v.page.getByRole("article", { name: `${word} ${trade}`, exact: true });
  await card.getByText("agreed by telephone").first().waitFor();
  await card.getByRole("button", { name: v.t("otc:approval.approve"), exact: true }).click();
  const dialog = v.page.getByRole("dialog", { name: v.t("otc:event.difference") });
  await dialog.getByRole("group", { name: v.t("otc:event.difference") }).waitFor();
  await v.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await card.waitFor({ state: "hidden" });
}

/** The row of the contract's cash flows with this leg. */
async function flow(v: Visit, trade: string, leg: string): Promise<string> {
  await v.go(`/otc/trades/${trade}/flows`);
  const grid = v.page.getByRole("grid", { name: v.t("otc:tab.flows") });
  const row = grid.getByRole("row").filter({ hasText: v.t(`otc:leg.${leg}`) });
  await row.first().waitFor();
  return (await row.first().innerText()).replaceAll(/\s+/g, " ");
}

const decision = async (
  kind: string,
  asked: (v: Visit) => Promise<void>,
  agreed: (v: Visit) => Promise<void>,
): Promise<void> => {
  await visit(house, `otc-${kind}-asked`, "en", async (v) => {
    await v.signIn(TRADER, "otc:menu.trades");
    await asked(v);
  });
  await visit(house, `otc-${kind}-agreed`, "en", async (v) => {
    await v.signIn(RISK, "otc:menu.trades");
    await agreed(v);
  });
};

it("an_amended_contract_has_its_next_version_once_a_second_person_agreed", () =>
  decision(
    "amend",
    (v) =>
      ask(v, "E2E-AMEND", "amend", async (field) => {
        const sheet = field("otc:eventField.sheet");
        const terms = JSON.parse(await sheet.inputValue()) as {
          version: number;
          terms: { coupon: { rate: string } };
        };
        expect(terms.version).toBe(2);
        terms.terms.coupon.rate = "10%";
        await sheet.fill(JSON.stringify(terms, null, 2));
      }),
    async (v) => {
      await agree(v, "E2E-AMEND", "amend");
      await v.go("/otc/trades/E2E-AMEND/terms");
      await status(v, "live").waitFor();
      const sheet = v.page.getByText(/"rate": "10%"/);
      await sheet.first().waitFor();
      await v.go("/otc/trades/E2E-AMEND/events");
      const line = v.page.getByRole("listitem").filter({ hasText: v.t("otc:eventKind.amend") });
      await line
        .first()
        .getByText(v.t("otc:event.checkedBy", { name: "risk" }))
        .waitFor();
    },
  ));

it("a_part_that_ends_early_is_paid_and_the_rest_lives", () =>
  decision(
    "terminate-partial",
    (v) =>
      ask(v, "E2E-PART", "terminate-partial", async (field) => {
        await field("otc:eventField.size").fill("4000000");
        await field("otc:eventField.unwind").fill("3950000.5");
        await field("otc:eventField.fee").fill("1000");
        await field("otc:eventField.pay_date").fill(payDate());
      }),
    async (v) => {
      await agree(v, "E2E-PART", "terminate-partial");
      const unwind = await flow(v, "E2E-PART", "unwind");
      expect(unwind).toContain("3,950,000.50");
      expect(unwind).toContain(payDate());
      expect(unwind).toContain(v.t("otc:flowStatus.determined"));
      expect(await flow(v, "E2E-PART", "fee")).toContain("1,000.00");
      await status(v, "live").waitFor();
      await v.page.getByText(v.t("otc:trade.left", { left: "6,000,000" })).waitFor();
    },
  ));

it("a_contract_that_ends_early_pays_its_price_and_settles", () =>
  decision(
    "terminate",
    (v) =>
      ask(v, "E2E-END", "terminate", async (field) => {
        await field("otc:eventField.unwind").fill("9875432.1");
        await field("otc:eventField.pay_date").fill(payDate());
      }),
    async (v) => {
      await agree(v, "E2E-END", "terminate");
      expect(await flow(v, "E2E-END", "unwind")).toContain("9,875,432.10");
      await status(v, "settling").waitFor();
      await v.go("/otc/trades/E2E-END/overview");
      await v.page.getByText(v.t("otc:outcome.terminated"), { exact: true }).first().waitFor();
    },
  ));

it("a_novated_contract_names_what_takes_its_place", () =>
  decision(
    "novate",
    (v) =>
      ask(v, "E2E-NOVATE", "novate", async (field) => {
        // With one leg nobody new signs: the new party is not asked for.
        const transferee = field("otc:eventField.transferee");
        const form = field("otc:eventField.form");
        const choose = async (key: string): Promise<void> => {
          await form.click();
          await expect.poll(() => form.getAttribute("aria-expanded")).toBe("true");
          await v.page.keyboard.press(key);
          await v.page.keyboard.press("Enter");
        };
        await choose("ArrowDown");
        await transferee.waitFor({ state: "hidden" });
        await choose("ArrowUp");
        await transferee.fill("Egret Fund");
        await field("otc:eventField.replacement").fill("E2E-NOVATE-2");
        await field("otc:eventField.fee").fill("500");
        await field("otc:eventField.pay_date").fill(payDate());
      }),
    async (v) => {
      await agree(v, "E2E-NOVATE", "novate");
      expect(await flow(v, "E2E-NOVATE", "fee")).toContain("500.00");
      await status(v, "settling").waitFor();
      await v.go("/otc/trades/E2E-NOVATE/overview");
      await v.page.getByText("E2E-NOVATE-2", { exact: true }).waitFor();
      await v.page.getByText(v.t("otc:outcome.novated"), { exact: true }).first().waitFor();
    },
  ));
