// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { Route, Routes } from "react-router";
import { describe, expect, it } from "vitest";
import type { Environment, Preview, Publication, Snapshot } from "@/api/contract.esb";
import { stage } from "../../../test/stage";
import PublishingPage from "./pages/publishing/PublishingPage";

const NOW = "2026-05-18T08:00:00Z";
const HERE = "/api/esb/v1/environments/production";

const snapshot = (version: number, inForce: boolean): Snapshot => ({
  environment: "production",
  version,
  digest: "ab".repeat(32),
  holds: { interfaces: 2, routes: 5, subscriptions: 3, credentials: 4 },
  author: "operator",
  reason: "go live",
  created_at: NOW,
  in_force: inForce,
});

const environment: Environment = {
  environment: "production",
  snapshot: snapshot(7, true),
  nodes: [
    {
      node: "gw-1",
      address: "10.0.0.1:8443",
      state: "behind",
      state_words: { en: "behind", zh: "落后" },
      version: 6,
      digest: "cd".repeat(32),
      reason: "it serves version 6",
      told_at: NOW,
    },
  ],
};

const preview: Preview = {
  environment: "production",
  since: 7,
  holds: snapshot(8, false).holds,
  changes: [{ kind: "route", what: "trade.order@1.0.0/getOrder", became: "added" }],
  total: 1,
  left_out: [
    {
      what: "trade.funds@1.0.0",
      code: "no-binding",
      text: { en: "Nobody said where its requests go.", zh: "尚未绑定后端。" },
    },
  ],
  unmet: [],
};

async function page(roles: string[], found: Preview = preview): Promise<string[]> {
  const done: Publication = { snapshot: snapshot(8, true), nodes: environment.nodes, left_out: [] };
  const sent = await stage(
    <Routes>
      <Route path="/esb/publishing/:environment" element={<PublishingPage />} />
    </Routes>,
    {
      roles,
      at: "/esb/publishing/production",
      answers: {
        [HERE]: environment,
        [`${HERE}/preview`]: found,
        [`${HERE}/snapshots`]: {
          ...done,
          items: [snapshot(7, true), snapshot(6, false)],
          next_page_token: null,
        },
        [`${HERE}/rollback`]: done,
      },
    },
  );
  await screen.findByRole("table", { name: "Gateways" });
  return sent;
}

const button = (name: string): HTMLElement => screen.getByRole("button", { name });
const why = (name: string): string | null => button(name).getAttribute("aria-description");

describe("publishing", () => {
  it("tells_what_each_gateway_serves_and_what_would_change", async () => {
    await page(["operations"]);
    expect(screen.getByRole("table", { name: "Gateways" }).textContent).toContain(
      "6 (not in force)",
    );
    await screen.findByText("trade.order@1.0.0/getOrder");
    const left = screen.getByRole("region", { name: "Left out" });
    expect(left.textContent).toContain("Nobody said where its requests go.");
    expect(why("Publish")).toBeNull();
  });

  it("asks_why_and_sends_it", async () => {
    const sent = await page(["interface_manager"]);
    await waitFor(() => expect(why("Publish")).toBeNull());
    fireEvent.click(button("Publish"));
    const dialog = await screen.findByRole("dialog");
    expect(dialog.textContent).toContain("take 1 change(s) at once");
    fireEvent.change(screen.getByLabelText("Reason"), { target: { value: "agreed" } });
    const ok = [...dialog.querySelectorAll("button")].find((one) => one.textContent === "Publish");
    fireEvent.click(ok as HTMLElement);
    await screen.findByText("Snapshot 8 is served by 0 of 1 gateway(s).");
    expect(sent).toEqual([`POST ${HERE}/snapshots`]);
  });

  it("is_off_for_who_bound_it_and_says_so", async () => {
    const text = { en: "Who set a binding cannot publish it.", zh: "绑定人不能发布。" };
    const unmet = [{ guard: "four_eyes", recorded: true, waivable: false, text }];
    await page(["operations"], { ...preview, unmet });
    await waitFor(() => expect(why("Publish")).toBe(text.en));
  });

  it("shows_readers_the_state_and_who_may_publish", async () => {
    const sent = await page(["caller"]);
    expect(why("Publish")).toContain("Operations");
    expect(screen.queryByText("The next publish")).toBeNull();
    expect(why("Go back to snapshot 6")).toContain("Operations");
    expect(sent).toEqual([]);
  });
});
