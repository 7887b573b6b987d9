import { expect, it } from "vitest";
import { cli } from "./cli";

it("a_command_carries_its_documents_word_for_word", () => {
  const terms = { trade_id: "it's $HOME `x`", note: "SHEET\nSHEET", notional: "10000000.00" };
  const lines = cli.price(terms, { as_of: { date: "2026-05-18" } }).split("\n");
  expect(lines).toEqual([
    "rialto otc price --market <(cat <<'MARKET'",
    '{"as_of":{"date":"2026-05-18"}}',
    "MARKET",
    ") --terms - <<'SHEET'",
    '{"trade_id":"it\'s $HOME `x`","note":"SHEET\\nSHEET","notional":"10000000.00"}',
    "SHEET",
  ]);
});
