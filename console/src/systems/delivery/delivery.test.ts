import { expect, it } from "vitest";
import { cli } from "./cli";
import { mergeSteps } from "./pages/deployments/steps";
import { lineRanges } from "./pages/pipelines/lineRanges";
import { parseVariables } from "./pages/projects/parseVariables";

it("neighbouring_lines_become_ranges", () => {
  expect(lineRanges([])).toEqual([]);
  expect(lineRanges([14, 12, 13, 20])).toEqual(["12–14", "20"]);
  expect(lineRanges([1, 3, 5])).toEqual(["1", "3", "5"]);
});

it("variables_are_key_value_lines_and_a_bad_line_is_named", () => {
  expect(parseVariables("A=1\n\n B_2=x=y \n")).toEqual({
    values: { A: "1", B_2: "x=y " },
    bad: null,
  });
  expect(parseVariables("A=1\nno equals").bad).toBe(2);
  expect(parseVariables("1A=x").bad).toBe(1);
});

it("a_reason_is_quoted_for_the_shell", () => {
  expect(cli.rollBack("e1", "it's slow; rm -rf /")).toBe(
    "rialto delivery environment rollback e1 --reason 'it'\\''s slow; rm -rf /'",
  );
});

it("a_step_is_one_line_from_its_start_to_its_end_and_a_second_try_another", () => {
  const step = (at: string, name: string, outcome: string, detail = "") => ({
    at,
    name,
    outcome,
    detail,
    duration_ms: outcome === "started" ? null : 5,
  });
  const merged = mergeSteps([
    step("1", "preflight", "started", "the preconditions are read"),
    step("2", "preflight", "ok"),
    step("3", "start", "started"),
    step("4", "start", "failed", "port in use"),
    step("5", "start", "started"),
  ]);
  expect(merged.map((s) => [s.at, s.name, s.outcome, s.detail])).toEqual([
    ["1", "preflight", "ok", "the preconditions are read"],
    ["3", "start", "failed", "port in use"],
    ["5", "start", "started", ""],
  ]);
});
