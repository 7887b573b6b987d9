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
  type Resource,
  until,
  type WorkingCopy,
} from "../support/house.ts";

let house: House;
let developer: Person;
let approver: Person;

beforeAll(async () => {
  house = await House.start();
  developer = await house.person(DEVELOPER);
  approver = await house.person(RELEASE_MANAGER);
});
afterAll(() => house?.stop());

interface Change {
  path: string;
  edit: (copy: WorkingCopy) => void;
  message: string;
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
    served: "/quotes/600000",
  },
  en: {
    path: "sample/nav-report",
    edit: (copy) => copy.edit("README.md", "#", "# The daily"),
    message: "docs: say how often",
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
    .waitFor({ timeout: 240_000 });
}

async function readResults(v: Visit): Promise<void> {
  await v.page.getByRole("link", { name: v.t("pipeline.tests"), exact: true }).click();
  await v.page.getByRole("heading", { name: v.t("tests.cases") }).waitFor();
  await v.page.getByRole("link", { name: v.t("pipeline.coverage"), exact: true }).click();
  await v.page
    .getByText(v.t("coverage.none"))
    .or(v.page.getByText(v.t("coverage.uncovered")))
    .first()
    .waitFor();
  await v.page.getByRole("link", { name: new RegExp(`^${v.t("pipeline.gate")}`) }).click();
  await v.page.getByRole("heading", { name: v.t("verdict.passed"), exact: true }).waitFor();
  await v.page.getByRole("heading", { name: v.t("verdict.inputs") }).waitFor();
}

/** The first version of the sample goes to production, so that the pushed one replaces it. */
async function bringFirstVersionToProduction(project: string): Promise<string> {
  const held = await until("the sample's deployment", async () => {
    const { items } = await developer.api<{ items: Resource[] }>(
      `/deployments?project_id=${project}`,
    );
    return items.find((d) => d.state === "awaiting_approval");
  });
  await approver.api(`/deployments/${held.id}/approve`, "POST", { comment: "the first one" });
  await developer.deployment(project, "production", String(held.pipeline_id), ["succeeded"]);
  const { url } = await developer.environment(project, "production");
  return String(url).replace(/\/$/, "");
}

describe.each(["zh-CN", "en"] as const)("a push seen in %s", (locale) => {
  it("is_followed_from_the_graph_over_the_gate_to_an_approved_hot_standby_deployment", async () => {
    const change = CHANGES[locale];
    const project = await developer.project(change.path);
    const url = await bringFirstVersionToProduction(project.id);
    let deploymentPath = "";

    await visit(house, "push", locale, async (v) => {
      await v.signIn(DEVELOPER);
      const copy = await cloneWithTokenFromTheBrowser(v, change.path);
      change.edit(copy);
      copy.push(change.message);
      await followPipeline(v, change);
      await readResults(v);

      await v.page.getByRole("link", { name: v.t("pipeline.graph"), exact: true }).click();
      const graph = v.page.getByRole("group", { name: v.t("pipeline.graph") });
      await graph.getByRole("link", { name: /deploy-production/ }).click();
      await v.page.getByRole("heading", { name: v.t("deployment.approvals") }).waitFor();
      // The author reads why the decision is not theirs.
      const approve = v.button(v.t("deployment.approve"));
      await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("true");
      await v.page.getByRole("note").waitFor();
      deploymentPath = new URL(v.page.url()).pathname;
    });

    const load = new Load(url + change.served);
    await visit(house, "approval", locale, async (v) => {
      await v.signIn(RELEASE_MANAGER);
      await v.go(deploymentPath);
      await v.page.getByLabel(v.t("deployment.comment")).fill("looks good");
      await v.button(v.t("deployment.approve")).click();
      // Nobody reloads: the steps appear as they happen.
      const state = v.page.getByRole("list", { name: v.t("deployment.state") });
      await v.page
        .getByText(v.t("step.keep_standby"), { exact: true })
        .waitFor({ timeout: 240_000 });
      await state.waitFor();
      await v.menu("environments");
      await v.page.getByText(v.t("slotRole.standby"), { exact: true }).first().waitFor();
    });
    const pipeline = (
      await developer.api<{ pipeline_id: string }>(deploymentPath.replace("/delivery", ""))
    ).pipeline_id;
    await developer.deployment(project.id, "production", pipeline, ["succeeded"]);
    const { sent, failed } = await load.stop();
    expect({ failed, sent }).toEqual({ failed: 0, sent });
    expect(sent).toBeGreaterThan(500);
    const { slots } = (await developer.environment(project.id, "production")) as unknown as {
      slots: { role: string; health: string }[];
    };
    expect(slots.find((slot) => slot.role === "standby")?.health).toBe("healthy");
  });
});
