// @vitest-environment jsdom
import { screen } from "@testing-library/react";
import { Route, Routes } from "react-router";
import { describe, expect, it } from "vitest";
import type { CallEdge, Calls, Drift } from "@/api/contract.esb";
import { stage } from "../../../test/stage";
import { BOX, callMap } from "./model/map";
import CallsPage from "./pages/calls/CallsPage";

const NOW = "2026-05-18T08:00:00Z";

const edge = (application: string | null, code: string, requests: number): CallEdge => ({
  application,
  application_name: application && `App ${application}`,
  application_owner: application && "owner",
  interface: code,
  title: code,
  system: "core",
  system_name: { en: "Core trading", zh: "核心交易" },
  version: "1.0.0",
  operation: "get",
  requests,
  succeeded: requests,
  refused: 0,
  failed: application === "a" ? 1 : 0,
  p95_ms: application === "a" ? 50 : null,
  first_at: NOW,
  last_at: NOW,
});

const EDGES = [edge("a", "trade.order", 100), edge("b", "trade.order", 3), edge(null, "md", 7)];

describe("the map of calls", () => {
  const map = callMap(EDGES, "anybody", (one) => one.system_name.en);

  it("joins_callers_interfaces_and_systems_and_sums_what_runs_between_them", () => {
    const column = (n: number): string[] =>
      map.nodes.filter((node) => node.column === n).map((node) => `${node.label} ${node.requests}`);
    expect(column(0)).toEqual(["App a 100", "anybody 7", "App b 3"]);
    expect(column(1)).toEqual(["trade.order 103", "md 7"]);
    expect(column(2)).toEqual(["Core trading 110"]);
    const sum = map.links.find((link) => link.from === "1:trade.order");
    expect([sum?.requests, sum?.failed]).toEqual([103, 1]);
  });

  it("draws_more_calls_wider_and_every_node_in_its_own_place", () => {
    const width = (from: string): number =>
      map.links.find((link) => link.from === from)?.width ?? 0;
    expect(width("0:a")).toBeGreaterThan(width("0:b"));
    const places = map.nodes.map((node) => `${node.column} ${node.y}`);
    expect(new Set(places).size).toBe(places.length);
    expect(map.width).toBe(3 * BOX.width + 2 * BOX.channel);
    expect(callMap([], "anybody", () => "").nodes).toEqual([]);
  });
});

describe("the page of calls", () => {
  it("tells_who_calls_what_since_when_and_what_nobody_uses", async () => {
    const calls: Calls = {
      environment: "production",
      days: 30,
      watched: [{ node: "gw-1", since: NOW, told_at: NOW }],
      edges: EDGES,
      more: false,
      unused: [{ subscription: "s1", application: "c", interface: "md", major: 2 }],
    };
    const drift: Drift = {
      environment: "production",
      told: ["gw-1"],
      silent: ["gw-2"],
      checked: 1_200,
      unchecked: 3,
      beyond: 0,
      items: [
        {
          interface: "md",
          version: "1.0.0",
          operation: "get",
          application: null,
          direction: "response",
          place: "body/items/*/code",
          keyword: "type",
          class: "number",
          count: 7,
          first_at: NOW,
          last_at: NOW,
        },
      ],
    };
    const sent = await stage(
      <Routes>
        <Route path="/esb/calls" element={<CallsPage />} />
      </Routes>,
      {
        roles: ["interface_manager"],
        at: "/esb/calls",
        answers: { "/api/esb/v1/calls": calls, "/api/esb/v1/drift": drift },
      },
    );
    const map = await screen.findByRole("img", { name: "System map" });
    expect(map.textContent).toContain("Core trading");
    expect(map.textContent).toContain("100 calls, 1 failed");
    const table = screen.getByRole("grid", { name: "Calls" }).textContent;
    expect(table).toContain("≤ 50 ms");
    expect(table).toContain("anybody");
    expect(screen.getByRole("link", { name: "c → md v2" }).getAttribute("href")).toBe(
      "/esb/subscriptions/s1",
    );
    const found = await screen.findByRole("grid", { name: "What does not fit the definitions" });
    expect(found.textContent).toContain("body/items/*/code");
    expect(screen.getByText(/1,200 messages checked.*Not heard: gw-2/)).toBeTruthy();
    expect(sent.join(" ")).not.toContain("POST");
  });
});
