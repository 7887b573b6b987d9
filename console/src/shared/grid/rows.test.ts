import { expect, it } from "vitest";
import { leastWidth, rowCount } from "./DataGrid";

it("screen_readers_are_told_the_whole_length_or_that_it_is_not_known", () => {
  expect(rowCount(50_000, 200, true)).toBe(50_001);
  expect(rowCount(undefined, 200, true)).toBe(-1);
  expect(rowCount(undefined, 200, false)).toBe(201);
});

it("a_list_is_as_wide_as_its_columns_need_with_the_gaps_between_and_beside_them", () => {
  const column = (width: string) => ({ key: width, title: "", width, cell: () => null });
  const columns = ["minmax(120px, 1.5fr)", "80px", "1fr"].map(column);
  expect(leastWidth(columns)).toBe(120 + 80 + 4 * 14);
});
