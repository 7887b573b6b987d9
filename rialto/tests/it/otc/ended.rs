//! Contracts that have ended and not yet paid all.

use serde_json::{Value, json};

use super::{answer, four_weeks, number, otc, text};

/// The example market at another close, with prices of the index up to then.
fn market_on(date: &str, fixings: &[(&str, &str)]) -> String {
    let mut market: Value = serde_json::from_str(&text("market.json")).unwrap();
    market["as_of"]["date"] = json!(date);
    market["underlyings"]["XSHG:000905"]["q"] = json!("3%");
    let list = fixings
        .iter()
        .map(|(day, price)| ((*day).to_owned(), json!(price)));
    market["fixings"] = json!({"XSHG:000905": Value::Object(list.collect())});
    market.to_string()
}

#[test]
fn an_ended_contract_is_worth_what_it_still_pays() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let priced = |more: &[&str]| {
        let words = ["price", "--terms", "s.json", "--market", "m.json"];
        answer(folder.path(), &[&words, more].concat())
    };
    // A put on its last day: 80 % of 95 % less 5400 / 5802.16, unpaid yet.
    put("s.json", &text("european.json"));
    put(
        "m.json",
        &market_on("2027-03-09", &[("2027-03-09", "5400")]),
    );
    let found = priced(&[]);
    let payoff = 1e7 * 0.8 * (0.95 - 5400.0 / 5802.16);
    let value = number(&found["value"]);
    assert!(value < payoff && value > payoff * 0.999, "{value} {payoff}");
    assert_eq!(found["value"], found["value_determined"]);
    assert_eq!(
        (&found["engine"], &found["greeks"]["delta"]),
        (&json!("determined/1"), &json!([0.0]))
    );
    assert!(
        found["why"][0]["reason"]
            .as_str()
            .unwrap()
            .starts_with("determined flows discounted")
    );
    for engine in ["closed", "quad1d", "pde1d", "rqmc", "naive"] {
        let named = priced(&["--engine", engine, "--greeks", "none"]);
        assert_eq!(named["value"], found["value"], "{engine}");
    }
    // The cure that a missing fixing tells, without any fixing.
    put("m.json", &market_on("2027-03-09", &[]));
    let (code, out, _) = otc(
        folder.path(),
        &[
            "price", "--terms", "s.json", "--market", "m.json", "--output", "json",
        ],
    );
    assert!(
        code == 1 && out.contains("E-STATE-FIXING") && out.contains("pending"),
        "{code} {out}"
    );
    let told = text("european.json").replace(
        "\"terms\"",
        "\"state\": {\"ended\": true, \"pending\": [{\"leg\": \"payoff\", \"amount\": \"123\", \"pay\": \"2027-03-12\"}]}, \"terms\"",
    );
    put("s.json", &told);
    let told = number(&priced(&[])["value"]);
    assert!(told > 122.9 && told < 123.0, "{told}");
    // Knocked out on the second date; days later no later price is asked for.
    put("s.json", &four_weeks());
    let days = [("2026-03-16", "5700"), ("2026-03-23", "5900")];
    put("m.json", &market_on("2026-03-23", &days));
    let ended = priced(&[]);
    assert_eq!(ended["engine"], "determined/1");
    assert!(
        number(&ended["value"]) > 2e7 * 0.147 * 14.0 / 365.0 * 0.99,
        "{ended}"
    );
    put("m.json", &market_on("2026-04-15", &days));
    assert_eq!(number(&priced(&[])["value"]), 0.0);
}
