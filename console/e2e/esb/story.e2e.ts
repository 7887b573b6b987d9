import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Locale, type Visit, visit } from "../support/browser.ts";
import {
  type Account,
  CALLER,
  House,
  MANAGER,
  OPERATOR,
  type Person,
  PROVIDER,
} from "../support/house.ts";
import { BREAKING, BROKEN, ORDERS, UNLABELLED } from "./orders.ts";

const API = "/api/esb/v1";
const HOME = "esb:menu.interfaces";

let house: House;
let manager: Person;

// Each language in a house of its own: an interface like one that is there would have to be justified.
beforeEach(async () => {
  house = await House.start();
  manager = await house.person(MANAGER);
  for (const account of [PROVIDER, CALLER, OPERATOR]) await house.person(account);
});
afterEach(() => house?.stop());

/** Somebody's visit, from signing in to closing the browser. */
async function as(
  account: Account,
  locale: Locale,
  what: string,
  story: (v: Visit) => Promise<void>,
): Promise<void> {
  await visit(house, `esb-${what}`, locale, async (v) => {
    await v.signIn(account, account === OPERATOR ? "menu.projects" : HOME);
    await story(v);
  });
}

const field = (v: Visit, key: string) => v.page.getByLabel(v.t(`esb:${key}`), { exact: true });

/** The state of the version in the head of its page. */
const state = (v: Visit, word: string) =>
  v.page
    .locator(".page-head")
    .getByText(v.t(`esb:state.${word}`), { exact: true })
    .waitFor();

async function step(v: Visit, event: string): Promise<void> {
  await v.button(v.t(`esb:event.${event}`)).click();
}

async function handIn(v: Visit, text: string, name = "orders.yaml"): Promise<void> {
  const file = join(house.folder, name);
  writeFileSync(file, text);
  await v.page.getByLabel(v.t("esb:definition.file"), { exact: true }).setInputFiles(file);
}

async function addSystem(v: Visit, story: Story): Promise<void> {
  await v.menu("esb:menu.systems");
  await field(v, "system.code").fill(story.system);
  await field(v, "system.nameZh").fill(`委托系统 ${story.system}`);
  await field(v, "system.nameEn").fill(`Orders ${story.system}`);
  await field(v, "interface.owner").fill("provider");
  await v.button(v.t("esb:system.add")).click();
  await v.page.getByRole("grid").getByText(story.system, { exact: true }).waitFor();
}

interface Story {
  system: string;
  systemName: string;
  code: string;
  taxonomy: string;
  application: string;
}

async function importOrders(v: Visit, story: Story): Promise<void> {
  await v.button(v.t("esb:interface.new")).click();
  await field(v, "interface.code").fill(story.code);
  await field(v, "interface.title").fill("Orders");
  await v.choose("esb:interface.system", story.systemName);
  await v.choose("esb:interface.taxonomy", story.taxonomy);
  await v.accessible("new interface");
  await v.button(v.t("esb:new.next")).click();
  await state(v, "identified");

  // A file that cannot be read changes nothing and names its line.
  await handIn(v, BROKEN);
  const refused = v.page.getByRole("region", { name: v.t("esb:definition.refused") });
  await refused.getByText(v.t("esb:definition.unchanged")).waitFor();
  await refused.getByText("orders.yaml:28:36", { exact: true }).waitFor();
  await v.accessible("refused file");
  // Chromium reports the refusal by itself; nothing else may be wrong.
  await expect.poll(() => v.problems.length).toBe(1);
  expect(v.problems.splice(0)[0]).toContain("422");
  await state(v, "identified");

  // A file with findings is a draft; every finding has its line and its cure.
  await handIn(v, UNLABELLED);
  const taken = v.page.getByRole("region", { name: v.t("esb:definition.taken") });
  await taken.waitFor();
  await state(v, "draft");
  await taken.getByRole("link", { name: /1/ }).nth(1).click();
  const findings = v.page.getByRole("grid", { name: v.t("esb:tab.findings") });
  await findings.getByText(v.t("esb:finding.place", { line: 28, column: 15 })).waitFor();
  await findings
    .getByText(/x-label/)
    .first()
    .waitFor();
  await v.page.getByRole("link", { name: v.t("esb:tab.overview"), exact: true }).click();
  const unmet = v.page.getByRole("list", {
    name: v.t("esb:unmet.of", { step: v.t("esb:event.submit") }),
  });
  await expect.poll(() => unmet.getByRole("listitem").count()).toBe(2);

  // Mended, and with a service level, it goes before the reviewers.
  await v.page.getByRole("link", { name: v.t("esb:tab.definition"), exact: true }).click();
  await handIn(v, ORDERS);
  await v.page.getByRole("region", { name: v.t("esb:definition.taken") }).waitFor();
  await v.page.getByRole("link", { name: v.t("esb:tab.overview"), exact: true }).click();
  await field(v, "sla.latency").fill("50");
  await field(v, "sla.availability").fill("99.95");
  await field(v, "sla.peak").fill("200");
  await v.button(v.t("esb:sla.save")).click();
  await expect.poll(() => unmet.count()).toBe(0);
  await step(v, "submit");
  await state(v, "in_review");
}

