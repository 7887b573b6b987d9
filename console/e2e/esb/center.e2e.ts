import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Locale, type Visit, visit } from "../support/browser.ts";
import { type Account, CALLER, House, type Person, PROVIDER } from "../support/house.ts";

const API = "/api/esb/v1";

let house: House;
let provider: Person;

beforeAll(async () => {
  house = await House.start();
  provider = await house.person(PROVIDER);
  await house.person(CALLER);
});
afterAll(() => house?.stop());

async function as(
  account: Account,
  locale: Locale,
  what: string,
  story: (v: Visit) => Promise<void>,
): Promise<void> {
  await visit(house, `esb-center-${what}`, locale, async (v) => {
    await v.signIn(account, "esb:menu.interfaces");
    await story(v);
  });
}

const field = (v: Visit, key: string) => v.page.getByLabel(v.t(`esb:${key}`), { exact: true });
const tab = (v: Visit, name: string) =>
  v.page.getByRole("link", { name: v.t(`esb:configTab.${name}`), exact: true }).first();
const why = (v: Visit, key: string) => v.button(v.t(`esb:${key}`)).getAttribute("aria-description");

const GOOD = "limits:\n  rate: 10\n  burst: 20\n";
const FAULTY = "limits:\n  rate: 10\n  rate: 20\n";

/** What a client with these labels gets. */
async function contentFor(id: string, labels: string): Promise<string> {
  const answer = await provider.api<{ content: string }>(
    `${API}/configs/public/orders/${id}/content`,
    "GET",
    undefined,
    { "x-rialto-labels": labels },
  );
  return answer.content;
}

async function add(v: Visit, id: string): Promise<void> {
  await v.menu("esb:menu.configs");
  await v.button(v.t("esb:config.add")).click();
  await v.heading(v.t("esb:config.add"));
  await field(v, "center.group").fill("orders");
  await field(v, "config.id").fill(id);
  await field(v, "config.content").fill(FAULTY);
  expect(await why(v, "config.add")).toBe(v.t("esb:review.needsReason"));
  await field(v, "review.reason").fill("limits of the desk");
  await v.button(v.t("esb:config.add")).click();
  // Refused at its place, and the place is a step away.
  const place = v.page.getByRole("button", {
    name: v.t("esb:finding.place", { line: 3, column: 3 }),
  });
  await place.waitFor();
  await expect.poll(() => v.problems.length).toBe(1);
  expect(v.problems.splice(0)[0]).toContain("422");
  await v.accessible("refused content");
  await place.click();
  const chosen = await field(v, "config.content").evaluate((area) => {
    const { value, selectionStart } = area as HTMLTextAreaElement;
    return value.slice(selectionStart).split("\n")[0];
  });
  expect(chosen).toBe("rate: 20");
  await field(v, "config.content").fill(GOOD);
  await v.button(v.t("esb:config.add")).click();
  await v.page.waitForURL(new RegExp(`/esb/configs/public/orders/${id}`));
  await v.heading(id);
}

async function change(v: Visit): Promise<void> {
  const refused = field(v, "config.content");
  await refused.fill("limits: [\n");
  await field(v, "review.reason").fill("more calls");
  await v.button(v.t("esb:config.save")).click();
  await v.button(v.t("esb:finding.place", { line: 1, column: 9 })).waitFor();
  await expect.poll(() => v.problems.length).toBe(1);
  expect(v.problems.splice(0)[0]).toContain("422");
  await refused.fill(GOOD.replace("10", "50"));
  await v.button(v.t("esb:config.save")).click();
  await v.page.getByText(v.t("esb:config.revisionIs", { revision: 2 }), { exact: true }).waitFor();
}

/** Those with the label get another content first, then everybody. */
async function greyRelease(v: Visit, id: string): Promise<void> {
  await tab(v, "grey").click();
  await field(v, "grey.content").fill(GOOD.replace("10", "99"));
  await field(v, "review.reason").fill("try in Shanghai");
  expect(await why(v, "grey.begin")).toBe(v.t("esb:grey.nobody"));
  await field(v, "grey.labels").fill("zone=sh");
  await v.accessible("grey release");
  await v.button(v.t("esb:grey.begin")).click();
  await v.button(v.t("esb:grey.release")).waitFor();
  await v.page.getByRole("table").getByText("rate: 99").waitFor();
  await v.accessible("running grey release");
  expect(await contentFor(id, "zone=sh")).toContain("rate: 99");
  expect(await contentFor(id, "zone=bj")).toContain("rate: 50");
  await v.button(v.t("esb:grey.release")).click();
  const dialog = v.page.getByRole("dialog");
  await dialog.getByLabel(v.t("esb:review.reason"), { exact: true }).fill("holds");
  await dialog.getByRole("button", { name: v.t("esb:grey.release"), exact: true }).click();
  await v.button(v.t("esb:grey.begin")).waitFor();
  expect(await contentFor(id, "zone=bj")).toContain("rate: 99");
}

