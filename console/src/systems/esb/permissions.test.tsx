// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { Route, Routes } from "react-router";
import { describe, expect, it } from "vitest";
import type { Change, Review, Subscription, Version } from "@/api/contract.esb";
import { stage } from "../../../test/stage";
import { byOperation } from "./pages/interface/ChangesTab";
import ReviewsPage from "./pages/reviews/ReviewsPage";
import SubscriptionPage from "./pages/subscriptions/SubscriptionPage";

const NOW = "2026-05-18T08:00:00Z";
const API = "/api/esb/v1";

const version: Version = {
  id: "v-1",
  interface: "trade.order",
  number: "1.0.0",
  state: "in_review",
  state_words: { en: "in review", zh: "评审中" },
  suspended: false,
  events: ["approve", "refuse"],
  revision: 4,
  created_at: NOW,
  created_by: "provider",
  submitted_at: NOW,
  submitted_by: "provider",
  updated_at: NOW,
  definition: null,
  compat: "none",
  compat_base: null,
  pinned: null,
  security_agreed_by: null,
  similar: [],
  sla: null,
  successor: null,
  sunset_on: null,
  waivers: [],
};

const queue = (unmet: Review["unmet"]) => ({
  [`${API}/reviews`]: { items: [{ version, unmet }], next_page_token: null },
});

const OWN_WORK: Review["unmet"] = [
  {
    guard: "four_eyes",
    recorded: true,
    waivable: false,
    text: {
      en: "Who wrote, edited or submitted it cannot approve it.",
      zh: "作者、编辑者和提交者不能批准。",
    },
  },
];

const button = (name: string): HTMLElement => screen.getByRole("button", { name });
const why = (name: string): string | null => button(name).getAttribute("aria-description");

describe("a version before the reviewers", () => {
  it("tells_an_author_in_plain_words_that_four_eyes_are_needed", async () => {
    const sent = await stage(<ReviewsPage />, {
      roles: ["interface_manager", "provider"],
      language: "zh-CN",
      answers: queue(OWN_WORK),
    });
    await screen.findByRole("article", { name: "trade.order 1.0.0" });
    expect(why("批准")).toBe("作者、编辑者和提交者不能批准。");
    fireEvent.click(button("批准"));
    expect(sent).toEqual([]);
  });

  it("is_refused_only_with_a_reason", async () => {
    const sent = await stage(<ReviewsPage />, {
      roles: ["interface_manager"],
      answers: { ...queue([]), [`${API}/versions/v-1/transitions`]: version },
    });
    await screen.findByRole("article", { name: "trade.order 1.0.0" });
    expect([why("Approve"), why("Refuse")]).toEqual([null, "Give a reason first."]);
    fireEvent.change(screen.getByLabelText("Reason"), { target: { value: "no owner" } });
    fireEvent.click(button("Refuse"));
    await screen.findByText("Refused; it is a draft again");
    expect(sent).toEqual([`POST ${API}/versions/v-1/transitions`]);
  });

  it("is_not_a_callers_to_decide", async () => {
    await stage(<ReviewsPage />, { roles: ["caller"], answers: queue([]) });
    await screen.findByRole("article", { name: "trade.order 1.0.0" });
    expect(why("Approve")).toContain("Interface manager");
  });

  it("is_agreed_to_by_security_alone", async () => {
    await stage(<ReviewsPage />, { roles: ["security"], answers: queue([]) });
    await screen.findByRole("button", { name: "Agree to the data" });
    await stage(<ReviewsPage />, { roles: ["interface_manager"], answers: queue([]) });
    await waitFor(() => expect(screen.getAllByRole("article")).toHaveLength(2));
    expect(screen.getAllByRole("button", { name: "Agree to the data" })).toHaveLength(1);
  });
});

const subscription: Subscription = {
  id: "s-1",
  application: "mobile-app",
  interface: "trade.order",
  major: 1,
  environment: "production",
  state: "requested",
  state_words: { en: "requested", zh: "已申请" },
  requested_by: "caller",
  until: "2027-01-01",
  revision: 1,
  created_at: NOW,
  updated_at: NOW,
  request: {
    purpose: "orders of the app",
    operations: [],
    fields: [],
    clearance: 1,
    quota: { rate_per_second: 20, burst: 40, daily: 1000, concurrency: 8 },
  },
};

async function read(one: Subscription, roles: string[]): Promise<void> {
  await stage(
    <Routes>
      <Route path="/:id" element={<SubscriptionPage />} />
    </Routes>,
    { roles, at: "/s-1", answers: { [`${API}/subscriptions/s-1`]: one } },
  );
  await screen.findByText("orders of the app");
}

describe("a subscription that was asked for", () => {
  it("is_the_providers_to_agree_to_first", async () => {
    await read(subscription, ["provider"]);
    expect(why("Agree")).toBeNull();
  });

  it("may_be_rejected_by_a_manager_before_and_agreed_to_only_after_the_provider", async () => {
    await read(subscription, ["interface_manager"]);
    expect([why("Agree"), why("Reject")]).toEqual([
      "A provider decides next.",
      "Give a reason first.",
    ]);
  });

  it("is_a_managers_once_the_provider_agreed", async () => {
    await read({ ...subscription, state: "provider_approved" }, ["interface_manager"]);
    expect(why("Agree")).toBeNull();
  });

  it("is_never_agreed_to_by_who_asked", async () => {
    await read({ ...subscription, requested_by: "somebody" }, ["provider", "caller"]);
    expect(why("Agree")).toContain("Four eyes");
    expect(button("Withdraw").getAttribute("aria-disabled")).toBe("false");
  });
});

it("changes_stand_under_every_operation_they_touch", () => {
  const change = (rule: string, operations: string[]): Change => ({
    rule,
    operations,
    at: "",
    severity: "error",
    text: { en: rule, zh: rule },
    new: null,
    old: null,
  });
  const groups = byOperation([
    change("SC11", ["a", "b"]),
    change("OP01", ["a"]),
    change("SE01", []),
  ]);
  expect(groups.map(([name, all]) => [name, all.map((one) => one.rule)])).toEqual([
    ["a", ["SC11", "OP01"]],
    ["b", ["SC11"]],
    ["", ["SE01"]],
  ]);
});
