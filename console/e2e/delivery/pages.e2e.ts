import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Visit, visit } from "../support/browser.ts";
import { DEVELOPER, House, type Person, RELEASE_MANAGER, type Resource } from "../support/house.ts";

let house: House;
let developer: Person;
let manager: Person;
let pages: Page[];

/** A page of the console: what to wait for, how the guide calls its picture. */
interface Page {
  picture: string;
  path: string;
  /** Something that is there once the page has its data. */
  ready: (v: Visit) => Promise<unknown>;
}

/** One version in production, one more waiting for approval, and one red light. */
beforeAll(async () => {
  house = await House.start();
  [developer, manager] = [await house.person(DEVELOPER), await house.person(RELEASE_MANAGER)];
  const quotes = await developer.project("sample/quote-service");
  const copy = developer.clone("sample/quote-service");
  copy.edit("README.md", "in seconds", "in a few seconds");
  const first = await developer.pipeline(quotes.id, copy.push("docs: say how few"), ["manual"]);
  const held = await developer.deployment(quotes.id, "production", first.id, ["awaiting_approval"]);
  await manager.api(`/deployments/${held.id}/approve`, "POST", {
    comment: "tests and gate are green",
  });
  await developer.deployment(quotes.id, "production", first.id, ["succeeded"]);

  copy.edit("src/market.rs", "last: 1020", "last: 1021");
  copy.edit("tests/api.rs", "10.20", "10.21");
  const second = await developer.pipeline(quotes.id, copy.push("quotes: a new price"), ["manual"]);
  const waiting = await developer.deployment(quotes.id, "production", second.id, [
    "awaiting_approval",
  ]);

  const nav = await developer.project("sample/nav-report");
  const report = developer.clone("sample/nav-report");
  report.edit("nav/fund.py", "/ 365", "/ 360");
  const broken = await developer.pipeline(nav.id, report.push("fees over 360 days"), ["failed"]);

  const jobs = async (pipeline: string): Promise<Resource[]> => {
    const { stages } = await developer.api<{ stages: { jobs: Resource[] }[] }>(
      `/pipelines/${pipeline}`,
    );
    return stages.flatMap((stage) => stage.jobs);
  };
  const unit = (await jobs(second.id)).find((job) => job.name === "unit");
  const { items: releases } = await developer.api<{ items: Resource[] }>(
    `/releases?project_id=${quotes.id}`,
  );
  if (!unit || !releases[0]) throw new Error("the sample has a job `unit` and a release");
  pages = listPages({ quotes, second, broken, waiting, release: releases[0], unit, nav });
});
afterAll(() => house?.stop());

function listPages(r: Record<string, Resource>): Page[] {
  const id = (name: string): string => r[name]?.id ?? "";
  const row = (v: Visit, grid: string) =>
    v.page
      .getByRole("grid", { name: v.t(grid), exact: true })
      .getByRole("row")
      .nth(1)
      .waitFor();
  const heading = (v: Visit, key: string) =>
    v.page
      .getByRole("heading", { name: v.t(key) })
      .first()
      .waitFor();
  const pipeline = `/delivery/pipelines/${id("second")}`;
  const project = `/delivery/projects/${id("quotes")}`;
  return [
    { picture: "projects", path: "/delivery/projects", ready: (v) => row(v, "menu.projects") },
    { picture: "project", path: `${project}/pipelines`, ready: (v) => row(v, "menu.pipelines") },
    {
      picture: "project-environments",
      path: `${project}/environments`,
      ready: (v) => v.page.getByText(v.t("slotRole.active")).first().waitFor(),
    },
    {
      picture: "variables",
      path: `${project}/variables`,
      ready: (v) => heading(v, "project.variables"),
    },
    {
      picture: "gate-rules",
      path: `${project}/gate-rules`,
      ready: (v) => v.button(v.t("rule.add")).waitFor(),
    },
    { picture: "pipelines", path: "/delivery/pipelines", ready: (v) => row(v, "menu.pipelines") },
    {
      picture: "pipeline",
      path: `${pipeline}/graph`,
      ready: (v) =>
        v.page
          .getByRole("group", { name: v.t("pipeline.graph") })
          .getByRole("link", { name: /package/ })
          .waitFor(),
    },
    { picture: "pipeline-jobs", path: `${pipeline}/jobs`, ready: (v) => row(v, "pipeline.jobs") },
    {
      picture: "tests",
      path: `${pipeline}/tests?show=all`,
      ready: (v) => heading(v, "tests.cases"),
    },
    {
      picture: "coverage",
      path: `/delivery/pipelines/${id("broken")}/coverage`,
      ready: (v) => heading(v, "coverage.files"),
    },
    { picture: "gate", path: `${pipeline}/gate`, ready: (v) => heading(v, "verdict.inputs") },
    {
      picture: "job",
      path: `/delivery/jobs/${id("unit")}`,
      ready: (v) =>
        v.page.getByRole("region", { name: v.t("job.log", { name: "unit" }) }).waitFor(),
    },
    {
      picture: "red-lights",
      path: "/delivery/incidents",
      ready: (v) => v.page.getByRole("timer").first().waitFor(),
    },
    { picture: "releases", path: "/delivery/releases", ready: (v) => row(v, "menu.releases") },
    {
      picture: "release",
      path: `/delivery/releases/${id("release")}`,
      ready: (v) => heading(v, "release.proof"),
    },
    {
      picture: "deployments",
      path: "/delivery/deployments",
      ready: (v) => row(v, "menu.deployments"),
    },
    {
      picture: "deployment",
      path: `/delivery/deployments/${id("waiting")}`,
      ready: (v) => heading(v, "deployment.approvals"),
    },
    {
      picture: "environments",
      path: "/delivery/environments",
      ready: (v) => v.page.getByText(v.t("slotRole.standby")).first().waitFor(),
    },
    {
      picture: "standby",
      path: "/platform/standby",
      ready: (v) => v.page.getByLabel(v.t("drill.reason")).waitFor(),
    },
    { picture: "evidence", path: "/platform/evidence", ready: (v) => row(v, "menu.evidence") },
    {
      picture: "account",
      path: "/platform/account",
      ready: (v) => heading(v, "account.password"),
    },
    { picture: "tokens", path: "/platform/tokens", ready: (v) => row(v, "token.list") },
  ];
}

