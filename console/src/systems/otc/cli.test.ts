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

it("a_list_is_asked_for_with_its_address_quoted_and_the_token_from_the_environment", () => {
  expect(cli.fetch("http://127.0.0.1:1/api/otc/v1/trades?q=it's&sort=-pv")).toBe(
    'curl --fail-with-body --silent --show-error --header "Authorization: Bearer ${RIALTO_TOKEN:?holds no access token}" ' +
      String.raw`'http://127.0.0.1:1/api/otc/v1/trades?q=it'\''s&sort=-pv'`,
  );
});
