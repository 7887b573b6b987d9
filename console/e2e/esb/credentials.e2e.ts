import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Locale, type Visit, visit } from "../support/browser.ts";
import { type Account, CALLER, House, OPERATOR, PROVIDER } from "../support/house.ts";

const API = "/api/esb/v1";

let house: House;

beforeAll(async () => {
  house = await House.start();
  for (const account of [PROVIDER, OPERATOR]) await house.person(account);
  const caller = await house.person(CALLER);
  for (const code of ["app-zh", "app-en"])
    await caller.api(`${API}/applications`, "POST", { code, name: code, owner: "caller" });
});
afterAll(() => house?.stop());

/** Somebody's visit, from signing in to closing the browser. */
async function as(
  account: Account,
  locale: Locale,
  what: string,
  story: (v: Visit) => Promise<void>,
): Promise<void> {
  await visit(house, `esb-credential-${what}`, locale, async (v) => {
    await v.signIn(account, account === OPERATOR ? "menu.projects" : "esb:menu.interfaces");
    await story(v);
  });
}

const text = (v: Visit, key: string, values?: Record<string, string | number>) =>
  v.page.getByText(v.t(`esb:${key}`, values), { exact: true });

const why = (v: Visit, key: string) => v.button(v.t(`esb:${key}`)).getAttribute("aria-description");

/** The page of the credential that was just made. */
async function onNewPage(v: Visit, before: string): Promise<string> {
  await v.page.waitForURL(
    (url) => /\/esb\/credentials\/[\w-]{10,}$/.test(url.pathname) && url.pathname !== before,
  );
  await v.button(v.t("esb:credential.fetch")).waitFor();
  return new URL(v.page.url()).pathname;
}

async function ask(v: Visit, application: string): Promise<string> {
  await v.menu("esb:menu.credentials");
  await v.choose("esb:application.one", new RegExp(application));
  await v.choose("esb:credential.receiver", /\(provider\)/);
  await v.accessible("credentials");
  await v.button(v.t("esb:credential.add")).click();
  const page = await onNewPage(v, "");
  // Who asks for it never sees the secret.
  expect(await why(v, "credential.fetch")).toBe(
    v.t("esb:credential.onlyReceiver", { login: "provider" }),
  );
  expect(await why(v, "credential.rotate")).toBe(v.t("esb:rotationStop.notYet"));
  return page;
}

/** The secret is seen once by the person named, and gone with the page. */
async function fetchOnce(v: Visit, page: string): Promise<string> {
  await v.go(page);
  await v.button(v.t("esb:credential.fetch")).click();
  const told = v.page.getByRole("region", { name: v.t("esb:credential.told") });
  await told.getByText(v.t("esb:credential.onceWarning")).waitFor();
  const secret = await told.getByRole("textbox").innerText();
  expect(secret).toMatch(/^\w{8,}/);
  await told.getByRole("button", { name: v.t("esb:credential.copySecret") }).click();
  await expect
    .poll(() => v.page.evaluate(() => navigator.clipboard.readText()))
    .toBe(secret.trim());
  await v.accessible("fetched secret");
  await v.button(v.t("esb:credential.kept")).click();
  await told.waitFor({ state: "detached" });
  await v.page.reload();
  await text(v, "credential.fetched").first().waitFor();
  expect(await v.page.content()).not.toContain(secret.trim());
  expect(await why(v, "credential.fetch")).toBe(v.t("esb:credential.fetched"));
  // Neither a role for it nor the application is this person's.
  expect(await why(v, "credential.rotate")).toContain(v.t("role.caller"));
  expect(await why(v, "credential.revoke")).toContain("caller");
  return secret;
}

async function rotate(v: Visit, page: string): Promise<string> {
  await v.go(page);
  await v.button(v.t("esb:credential.rotate")).waitFor();
  await v.page.getByLabel(v.t("esb:credential.overlap"), { exact: true }).fill("31");
  await v.choose("esb:credential.receiver", /\(operator\)/);
  await v.button(v.t("esb:credential.rotate")).click();
  // Longer than the house allows: the reason stands on the page.
  await v.page.getByRole("alert").first().waitFor();
  await expect.poll(() => v.problems.length).toBe(1);
  expect(v.problems.splice(0)[0]).toMatch(/409|422/);
  await v.page.getByLabel(v.t("esb:credential.overlap"), { exact: true }).fill("30");
  await v.button(v.t("esb:credential.rotate")).click();
  const next = await onNewPage(v, page);
  await v.page.getByRole("link", { name: page.split("/").at(-1) ?? "", exact: true }).waitFor();
  return next;
}

async function revoke(v: Visit, page: string): Promise<void> {
  await v.go(page);
  await v.button(v.t("esb:credential.revoke")).click();
  const dialog = v.page.getByRole("dialog");
  const ok = dialog.getByRole("button", { name: v.t("esb:credential.revoke"), exact: true });
  expect(await ok.isDisabled()).toBe(true);
  await dialog.getByLabel(v.t("esb:review.reason"), { exact: true }).fill("laptop lost");
  await v.accessible("revocation");
  await ok.click();
  await dialog.waitFor({ state: "hidden" });
  await expect.poll(() => why(v, "credential.revoke")).toBe(v.t("esb:rotationStop.gone"));
}

describe.each([
  ["zh-CN", "app-zh"],
  ["en", "app-en"],
] as const)("a credential seen in %s", (locale, application) => {
  it("is_asked_for_by_one_fetched_once_by_another_rotated_and_revoked", async () => {
    let first = "";
    let second = "";
    await as(CALLER, locale, "ask", async (v) => {
      first = await ask(v, application);
    });
    let secret = "";
    await as(PROVIDER, locale, "fetch", async (v) => {
      secret = await fetchOnce(v, first);
    });
    await as(CALLER, locale, "rotate", async (v) => {
      second = await rotate(v, first);
    });
    await as(OPERATOR, locale, "fetch-next", async (v) => {
      expect(await fetchOnce(v, second)).not.toBe(secret);
      await v.go(first);
      await text(v, "credential.overlapEnds").waitFor();
    });
    await as(CALLER, locale, "revoke", (v) => revoke(v, first));
  });
});