describe("every page", () => {
  it.each(["zh-CN", "en"] as const)(
    "is_accessible_in_both_themes_and_without_errors_in_%s",
    async (locale) => {
      await visit(house, "pages", locale, async (v) => {
        await v.go("/");
        await v.heading(v.t("login.title"));
        for (const theme of ["dark", "light"] as const) {
          await v.theme(theme);
          await v.accessible(`login ${theme}`);
        }
        if (locale === "en") await v.picture("login");
        await v.signIn(RELEASE_MANAGER);
        for (const page of pages) {
          await v.go(page.path);
          await page.ready(v);
          for (const theme of ["dark", "light"] as const) {
            await v.theme(theme);
            await v.accessible(`${page.picture} ${theme}`);
            if (
              theme === "dark" &&
              locale === "zh-CN" &&
              ["pipeline", "environments"].includes(page.picture)
            ) {
              await v.picture(`${page.picture}-dark`);
            }
          }
          if (locale === "en") await v.picture(page.picture);
        }
      });
    },
  );

  it("offers_a_command_that_the_command_line_accepts", async () => {
    await visit(house, "cli", "en", async (v) => {
      await v.signIn(RELEASE_MANAGER);
      let commands = 0;
      for (const page of pages) {
        await v.go(page.path);
        await page.ready(v);
        const button = v.button(v.t("cli.short")).first();
        if ((await button.count()) === 0) continue;
        await button.click();
        const command = await v.page.evaluate(() => navigator.clipboard.readText());
        expect(command).toMatch(/^rialto /);
        expect(manager.command(command)).not.toBe("");
        commands += 1;
      }
      expect(commands).toBeGreaterThan(10);
    });
  });
});

describe("the shell", () => {
  it.each(["zh-CN", "en"] as const)(
    "finds_every_page_in_the_palette_and_by_keys_in_%s",
    async (locale) => {
      await visit(house, "palette", locale, async (v) => {
        await v.signIn(DEVELOPER);
        const menu = [
          "projects",
          "pipelines",
          "incidents",
          "releases",
          "deployments",
          "environments",
          "evidence",
          "tokens",
        ];
        for (const item of menu) {
          const name = v.t(`menu.${item}`);
          await v.page.keyboard.press("Control+k");
          await v.page.getByRole("combobox", { name: v.t("palette.title") }).fill(name);
          await v.page.getByRole("option", { name }).first().click();
          await v.heading(name);
        }
        // A record is found by a part of its name.
        await v.page.keyboard.press("Control+k");
        await v.page.getByRole("combobox", { name: v.t("palette.title") }).fill("quote-serv");
        await v.page
          .getByRole("option", { name: /^sample\/quote-service/ })
          .first()
          .click();
        await v.heading("sample/quote-service");
        // A sequence goes to a page; the sheet names it; Escape gives the page back.
        await v.page.keyboard.press("g");
        await v.page.keyboard.press("e");
        await v.heading(v.t("menu.environments"));
        await v.page.keyboard.press("?");
        const sheet = v.page.getByRole("dialog", { name: v.t("keys.sheet") });
        await sheet.getByText("g e", { exact: true }).waitFor();
        await v.accessible("keyboard sheet");
        await v.page.keyboard.press("Escape");
        await sheet.waitFor({ state: "hidden" });
      });
    },
  );
});
