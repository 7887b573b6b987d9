import { afterAll, beforeAll, describe, it } from "vitest";
import { visit } from "../support/browser.ts";
import { DEVELOPER, House } from "../support/house.ts";

const CHROMIUM_REPORTS_REFUSALS = /status of 40[134]/;
let house: House;

beforeAll(async () => {
  house = await House.start();
  await house.person(DEVELOPER);
});
afterAll(() => house?.stop());

describe("signing in", () => {
  it.each([
    ["zh-CN", "operator"],
    ["en", "auditor"],
  ] as const)("a_one_time_link_works_once_and_leads_to_a_password_in_%s", async (locale, login) => {
    const password = `eleven ${login} lamps on the quay`;
    await visit(house, "link", locale, async (v) => {
      const link = house.loginLink(login);
      await v.page.goto(link);
      await v.button(v.t("login.linkSubmit")).click();
      await v.heading(v.t("menu.projects"));
      await v.menu("account");
      await v.page.getByLabel(v.t("account.new"), { exact: true }).fill(password);
      await v.page.getByLabel(v.t("account.repeat"), { exact: true }).fill(password);
      await v.button(v.t("account.password")).click();
      // Every session has ended: one signs in anew, with the password.
      await v.heading(v.t("login.title"));
      await v.signIn({ login, password });
      await v.page.getByRole("button", { name: new RegExp(v.t("nav.account")) }).click();
      await v.page.getByRole("menuitem", { name: v.t("nav.signOut") }).click();
      await v.heading(v.t("login.title"));
      await v.page.goto(link);
      await v.button(v.t("login.linkSubmit")).click();
      await v.page.getByRole("alert").waitFor();
      v.problems.splice(
        0,
        v.problems.length,
        ...v.problems.filter((p) => !CHROMIUM_REPORTS_REFUSALS.test(p)),
      );
    });
  });

  it("keeps_language_and_theme_and_returns_to_the_asked_page_after_signing_in", async () => {
    await visit(house, "shell", "en", async (v) => {
      await v.go("/delivery/environments");
      await v.page.getByRole("textbox", { name: v.t("login.name") }).fill(DEVELOPER.login);
      await v.page.getByLabel(v.t("login.password"), { exact: true }).fill(DEVELOPER.password);
      await v.button(v.t("login.submit")).click();
      await v.heading(v.t("menu.environments"));
      await v.page.getByRole("button", { name: "English" }).click();
      await v.page.getByRole("menuitem", { name: "简体中文" }).click();
      await v.heading("环境");
      await v.page.reload();
      await v.heading("环境");
    });
  });

  it("says_what_is_wrong_with_a_password_and_with_an_address", async () => {
    await visit(house, "errors", "en", async (v) => {
      await v.go("/");
      await v.page.getByRole("textbox", { name: v.t("login.name") }).fill(DEVELOPER.login);
      await v.page.getByLabel(v.t("login.password"), { exact: true }).fill("not it");
      await v.button(v.t("login.submit")).click();
      await v.page.getByRole("alert").getByText(v.t("problem.invalid_credentials.title")).waitFor();
      await v.signIn(DEVELOPER);
      await v.go("/delivery/pipelines/019aa000-0000-7000-8000-000000000000");
      await v.page.getByRole("alert").waitFor();
      await v.page.getByText(v.t("state.trace")).waitFor();
      await v.accessible("error");
      // Chromium reports the two refusals by itself; nothing else may be wrong.
      v.problems.splice(
        0,
        v.problems.length,
        ...v.problems.filter((p) => !/status of 40[14]/.test(p)),
      );
    });
  });
});
