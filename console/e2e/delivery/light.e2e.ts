import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { visit } from "../support/browser.ts";
import { DEVELOPER, House, type Person } from "../support/house.ts";

const PATH = "sample/nav-report";
let house: House;
let developer: Person;

beforeAll(async () => {
  house = await House.start();
  developer = await house.person(DEVELOPER);
});
afterAll(() => house?.stop());

describe.each(["zh-CN", "en"] as const)("a broken test seen in %s", (locale) => {
  it("turns_the_light_red_with_a_name_and_a_clock_and_the_repair_turns_it_green", async () => {
    const project = await developer.project(PATH);
    const copy = developer.clone(PATH);
    const message = `fees over 360 days (${locale})`;
    await visit(house, "light", locale, async (v) => {
      await v.signIn(DEVELOPER);
      await v.menu("incidents");

      copy.edit("nav/fund.py", "/ 365", "/ 360");
      const broken = copy.push(message);
      // Nobody reloads: the board turns red by itself, with who, what and since when.
      const incident = v.page.getByRole("article", { name: new RegExp(PATH) });
      await incident.waitFor({ timeout: 240_000 });
      await incident.getByRole("timer").waitFor();
      await incident.getByText(message).waitFor();
      await incident.getByRole("link", { name: "test", exact: true }).waitFor();
      await developer.pipeline(project.id, broken, ["failed"]);
      expect(developer.command(`rialto delivery light list --project ${PATH}`)).toContain("test");
      const before = Number((await incident.getByRole("timer").innerText()).replaceAll(":", ""));
      await expect
        .poll(
          async () => Number((await incident.getByRole("timer").innerText()).replaceAll(":", "")),
          { timeout: 20_000 },
        )
        .toBeGreaterThan(before);

      // The failing line leads into the log.
      await incident.getByRole("link", { name: "test", exact: true }).click();
      await v.heading("test");
      await v.page.getByRole("region", { name: v.t("job.log", { name: "test" }) }).waitFor();
      await v.page.goBack();

      copy.edit("nav/fund.py", "/ 360", "/ 365");
      copy.push(`fees over 365 days again (${locale})`);
      await incident.waitFor({ state: "hidden", timeout: 240_000 });
      await v.page
        .getByRole("grid", { name: v.t("incident.closed") })
        .getByText(v.t("closeKind.repaired"), { exact: true })
        .first()
        .waitFor();
      for (const width of [1280, 1400, 1920]) {
        await v.page.setViewportSize({ width, height: 900 });
        const over = await v.page
          .getByRole("grid", { name: v.t("incident.closed") })
          .evaluate((grid) => grid.scrollWidth - grid.clientWidth);
        expect({ width, over }).toEqual({ width, over: 0 });
      }
    });
  });
});