/** The provider reads why the decision is not theirs. */
async function cannotApprove(v: Visit, story: Story): Promise<void> {
  await v.menu("esb:menu.reviews");
  const card = v.page.getByRole("article", { name: new RegExp(story.code) });
  const approve = card.getByRole("button", { name: v.t("esb:review.approve"), exact: true });
  expect(await approve.getAttribute("aria-disabled")).toBe("true");
  expect(await approve.getAttribute("aria-description")).toContain(v.t("role.interface_manager"));
}

async function refuseThenRead(v: Visit, story: Story): Promise<void> {
  await v.menu("esb:menu.reviews");
  const card = v.page.getByRole("article", { name: new RegExp(story.code) });
  const refuse = card.getByRole("button", { name: v.t("esb:review.refuse"), exact: true });
  await refuse.waitFor();
  expect(await refuse.getAttribute("aria-description")).toBe(v.t("esb:review.needsReason"));
  await v.accessible("review queue");
  await card.getByLabel(v.t("esb:review.reason"), { exact: true }).fill("name the exchange");
  await refuse.click();
  await card.waitFor({ state: "detached" });
}

async function submitAgain(v: Visit, story: Story): Promise<void> {
  await v.go(`/esb/interfaces/${story.code}/history`);
  await v.page.getByRole("grid").getByText("name the exchange").waitFor();
  await v.page.getByRole("link", { name: v.t("esb:tab.overview"), exact: true }).click();
  await step(v, "submit");
  await state(v, "in_review");
}

async function approveAndWaive(v: Visit, story: Story): Promise<void> {
  await v.menu("esb:menu.reviews");
  const card = v.page.getByRole("article", { name: new RegExp(story.code) });
  await card.getByRole("button", { name: v.t("esb:review.approve"), exact: true }).click();
  await card.waitFor({ state: "detached" });
  await v.go(`/esb/interfaces/${story.code}/overview`);
  await state(v, "approved");
  await waive(v, "sandbox_healthy");
}

