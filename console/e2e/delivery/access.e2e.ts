import { afterAll, beforeAll, expect, it } from "vitest";
import { type Visit, visit } from "../support/browser.ts";
import { type Account, AUDITOR, DEVELOPER, House, type Person } from "../support/house.ts";

const PATH = "sample/quote-service";
let house: House;
let developer: Person;
let project: string;
let pipeline: string;
let job: string;

beforeAll(async () => {
  house = await House.start();
  developer = await house.person(DEVELOPER);
  await house.person(AUDITOR);
  project = (await developer.project(PATH)).id;
  const copy = developer.clone(PATH);
  copy.edit("README.md", "in seconds", "in a few seconds");
  // The deployment to production waits: there is a job to play, and one to do again.
  const made = await developer.pipeline(project, copy.push("docs: say how few"), ["manual"]);
  pipeline = made.id;
  const { stages } = await developer.api<{
    stages: { jobs: { id: string; name: string; retryable: boolean }[] }[];
  }>(`/pipelines/${pipeline}`);
  const done = stages.flatMap((stage) => stage.jobs).find((one) => one.retryable);
  if (!done) throw new Error("the sample has a job that can be done again");
  job = done.id;
});
afterAll(() => house?.stop());

/** What the page sends other than reads, from now on. */
function changes(v: Visit): string[] {
  const sent: string[] = [];
  v.page.on("request", (request) => {
    if (request.method() !== "GET") sent.push(`${request.method()} ${request.url()}`);
  });
  return sent;
}

/** The button is off, says which of the roles it takes, and does nothing when it is pressed. */
async function isOff(v: Visit, name: string, role: string): Promise<void> {
  const button = v.page.getByRole("button", { name, exact: true }).first();
  await button.waitFor();
  const found = {
    name,
    off: await button.getAttribute("aria-disabled"),
    why: await button.getAttribute("aria-description"),
  };
  expect(found).toEqual({ name, off: "true", why: expect.stringContaining(v.t(role)) as string });
  await button.focus();
  await v.page.keyboard.press("Enter");
  expect(await v.page.getByRole("dialog").count()).toBe(0);
}

async function isOn(v: Visit, name: string): Promise<void> {
  const button = v.page.getByRole("button", { name, exact: true }).first();
  await button.waitFor();
  expect([name, await button.getAttribute("aria-disabled")]).not.toEqual([name, "true"]);
}

async function read(account: Account, v: Visit): Promise<void> {
  const isAuditor = account === AUDITOR;
  await v.signIn(account);
  const sent = changes(v);
  const runs = isAuditor
    ? (name: string) => isOff(v, name, "role.developer")
    : (name: string) => isOn(v, name);
  await v.go(`/delivery/projects/${project}/pipelines`);
  await runs(v.t("project.run"));
  await v.go(`/delivery/pipelines/${pipeline}/graph`);
  await runs(v.t("pipeline.cancel"));
  await v.go(`/delivery/jobs/${job}`);
  await runs(v.t("job.retryShort"));
  // Rolling back and the variables belong to neither of the two.
  await v.go(`/delivery/projects/${project}/environments`);
  await isOff(v, v.t("environment.rollBack"), "role.release_manager");
  await v.accessible(`environments of ${account.login}`);
  await v.go(`/delivery/projects/${project}/variables`);
  await v.page.getByText(v.t("variable.closed"), { exact: true }).waitFor();
  await v.go(`/delivery/projects/${project}/gate-rules`);
  await isOff(v, v.t("rule.add"), "role.quality_owner");
  await v.accessible(`gate rules of ${account.login}`);
  expect(sent).toEqual([]);
}

it.each(["zh-CN", "en"] as const)(
  "an_auditor_reads_in_%s_why_nothing_can_be_changed",
  async (locale) => {
    await visit(house, "access-auditor", locale, async (v) => {
      await read(AUDITOR, v);
      const sent = changes(v);
      // The desk too shows its book and takes nothing.
      await v.go("/otc/trades");
      await isOff(v, v.t("otc:trade.mark"), "role.trader");
      await isOff(v, v.t("otc:quote.new"), "role.trader");
      await v.go("/otc/fixings");
      const file = v.page.getByLabel(v.t("otc:import.file"));
      await file.waitFor();
      expect(await file.isDisabled()).toBe(true);
      expect(sent).toEqual([]);
    });
  },
);

it("a_developer_runs_pipelines_and_reads_who_rolls_back", async () => {
  await visit(house, "access-developer", "en", (v) => read(DEVELOPER, v));
});
