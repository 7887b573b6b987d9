import { expect, it } from "vitest";
import { rowCount } from "./DataGrid";

it("screen_readers_are_told_the_whole_length_or_that_it_is_not_known", () => {
  expect(rowCount(50_000, 200, true)).toBe(50_001);
  expect(rowCount(undefined, 200, true)).toBe(-1);
  expect(rowCount(undefined, 200, false)).toBe(201);
});
