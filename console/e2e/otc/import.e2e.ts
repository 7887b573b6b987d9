import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { visit } from "../support/browser.ts";
import { House, MIDDLE_OFFICE, type Person } from "../support/house.ts";
import { type Cell, workbook } from "../support/workbook.ts";
import { daysAfter, sessions, today } from "./market.ts";

const API = "/api/otc/v1";
const CODE = "XSHG:000922";

let house: House;
let middle: Person;
let open: string[];

beforeAll(async () => {
  house = await House.start();
  middle = await house.person(MIDDLE_OFFICE);
  open = (await sessions(middle, daysAfter(today(), -40), daysAfter(today(), -1))).slice(-12);
});
afterAll(() => house?.stop());

interface FixingList {
  items: { date: string; value: string }[];
}
const stored = (): Promise<FixingList> =>
  middle.api(`${API}/fixings?underlying=${encodeURIComponent(CODE)}&page_size=100`);

/** Twelve sessions; the price of one row is no number, the day of another is none. */
function rows(): Cell[][] {
  const good = open.map((date, i): Cell[] => [{ date }, CODE, 6100.25 + i, "行情商"]);
  good.splice(4, 0, [{ date: open[4] ?? "" }, CODE, "停牌", "行情商"]);
  good.splice(9, 0, ["2026-02-30", CODE, 6100, "行情商"]);
  return [["日期", "标的", "收盘价", "来源"], ...good];
}

it("a_workbook_is_tried_first_its_bad_rows_are_named_and_the_rest_is_taken_in", async () => {
  const file = join(house.folder, "定盘价.xlsx");
  writeFileSync(file, workbook(rows()));
  await visit(house, "otc-import-xlsx", "zh-CN", async (v) => {
    await v.signIn(MIDDLE_OFFICE, "otc:menu.trades");
    await v.menu("otc:menu.fixings");
    await v.page.getByLabel(v.t("otc:import.file")).setInputFiles(file);
    const trial = v.page.getByRole("region", { name: v.t("otc:import.trial") });
    const refused = trial.getByRole("table", { name: v.t("otc:import.refused") });
    await refused.waitFor();
    const told = await refused.getByRole("row").allInnerTexts();
    // The heading is row 1 of the sheet: the spoilt rows are the sixth and the eleventh.
    const cells = told.slice(1).map((row) => row.split("\t"));
    expect(cells.map(([row, column, value]) => [row, column, value])).toEqual([
      ["6", v.t("otc:importColumn.value"), "停牌"],
      ["11", v.t("otc:importColumn.date"), "2026-02-30"],
    ]);
    for (const [, , , message] of cells) expect(message).toMatch(/\p{Script=Han}{4}/u);
    await v.accessible("dry run of a workbook");
    // Nothing is kept before it is asked for.
    expect((await stored()).items).toEqual([]);
    await v.button(v.t("otc:import.commit", { count: open.length })).click();
    const taken = v.page.getByRole("region", { name: v.t("otc:import.taken") });
    await taken.waitFor({ timeout: 120_000 });
    const kept = (await stored()).items;
    expect(kept.map((one) => one.date).sort()).toEqual(open);
    expect(kept.find((one) => one.date === open[0])?.value).toBe("6100.25");

    // The list below shows them; the same file again holds nothing new.
    await v.go(`/otc/fixings?underlying=${encodeURIComponent(CODE)}`);
    const grid = v.page.getByRole("grid", { name: v.t("otc:fixing.list") });
    await grid.getByText(open.at(-1) ?? "", { exact: true }).waitFor();
    await v.page.getByLabel(v.t("otc:import.file")).setInputFiles(file);
    await trial.waitFor();
    const commit = v.button(v.t("otc:import.commit", { count: 0 }));
    await expect.poll(() => commit.getAttribute("aria-disabled")).toBe("true");
  });
});

it("a_file_that_is_no_workbook_is_refused_with_what_is_wrong", async () => {
  const file = join(house.folder, "not-a-workbook.xlsx");
  writeFileSync(file, "date,underlying,value\n");
  await visit(house, "otc-import-broken", "zh-CN", async (v) => {
    await v.signIn(MIDDLE_OFFICE, "otc:menu.trades");
    await v.menu("otc:menu.fixings");
    await v.page.getByLabel(v.t("otc:import.file")).setInputFiles(file);
    await v.page.getByRole("alert").first().waitFor();
    expect(await v.page.getByRole("region", { name: v.t("otc:import.trial") }).count()).toBe(0);
    // The browser reports the refusal by itself.
    v.problems.splice(0).forEach((problem) => expect(problem).toContain("422"));
  });
});
