import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Locale, type Visit, visit } from "../support/browser.ts";
import {
  cloneFrom,
  DEVELOPER,
  House,
  Load,
  type Person,
  RELEASE_MANAGER,
  type WorkingCopy,
} from "../support/house.ts";

let house: House;
let developer: Person;

beforeAll(async () => {
  house = await House.start();
  developer = await house.person(DEVELOPER);
});
afterAll(() => house?.stop());

interface Change {
  path: string;
  edit: (copy: WorkingCopy) => void;
  message: string;
  tests: number;
  served: string;
}

const CHANGES: Record<Locale, Change> = {
  "zh-CN": {
    path: "sample/quote-service",
    edit: (copy) => {
      copy.edit("src/market.rs", "last: 1020", "last: 1021");
      copy.edit("tests/api.rs", "10.20", "10.21");
    },
    message: "quotes: a new price",
    tests: 12,
    served: "/quotes/600000",
  },
  en: {
    path: "sample/nav-report",
    edit: (copy) => copy.edit("README.md", "#", "# The daily"),
    message: "docs: say how often",
    tests: 1,
    served: "/report",
  },
};

/** A token made in the browser, used by git as its password. */
async function cloneWithTokenFromTheBrowser(v: Visit, path: string): Promise<WorkingCopy> {
  await v.menu("tokens");
  await v.page.getByRole("textbox", { name: v.t("token.name") }).fill(`git ${v.locale}`);
  await v.button(v.t("token.create")).click();
  const once = v.page.getByRole("region", { name: v.t("token.once") });
  const token = await once
    .getByRole("textbox", { name: v.t("token.one"), exact: true })
    .innerText();
  expect(token).toMatch(/^rlt_/);
  const command = await once.getByRole("textbox", { name: v.t("token.clone") }).innerText();
  const address = command.replace("git clone ", "").replace(/\/git\/.*$/, `/git/${path}.git`);
  return cloneFrom(address, mkdtempSync(join(house.folder, "copy-")), DEVELOPER.login);
}

/** Opens the newest pipeline of the project and follows it until it waits for approval. */
async function followPipeline(v: Visit, change: Change): Promise<void> {
  await v.menu("pipelines");
  await v.page
    .getByRole("link", { name: new RegExp(change.message) })
    .first()
    .click();
  await v.heading(new RegExp(change.message));
  const graph = v.page.getByRole("group", { name: v.t("pipeline.graph") });
  await graph.getByRole("link", { name: /package/ }).waitFor();
  // Nobody reloads: the graph itself turns to "waits for a person".
  await graph
    .getByRole("link", { name: new RegExp(`${v.t("status.manual")}.*deploy-production`) })
    .waitFor({ timeout: 150_000 });
}

async function readResults(v: Visit, change: Change): Promise<void> {
  await v.page.getByRole("link", { name: v.t("pipeline.tests"), exact: true }).click();
  await v.page.getByText(v.t("tests.total"), { exact: true }).waitFor();
  await v.page.getByRole("link", { name: v.t("pipeline.coverage"), exact: true }).click();
  await v.page
    .getByText(v.t("coverage.none"))
    .or(v.page.getByText(v.t("coverage.uncovered")))
    .first()
    .waitFor();
  await v.page.getByRole("link", { name: new RegExp(`^${v.t("pipeline.gate")}`) }).click();
  await v.page.getByText(v.t("verdict.passed"), { exact: true }).first().waitFor();
  await v.page.getByRole("heading", { name: v.t("verdict.inputs") }).waitFor();
  expect(change.tests).toBeGreaterThan(0);
}

describe.each(["zh-CN", "en"] as const)("a push seen in %s", (locale) => {
  it("is_followed_from_the_graph_over_the_gate_to_an_approved_hot_standby_deployment", async () => {
    const change = CHANGES[locale];
    const project = await developer.project(change.path);
    let deploymentPath = "";
    let load: Load | null = null;

    await visit(house, "push", locale, async (v) => {
      await v.signIn(DEVELOPER);
      const copy = await cloneWithTokenFromTheBrowser(v, change.path);
      // The first version that the second one replaces.
      change.edit(copy);
      copy.push(change.message);
      await followPipeline(v, change);
      await readResults(v, change);

      await v.menu("deployments");
      await v.page
        .getByRole("link", { name: new RegExp(v.t("deploymentKind.deploy")) })
        .first()
        .click();
      await v.page.getByRole("heading", { name: v.t("deployment.approvals") }).waitFor();
      // The author reads why the decision is not theirs.
      const approve = v.button(v.t("deployment.approve"));
      await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("true");
      await v.page.getByRole("note").waitFor();
      deploymentPath = new URL(v.page.url()).pathname;
      const environment = await developer.environment(project.id, "production");
      if (typeof environment.url === "string" && environment.active_release) {
        load = new Load(environment.url.replace(/\/$/, "") + change.served);
      }
    });

    await visit(house, "approval", locale, async (v) => {
      await v.signIn(RELEASE_MANAGER);
      await v.go(deploymentPath);
      await v.page.getByLabel(v.t("deployment.comment")).fill("looks good");
      await v.button(v.t("deployment.approve")).click();
      await v.page
        .getByText(v.t("deploymentState.succeeded"), { exact: true })
        .first()
        .waitFor({ timeout: 150_000 });
      await v.page.getByText(v.t("step.switch"), { exact: true }).first().waitFor();
      await v.menu("environments");
      await v.page.getByText(v.t("slotRole.active"), { exact: true }).first().waitFor();
    });
    const { sent, failed } = (await (load as Load | null)?.stop()) ?? { sent: 0, failed: 0 };
    expect({ failed, sent }).toEqual({ failed: 0, sent });
    const production = await developer.environment(project.id, "production");
    expect(production.active_release).not.toBeNull();
  });
});