async function rollBack(v: Visit, id: string, locale: Locale): Promise<void> {
  await tab(v, "history").click();
  const grid = v.page.getByRole("grid", { name: v.t("esb:tab.history") });
  await grid.getByText("limits of the desk").waitFor();
  await grid.getByText("try in Shanghai").waitFor();
  if (locale === "en") await v.picture("esb-config-history");
  await tab(v, "compare").click();
  await v.page
    .getByRole("table", { name: v.t("esb:compare.of", { from: 3, to: 4 }) })
    .getByText("rate: 50")
    .waitFor();
  await v.accessible("comparison");
  if (locale === "en") await v.picture("esb-config-comparison");
  await tab(v, "history").click();
  await v.button(v.t("esb:config.backTo", { revision: 1 })).click();
  const dialog = v.page.getByRole("dialog");
  await dialog.getByLabel(v.t("esb:review.reason"), { exact: true }).fill("too many calls");
  await dialog
    .getByRole("button", { name: v.t("esb:config.backTo", { revision: 1 }), exact: true })
    .click();
  await v.page.getByText(v.t("esb:config.revisionIs", { revision: 5 }), { exact: true }).waitFor();
  expect(await contentFor(id, "zone=sh")).toBe(GOOD);
  await grid.getByText(v.t("esb:configEvent.rolled_back"), { exact: true }).waitFor();
}

describe.each([
  ["zh-CN", "zh"],
  ["en", "en"],
] as const)("the service center seen in %s", (locale, tongue) => {
  it("refuses_a_faulty_item_at_its_line_releases_one_in_grey_and_rolls_it_back", async () => {
    const id = `limits-${tongue}.yaml`;
    await as(PROVIDER, locale, "config", async (v) => {
      await add(v, id);
      await change(v);
      await greyRelease(v, id);
      await rollBack(v, id, locale);
    });
    await as(CALLER, locale, "config-read", async (v) => {
      await v.go(`/esb/configs/public/orders/${id}/content`);
      await v.heading(id);
      expect(await why(v, "config.save")).toContain(v.t("role.provider"));
      expect(await field(v, "config.content").inputValue()).toBe(GOOD);
    });
  });

  it("shows_a_sealed_content_only_to_who_may_see_it_and_asks_for_it", async () => {
    const id = `password-${tongue}`;
    await provider.api(`${API}/configs/public/orders/${id}`, "POST", {
      type: "text",
      content: "open sesame",
      secret: true,
      reason: "new database",
    });
    await as(CALLER, locale, "secret", async (v) => {
      await v.go(`/esb/configs/public/orders/${id}`);
      await v.heading(id);
      expect(await why(v, "config.open")).toContain(v.t("role.operations"));
      expect(await v.page.content()).not.toContain("open sesame");
    });
    await as(PROVIDER, locale, "secret-open", async (v) => {
      await v.go(`/esb/configs/public/orders/${id}`);
      await v.button(v.t("esb:config.open")).waitFor();
      expect(await v.page.content()).not.toContain("open sesame");
      await v.button(v.t("esb:config.open")).click();
      await expect.poll(() => field(v, "config.content").inputValue()).toBe("open sesame");
    });
  });

  it("shows_a_service_as_it_registers_falls_silent_and_goes", async () => {
    const name = `quotes-${tongue}`;
    const at = `${API}/services/public/desk/${name}`;
    const instance = (port: number, more: object) =>
      provider.api(`${at}/instances`, "POST", { address: "10.1.0.7", port, ...more });
    await as(PROVIDER, locale, "service", async (v) => {
      await v.menu("esb:menu.services");
      const list = v.page.getByRole("grid", { name: v.t("esb:menu.services") });
      // The page is there first; the service appears on it.
      const steady = { ephemeral: false, weight: 3, zone: "sh", metadata: { version: "1.4.2" } };
      await instance(8080, steady);
      await list.getByText(name, { exact: true }).click();
      await v.heading(name);
      const grid = v.page.getByRole("grid", { name: v.t("esb:service.instances") });
      await grid.getByText("10.1.0.7:8080").waitFor();
      await grid.getByText("version=1.4.2").waitFor();
      await grid.getByText(v.t("esb:instance.persistent")).waitFor();
      // One that lives by its beats: seen at once, silent soon, and gone.
      await instance(8081, { beat_s: 1, unhealthy_after_s: 3, removed_after_s: 12 });
      const row = grid.getByRole("row").filter({ hasText: "10.1.0.7:8081" });
      await row.getByText(v.t("esb:instance.healthy"), { exact: true }).waitFor();
      await row.getByText(v.t("esb:instance.silent"), { exact: true }).waitFor();
      if (locale === "en") await v.picture("esb-service");
      await v.accessible("service");
      await field(v, "service.threshold").fill("2");
      expect(await why(v, "service.setThreshold")).toBe(v.t("esb:service.thresholdWrong"));
      await field(v, "service.threshold").fill("0.9");
      await v.button(v.t("esb:service.setThreshold")).click();
      await v.page.getByText(v.t("esb:service.thresholdSet")).first().waitFor();
      await row.waitFor({ state: "detached" });
    });
  });
});
