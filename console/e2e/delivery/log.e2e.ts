import { afterAll, beforeAll, expect, it } from "vitest";
import { type Visit, visit } from "../support/browser.ts";
import { DEVELOPER, House, type Person, type Resource } from "../support/house.ts";

const LINES = 1_000_000;
let house: House;
let developer: Person;
let job: Resource;

const FILE = `
long:
  script:
    - printf '\\033[31mred\\033[0m <b id="injected">not bold</b> \\033]8;;http://example.invalid\\007link\\033]8;;\\007\\n'
    - printf 'progress 10%%\\rprogress 99%%\\r\\033[Kdone\\n'
    - seq 1 ${LINES}
    - echo the needle in the hay
`;

beforeAll(async () => {
  house = await House.start();
  developer = await house.person(DEVELOPER);
  await developer.api("/projects", "POST", {
    path: "sample/long-log",
    name: "long-log",
    description: "",
  });
  const project = await developer.project("sample/long-log");
  const copy = developer.clone("sample/long-log");
  copy.write(".gitlab-ci.yml", FILE);
  copy.git("checkout", "-q", "-B", "main");
  const pipeline = await developer.pipeline(project.id, copy.push("a long log"), ["success"]);
  const full = await developer.api<{ stages: { jobs: Resource[] }[] }>(`/pipelines/${pipeline.id}`);
  const only = full.stages[0]?.jobs[0];
  if (!only) throw new Error("the pipeline has no job");
  job = only;
});
afterAll(() => house?.stop());

/** Texts of the lines on the screen. */
async function shown(v: Visit): Promise<string> {
  return v.page.getByRole("region", { name: v.t("job.log", { name: "long" }) }).innerText();
}

it.each(["zh-CN", "en"] as const)(
  "a_million_lines_are_read_searched_and_linked_in_%s",
  async (locale) => {
    await visit(house, "log", locale, async (v) => {
      await v.signIn(DEVELOPER);
      await v.go(`/delivery/jobs/${job.id}`);
      const log = v.page.getByRole("region", { name: v.t("job.log", { name: "long" }) });
      await expect.poll(() => shown(v)).toContain("done");

      // Control sequences colour and rewrite; they never become markup.
      expect(await shown(v)).toContain('red <b id="injected">not bold</b> link');
      expect(await v.page.evaluate(() => document.getElementById("injected"))).toBeNull();
      expect(await shown(v)).not.toMatch(/^progress/m);

      await log.focus();
      await v.page.keyboard.press("End");
      await expect.poll(() => shown(v)).toContain("the needle in the hay");
      // Only the rows on the screen exist.
      expect(
        await v.page.evaluate(() => document.querySelectorAll("[data-line]").length),
      ).toBeLessThan(150);

      await v.page.keyboard.press("Home");
      await v.page.keyboard.press("/");
      await v.page.keyboard.type("needle in the hay");
      await expect.poll(() => shown(v)).toContain("the needle in the hay");

      // A line link reproduces the place; its byte link leads to the same line.
      await v.go(`/delivery/jobs/${job.id}#L500000`);
      await v.page.reload();
      const line = v.page.getByRole("link", {
        name: v.t("log.line", { no: 500_000 }),
        exact: true,
      });
      await line.waitFor();
      await line.click();
      const number = /\n500000\n(\d+)/.exec(`\n${await shown(v)}`)?.[1];
      await v.page.getByRole("button", { name: v.t("log.copyLink") }).click();
      const link = await v.page.evaluate(() => navigator.clipboard.readText());
      expect(link).toMatch(/#b=\d+-\d+$/);
      await v.go(`/delivery/jobs/${job.id}`);
      await v.page.reload();
      await v.page.goto(link);
      await line.waitFor();
      expect(number).toBeDefined();
      expect(await shown(v)).toContain(String(number));
    });
  },
);
