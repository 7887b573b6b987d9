// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Drill, Standby } from "@/api/contract.platform";
import { stage } from "../../../test/stage";
import StandbyPage from "./pages/StandbyPage";

const NOW = "2026-05-18T08:00:00Z";
const BASE = "/api/platform/v1";

const state: Standby = {
  leader: "a/1",
  epoch: 7,
  standbys: [{ name: "b/2", since: NOW }],
  target_ms: 1500,
  why_not: null,
};

const drill: Drill = {
  id: "d-1",
  kind: "pause",
  reason: "monthly",
  asked_by: "operator",
  asked_at: NOW,
  begun_at: NOW,
  leader_before: "a/1",
  leader_after: "b/2",
  epoch_before: 6,
  epoch_after: 7,
  take_over_ms: 1460.4,
  outage_ms: 1680.2,
  target_ms: 2000,
  old_epoch_refused: true,
  met: true,
  evidence_seq: 812,
};

const page = (roles: string[], found: Standby = state): Promise<string[]> =>
  stage(<StandbyPage />, {
    roles,
    answers: {
      [`${BASE}/standby`]: found,
      [`${BASE}/drills`]: {
        ...drill,
        items: [drill, { ...drill, id: "d-0", met: null, outage_ms: null, evidence_seq: null }],
      },
    },
  });

const run = (): Promise<HTMLElement> => screen.findByRole("button", { name: "Run the drill" });

describe("the standby", () => {
  it("shows_who_leads_who_stands_by_and_what_drills_measured", async () => {
    await page(["auditor"]);
    expect((await screen.findByRole("table", { name: "Stand by" })).textContent).toContain("b/2");
    const grid = await screen.findByRole("grid", { name: "Drills" });
    expect(grid.textContent).toContain("1,680 ms");
    expect(grid.textContent).toContain("met");
    expect(grid.textContent).toContain("not completed");
    expect(screen.getByRole("link", { name: "#812" }).getAttribute("href")).toBe(
      "/platform/evidence?seq=812",
    );
    expect((await run()).getAttribute("aria-description")).toContain("Operations");
  });

  it("is_drilled_with_a_reason_once_one_is_sure", async () => {
    const sent = await page(["operations"]);
    expect((await run()).getAttribute("aria-description")).toBe("Say why first.");
    fireEvent.change(screen.getByLabelText("Reason"), { target: { value: "monthly" } });
    fireEvent.click(await run());
    const dialog = await screen.findByRole("dialog");
    expect(dialog.textContent).toContain("a/1 leads and ends right after this request");
    expect(sent).toEqual([]);
    const ok = [...dialog.querySelectorAll("button")].find(
      (one) => one.textContent === "Run the drill",
    );
    fireEvent.click(ok as HTMLElement);
    await waitFor(() => expect(sent).toEqual([`POST ${BASE}/drills`]));
  });

  it("says_why_no_drill_can_be_made", async () => {
    const why = { en: "Nobody stands by: start a second server.", zh: "没有热备服务器。" };
    await page(["operations"], { ...state, standbys: [], why_not: why });
    expect((await run()).getAttribute("aria-description")).toBe(why.en);
  });
});