/** Waives a guard in its dialog, with a reason. */
async function waive(v: Visit, guard: string): Promise<void> {
  const name = v.t("esb:waiver.of", { guard });
  await v.button(name).first().click();
  const dialog = v.page.getByRole("dialog");
  await dialog.getByLabel(v.t("esb:review.reason"), { exact: true }).fill("no runs recorded yet");
  await dialog.getByRole("button", { name: v.t("esb:waiver.one"), exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  await v.button(name).waitFor({ state: "detached" });
}

async function subscribe(v: Visit, story: Story): Promise<string> {
  await v.menu("esb:menu.applications");
  await field(v, "application.code").fill(story.application);
  await field(v, "application.name").fill("Mobile app");
  await v.button(v.t("esb:application.add")).click();
  await v.page.getByRole("grid").getByText(story.application, { exact: true }).waitFor();
  await v.accessible("applications");
  await v.go(`/esb/interfaces/${story.code}/operations`);
  await v.page.getByRole("article", { name: "getOrder" }).waitFor();
  await v.button(v.t("esb:subscription.ask")).click();
  await v.heading(v.t("esb:subscription.ask"));
  await v.choose("esb:application.one", `Mobile app (${story.application})`);
  await field(v, "subscription.purpose").fill("orders of the app");
  await v.page.getByRole("checkbox", { name: /orders/ }).check();
  await v.accessible("subscribe");
  await v.button(v.t("esb:subscribe.send")).click();
  await v.page.waitForURL(/\/esb\/subscriptions\/[0-9a-f-]{36}$/);
  await v.page.getByText(v.t("esb:subscriptionState.requested"), { exact: true }).waitFor();
  // Who asked for it reads that the decision is another's.
  await v.page.getByText(v.t("esb:subscription.own")).waitFor();
  return new URL(v.page.url()).pathname;
}

/** The decision that is this person's to take, and what it leads to. */
async function agree(v: Visit, path: string, before: string, after: string): Promise<void> {
  await v.menu("esb:menu.subscriptions");
  await v.page
    .getByRole("grid")
    .getByText(v.t(`esb:subscriptionState.${before}`), { exact: true })
    .first()
    .waitFor();
  await v.go(path);
  await v.button(v.t("esb:subscription.agree")).click();
  await v.page.getByText(v.t(`esb:subscriptionState.${after}`), { exact: true }).waitFor();
  await v.accessible("subscription");
}

/** A new version that would break callers says so, operation by operation. */
async function compare(v: Visit, story: Story): Promise<void> {
  await v.go(`/esb/interfaces/${story.code}/overview`);
  await v.button(v.t("esb:version.new")).click();
  const dialog = v.page.getByRole("dialog");
  await dialog.getByLabel(v.t("esb:version.number"), { exact: true }).fill("1.1.0");
  await dialog.getByRole("button", { name: v.t("esb:version.add"), exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  await state(v, "identified");
  await handIn(v, BREAKING);
  const taken = v.page.getByRole("region", { name: v.t("esb:definition.taken") });
  await taken.getByRole("link", { name: v.t("esb:compat.error"), exact: true }).click();
  const changes = v.page.getByRole("table", { name: /orders|getOrder/ }).first();
  await changes.getByText(v.t("esb:severity.error"), { exact: true }).first().waitFor();
  await changes.getByText("SC11", { exact: true }).first().waitFor();
  await v.accessible("comparison");
}

const versionOf = async (code: string): Promise<string> => {
  const { items } = await manager.api<{ items: { id: string }[] }>(
    `${API}/interfaces/${code}/versions`,
  );
  return items[0]?.id ?? "";
};

/** Runs, baselines and canaries are not recorded yet: a manager waives each by name. */
async function waiveRuns(code: string): Promise<void> {
  const version = await versionOf(code);
  const until = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10);
  for (const guard of ["coverage", "pass_rate", "baseline", "canary_held"]) {
    const body = { guard, reason: "no runs recorded yet", until };
    await manager.api(`${API}/versions/${version}/waivers`, "POST", body, { "if-match": "*" });
  }
}

describe.each([
  ["zh-CN", "委托系统 orders-zh", "交易 / 委托"],
  ["en", "Orders orders-en", "Trading / Orders"],
] as const)("an interface seen in %s", (locale, systemName, taxonomy) => {
  it("is_imported_reviewed_published_subscribed_and_agreed_to_by_three_persons", async () => {
    const tongue = locale.slice(0, 2);
    const story: Story = {
      system: `orders-${tongue}`,
      systemName,
      code: `trade.order-${tongue}`,
      taxonomy,
      application: `mobile-${tongue}`,
    };
    const page = `/esb/interfaces/${story.code}/overview`;
    await as(MANAGER, locale, "system", (v) => addSystem(v, story));
    await as(PROVIDER, locale, "import", async (v) => {
      await importOrders(v, story);
      await cannotApprove(v, story);
    });
    await as(MANAGER, locale, "refuse", (v) => refuseThenRead(v, story));
    await as(PROVIDER, locale, "again", (v) => submitAgain(v, story));
    await as(MANAGER, locale, "approve", (v) => approveAndWaive(v, story));
    await waiveRuns(story.code);
    await as(PROVIDER, locale, "test", async (v) => {
      await v.go(page);
      await step(v, "test");
      await state(v, "testing");
    });
    await as(MANAGER, locale, "grey", async (v) => {
      await v.go(page);
      await step(v, "open_grey");
      await state(v, "grey");
    });
    await as(OPERATOR, locale, "publish", async (v) => {
      await v.go(page);
      await step(v, "publish");
      await state(v, "published");
    });
    let subscription = "";
    await as(CALLER, locale, "subscribe", async (v) => {
      subscription = await subscribe(v, story);
    });
    await as(PROVIDER, locale, "agree", async (v) => {
      await agree(v, subscription, "requested", "provider_approved");
      await compare(v, story);
    });
    await as(MANAGER, locale, "agree", (v) =>
      agree(v, subscription, "provider_approved", "manager_approved"),
    );
    await as(CALLER, locale, "see", async (v) => {
      await v.go(`/esb/interfaces/${story.code}/callers`);
      const grid = v.page.getByRole("grid", { name: v.t("esb:menu.subscriptions") });
      await grid
        .getByText(v.t("esb:subscriptionState.manager_approved"), { exact: true })
        .waitFor();
    });
  });
});
