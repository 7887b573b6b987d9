import { afterAll, beforeAll, expect, it } from "vitest";
import { visit } from "../support/browser.ts";
import { DEVELOPER, House, Load, type Person, RELEASE_MANAGER } from "../support/house.ts";

const PATH = "sample/quote-service";
let house: House;
let developer: Person;
let manager: Person;

beforeAll(async () => {
  house = await House.start();
  developer = await house.person(DEVELOPER);
  manager = await house.person(RELEASE_MANAGER);
});
afterAll(() => house?.stop());

async function approve(project: string, sha: string): Promise<string> {
  const pipeline = await developer.pipeline(project, sha, ["manual"]);
  const held = await developer.deployment(project, "production", pipeline.id, [
    "awaiting_approval",
  ]);
  await manager.api(`/deployments/${held.id}/approve`, "POST", { comment: "looks good" });
  return held.id;
}

it("a_version_that_fails_in_production_is_rolled_back_before_the_eyes_of_the_operator", async () => {
  const project = await developer.project(PATH);
  const copy = developer.clone(PATH);
  copy.edit("README.md", "in seconds", "in a few seconds");
  const good = copy.push("docs: say how few");
  const first = await approve(project.id, good);
  const kept = await developer
    .pipeline(project.id, good, ["success"])
    .then(() => developer.api<{ release: { version: string } }>(`/deployments/${first}`));
  const environment = await developer.environment(project.id, "production");
  const load = new Load(`${String(environment.url).replace(/\/$/, "")}/quotes/600000`);

  // Passes its tests, and stops being healthy after eight seconds: later than the tests need on a
  // busy machine, and within the watch.
  copy.edit("src/service.rs", "from_secs(3600)", "from_secs(8)");
  const bad = await approve(project.id, copy.push("a feed is stale after eight seconds"));
  for (const locale of ["zh-CN", "en"] as const) {
    await visit(house, "rollback", locale, async (v) => {
      await v.signIn(RELEASE_MANAGER);
      await v.go(`/delivery/deployments/${bad}`);
      await v.page
        .getByText(v.t("deploymentState.rolled_back"), { exact: true })
        .first()
        .waitFor({ timeout: 240_000 });
      await v.page.getByText(v.t("step.switch_back"), { exact: true }).first().waitFor();
      await v.page.getByText(v.t("deployment.reasons"), { exact: true }).waitFor();
      await v.go(`/delivery/environments?project=${project.id}`);
      await v.page.getByRole("link", { name: kept.release.version, exact: true }).first().waitFor();
    });
  }
  const { sent, failed } = await load.stop();
  expect({ failed, sent }).toEqual({ failed: 0, sent });
  expect(sent).toBeGreaterThan(500);
  const after = await developer.environment(project.id, "production");
  expect((after.active_release as { version: string }).version).toBe(kept.release.version);
});
