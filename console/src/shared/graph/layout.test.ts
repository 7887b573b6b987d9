import { expect, it } from "vitest";
import { layoutGraph, related } from "./layout";

const node = (name: string, needs: string[] | null) => ({ id: `id-${name}`, name, needs });
const columns = [
  { name: "build", nodes: [node("compile", null), node("lint", [])] },
  { name: "test", nodes: [node("unit", ["compile"]), node("report", ["unit"])] },
  { name: "deploy", nodes: [node("go", ["unit", "absent"])] },
];

it("jobs_stand_in_their_stage_and_never_overlap", () => {
  const { nodes, width, height } = layoutGraph(columns);
  const places = new Set(nodes.map((n) => `${n.x},${n.y}`));
  expect(places.size).toBe(5);
  expect(nodes.every((n) => n.x < width && n.y < height)).toBe(true);
  expect(nodes.find((n) => n.node.name === "go")?.column).toBe(2);
});

it("each_existing_need_is_one_edge", () => {
  const { edges } = layoutGraph(columns);
  expect(edges.map((e) => `${e.from}>${e.to}`)).toEqual([
    "id-compile>id-unit",
    "id-unit>id-report",
    "id-unit>id-go",
  ]);
});

it("related_jobs_are_those_before_and_after_but_not_beside", () => {
  const { edges } = layoutGraph(columns);
  expect([...related(edges, "id-go")].sort()).toEqual(["id-compile", "id-go", "id-unit"]);
});
