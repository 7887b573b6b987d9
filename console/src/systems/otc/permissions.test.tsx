// @vitest-environment jsdom
import { fireEvent, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Tagged } from "@/api/client";
import type { Approval, Flow, Trade } from "@/api/contract.otc";
import { stage } from "../../../test/stage";
import { ApprovalCard } from "./components/ApprovalCard";
import { useFlowColumns } from "./components/flows";
import { ImportCard } from "./pages/fixings/ImportCard";
import { TradeActions } from "./pages/trades/TradeActions";

const NOW = "2026-05-18T08:00:00Z";

const trade: Tagged<Trade> = {
  etag: '"v3"',
  id: "T-1",
  no: 1,
  product: "snowball",
  title: { en: "Snowball", zh: "雪球" },
  underlying: "XSHG:000985",
  counterparty: "Heron Fund",
  direction: "house_sells",
  notional: "10000000",
  currency: "CNY",
  start: "2026-01-05",
  end: "2028-01-05",
  status: "live",
  flags: [],
  version: 1,
  seq: 3,
  next_observation: null,
  observed_to: null,
  outcome: null,
  pv: null,
  pv_as_of: null,
  updated_at: NOW,
  terms: {},
  state: {
    values: {},
    ki_date: null,
    outcome: null,
    outcome_date: null,
    observed_to: null,
    waiting_for: null,
    size: null,
    reviews: [],
    replacement: null,
    net_cash: "0",
  },
  allowed: ["amend", "terminate", "barrier-hit", "review-closed"],
  words: { en: [], zh: [] },
  quote_id: null,
  open_approval: null,
};

const approval: Approval = {
  id: "a-1",
  no: 1,
  kind: "booking",
  trade_id: "T-1",
  event_kind: null,
  words: { en: "Book it", zh: "入账" },
  reason: "agreed",
  difference: null,
  document: {},
  subject: "trade:T-1",
  state: "open",
  maker: "trader",
  checker: null,
  comment: "",
  created_at: NOW,
  expires_at: NOW,
  decided_at: null,
};

const isOff = (name: string): boolean =>
  screen.getByRole("button", { name }).getAttribute("aria-disabled") === "true";
const why = (name: string): string =>
  screen.getByRole("button", { name }).getAttribute("aria-description") ?? "";

describe("what may be done about a contract", () => {
  const offered = async (roles: string[]): Promise<string[]> => {
    await stage(<TradeActions trade={trade} />, { roles });
    fireEvent.click(screen.getByRole("button", { name: /Actions/ }));
    const items = screen.queryAllByRole("menuitem");
    return items.map((item) => item.textContent ?? "");
  };

  it("is_split_between_the_roles_of_the_desk", async () => {
    expect(await offered(["trader"])).toEqual(["Amend", "Early termination"]);
  });

  it("is_another_half_for_the_middle_office", async () => {
    expect(await offered(["middle_office"])).toEqual(["Barrier hit", "Close review"]);
  });

  it("is_nothing_for_an_auditor_who_reads_why", async () => {
    expect(await offered(["auditor"])).toEqual([]);
    expect(isOff("Actions")).toBe(true);
    expect(why("Actions")).toBe("This takes the role Trader; you are Auditor.");
  });

  it("shows_a_first_step_of_another_role_switched_off", async () => {
    const draft = { ...trade, status: "draft" as const, allowed: ["submit"] };
    await stage(<TradeActions trade={draft} />, { roles: ["middle_office"] });
    expect(isOff("Submit")).toBe(true);
    fireEvent.click(screen.getByRole("button", { name: "Submit" }));
    expect(screen.queryByRole("dialog")).toBeNull();
  });
});

describe("the decision of a second person", () => {
  it("is_not_the_settlement_clerks", async () => {
    const sent = await stage(<ApprovalCard approval={approval} decided={() => undefined} />, {
      roles: ["settlement"],
    });
    expect(isOff("Approve")).toBe(true);
    expect(why("Approve")).toContain("Middle office or Risk");
    fireEvent.click(screen.getByRole("button", { name: "Approve" }));
    expect(sent).toEqual([]);
  });

  it("is_not_the_makers_whatever_their_role", async () => {
    await stage(
      <ApprovalCard approval={{ ...approval, maker: "somebody" }} decided={() => undefined} />,
      { roles: ["risk"] },
    );
    expect(why("Approve")).toContain("You made this yourself");
  });

  it("is_taken_by_risk", async () => {
    const sent = await stage(<ApprovalCard approval={approval} decided={() => undefined} />, {
      roles: ["risk"],
    });
    fireEvent.click(screen.getByRole("button", { name: "Approve" }));
    await expect
      .poll(() => sent, { timeout: 60_000 })
      .toEqual(["POST /api/otc/v1/approvals/a-1/approve"]);
  });
});

it("a_file_of_fixings_is_not_taken_from_a_trader", async () => {
  await stage(<ImportCard />, { roles: ["trader"] });
  const input = screen.getByLabelText("CSV or XLSX file");
  expect((input as HTMLInputElement).disabled).toBe(true);
  expect(screen.getByText("This takes the role Middle office; you are Trader.")).toBeTruthy();
});

describe("the language of the page", () => {
  it("is_that_of_an_approvals_heading_and_of_what_it_is_for", async () => {
    const payment = { ...approval, kind: "event", event_kind: "settlement-instructed" };
    await stage(<ApprovalCard approval={payment} decided={() => undefined} />, {
      roles: ["risk"],
      language: "zh-CN",
    });
    expect(screen.getByRole("article").getAttribute("aria-label")).toBe("付款已指令 T-1");
    expect(screen.getByText("入账")).toBeTruthy();
    expect(screen.queryByText("Book it")).toBeNull();
  });

  it("is_that_of_a_cash_flows_formula", async () => {
    const flow: Flow = {
      id: "f-1",
      trade_id: "T-1",
      trade_no: 1,
      counterparty: "Heron Fund",
      leg: "premium",
      kind: "contract",
      amount: "100",
      house: "100",
      currency: "CNY",
      payer: "counterparty",
      payee: "house",
      observed: "2026-05-18",
      pay_date: "2026-05-20",
      status: "determined",
      trace: "premium 100",
      trace_text: { en: "premium 100", zh: "期权费 100" },
      netting_set: "n",
      reverses: null,
    };
    const Formula = () => {
      const column = useFlowColumns({ withTrade: false }).find(({ key }) => key === "trace");
      return <>{column?.cell(flow)}</>;
    };
    await stage(<Formula />, { roles: ["risk"], language: "zh-CN" });
    expect(screen.getByText("期权费 100")).toBeTruthy();
    expect(screen.queryByText("premium 100")).toBeNull();
  });
});
