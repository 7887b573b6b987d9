// @vitest-environment jsdom
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Change, Samples, Tried, Version } from "@/api/contract.esb";
import { stage } from "../../../test/stage";
import { ChangesTab } from "./pages/interface/ChangesTab";
import { CodeSamples } from "./pages/interface/CodeSamples";
import { headersOf, TryIt } from "./pages/interface/TryIt";

const SAMPLES: Samples = {
  base: "http://127.0.0.1:9000/account.fund/v1",
  method: "GET",
  target: "/funds/7",
  headers: [],
  body: null,
  open: ["query n: no value can be made"],
  samples: [
    { language: "curl", text: "curl -X GET 'http://127.0.0.1:9000/account.fund/v1/funds/7'" },
    { language: "python", text: "import urllib.request" },
  ],
};

describe("the code of a request", () => {
  it("is_shown_in_the_language_that_is_chosen_and_says_what_is_left_to_fill_in", async () => {
    await stage(<CodeSamples version="v-1" no={3} />, {
      roles: ["caller"],
      answers: { "/api/esb/v1/versions/v-1/operations/3/samples": SAMPLES },
    });
    const code = await screen.findByRole("region", { name: "Call it" });
    expect(code.textContent).toContain("/account.fund/v1/funds/7");
    fireEvent.click(screen.getByText("Python"));
    expect(code.textContent).toBe("import urllib.request");
    expect(screen.getByText(/no value can be made/)).toBeTruthy();
  });
});

describe("a request that is tried", () => {
  const tried: Tried = {
    method: "GET",
    url: "http://127.0.0.1:9000/account.fund/v1/funds/7",
    sent: [["x-api-key", "rk_…"]],
    status: 200,
    headers: [["content-type", "application/json"]],
    body: '{"fund_id":7}',
    binary: null,
    truncated: false,
    took_ms: 12,
    findings: [
      { direction: "response", place: "body/fund_id", keyword: "type", message: "is no string" },
    ],
  };
  const own = { code: "mobile-app", name: "Mobile app", owner: "somebody", created_by: "somebody" };
  const at = "/api/esb/v1/versions/v-1/operations/3";

  it("is_sent_by_the_house_and_shows_its_answer_and_what_does_not_fit", async () => {
    const sent = await stage(<TryIt version="v-1" no={3} />, {
      roles: ["caller"],
      answers: {
        [`${at}/samples`]: SAMPLES,
        [`${at}/trials`]: tried,
        "/api/esb/v1/applications": { items: [own], next_page_token: null },
      },
    });
    const target = await screen.findByLabelText("GET path and query");
    expect((target as HTMLInputElement).value).toBe("/funds/7");
    // A button that may not be pressed yet is another one.
    const send = (): HTMLElement => screen.getByRole("button", { name: "Send" });
    await waitFor(() => expect(send().getAttribute("aria-description")).toBeNull());
    fireEvent.click(send());
    const answer = await screen.findByRole("region", { name: "Answer" });
    expect(answer.textContent).toContain("12 ms");
    expect(within(answer).getByRole("list").textContent).toContain("body/fund_id is no string");
    expect(within(answer).getByRole("region", { name: "Body of the answer" }).textContent).toBe(
      '{\n  "fund_id": 7\n}',
    );
    expect(sent).toEqual([`POST ${at}/trials`]);
  });

  it("is_not_sent_by_somebody_without_an_application", async () => {
    await stage(<TryIt version="v-1" no={3} />, {
      roles: ["auditor"],
      answers: {
        [`${at}/samples`]: SAMPLES,
        "/api/esb/v1/applications": { items: [], next_page_token: null },
      },
    });
    const send = await screen.findByRole("button", { name: "Send" });
    expect(send.getAttribute("aria-disabled")).toBe("true");
    expect(send.getAttribute("aria-description")).toContain("caller");
  });

  it("takes_its_headers_by_line", () => {
    expect(headersOf("Accept: */*\n\n x-trace:a:b \nodd")).toEqual([
      ["Accept", "*/*"],
      ["x-trace", "a:b"],
      ["odd", ""],
    ]);
  });
});

describe("a comparison", () => {
  it("names_the_callers_it_breaks", async () => {
    const change: Change = {
      rule: "OP01",
      severity: "error",
      operations: ["GET /funds/{id}"],
      at: "",
      old: null,
      new: null,
      text: { en: "It is gone.", zh: "已删除。" },
    };
    const version = { id: "v-2", number: "2.0.0", definition: {} } as Version;
    await stage(<ChangesTab version={version} versions={[version]} />, {
      roles: ["interface_manager"],
      answers: {
        "/api/esb/v1/versions/v-2/changes": {
          base: "v-1",
          base_number: "1.0.0",
          verdict: "error",
          total: 1,
          items: [change],
          next_page_token: null,
          callers: [
            {
              application: "mobile-app",
              name: "Mobile app",
              owner: "caller",
              environments: ["production"],
              operations: ["GET /funds/{id}"],
              errors: 1,
              warnings: 0,
              requests: 4_200,
              last_call_at: "2026-05-18T08:00:00Z",
            },
          ],
        },
      },
    });
    const table = await screen.findByRole("table", { name: "Affected callers" });
    const row = within(table).getByText("mobile-app").closest("tr");
    expect(row?.textContent).toContain("caller");
    expect(row?.textContent).toContain("GET /funds/{id}");
    expect(screen.getByText("1 caller is affected")).toBeTruthy();
  });
});
