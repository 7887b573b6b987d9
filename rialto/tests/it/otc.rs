//! `rialto otc` from outside: answers, places of findings, exit codes.

mod ended;
mod fixings;
mod language;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{rialto, run};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn example(name: &str) -> String {
    root().join("examples/otc").join(name).display().to_string()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(example(name)).unwrap()
}

/// Runs `rialto otc …` in a folder, English unless told otherwise.
fn otc(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = rialto(folder);
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    run(command.arg("otc").args(words))
}

fn answer(folder: &Path, words: &[&str]) -> Value {
    let (code, out, err) = otc(folder, &[words, &["--output", "json"]].concat());
    assert_eq!(code, 0, "{words:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn one_sheet_gives_an_object_and_many_an_array_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (snowball, european, market) = (
        example("snowball.json"),
        example("european.json"),
        example("market.json"),
    );
    let one = answer(
        folder.path(),
        &["price", "--terms", &snowball, "--market", &market],
    );
    for field in ["value", "greeks", "error_estimate", "engine", "why"] {
        assert!(one.get(field).is_some(), "{field} of {one}");
    }
    assert!(
        number(&one["error_estimate"]["abs"]) <= 200.0,
        "0.1 bp of 20 million: {one}"
    );
    let both = answer(
        folder.path(),
        &[
            "price", "--terms", &snowball, &european, "--market", &market,
        ],
    );
    assert_eq!(both[0], one);
    let array = format!("[{},\n{}]", text("snowball.json"), text("european.json"));
    std::fs::write(folder.path().join("array.json"), array).unwrap();
    assert_eq!(
        answer(
            folder.path(),
            &["price", "--terms", "array.json", "--market", &market]
        ),
        both
    );
    let line = |name: &str| {
        let value: Value = serde_json::from_str(&text(name)).unwrap();
        value.to_string()
    };
    let lines = format!("{}\n{}\n", line("snowball.json"), line("european.json"));
    std::fs::write(folder.path().join("lines.jsonl"), lines).unwrap();
    assert_eq!(
        answer(
            folder.path(),
            &["price", "--terms", "lines.jsonl", "--market", &market]
        ),
        both
    );
}

#[test]
fn a_surface_with_arbitrage_is_told_beside_the_price_of_its_own_underlying() {
    let folder = tempfile::tempdir().unwrap();
    let mut market: Value = serde_json::from_str(&text("market.json")).unwrap();
    let smile = |tenor: &str, a: f64| json!({"tenor": tenor, "a": a, "b": 0.05, "rho": -0.3, "m": 0, "s": 0.2});
    // Total variance falls with time.
    market["underlyings"]["XSHG:000905"]["vol"] =
        json!({"svi": [smile("6m", 0.05), smile("2y", 0.04)]});
    std::fs::write(folder.path().join("market.json"), market.to_string()).unwrap();
    let codes = |sheet: &str| {
        let words = [
            "price",
            "--terms",
            &example(sheet),
            "--market",
            "market.json",
        ];
        let told = answer(folder.path(), &words);
        let notes = told["notes"].as_array().cloned().unwrap_or_default();
        let code = |note: &Value| note["code"].as_str().unwrap().to_owned();
        notes.iter().map(code).collect::<Vec<_>>()
    };
    assert!(codes("snowball.json").contains(&"E-ARB-CALENDAR".to_owned()));
    // The sharkfin is one of another underlying.
    assert!(!codes("sharkfin.json").contains(&"E-ARB-CALENDAR".to_owned()));
}

#[test]
fn one_bad_sheet_among_many_fails_alone_and_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let bad = text("snowball.json").replace("71%", "103%");
    let array = format!("[\n{},\n{bad}]", text("european.json"));
    std::fs::write(folder.path().join("two.json"), &array).unwrap();
    let market = example("market.json");
    let words = [
        "price", "--terms", "two.json", "--market", &market, "--output", "json", "--greeks", "none",
    ];
    let (code, out, err) = otc(folder.path(), &words);
    assert_eq!(code, 1, "{err}");
    let list: Value = serde_json::from_str(&out).unwrap();
    assert!(list[0]["value"].is_f64(), "{out}");
    assert_eq!(list[1]["trade_id"], "EX-SNOWBALL");
    assert_eq!(list[1]["error"]["code"], "E-TERM-KI-LEVEL");
    let found = &list[1]["error"]["findings"][0];
    assert_eq!(found["file"], "two.json");
    let at = array.find("103%").unwrap() - 1;
    let line = array[..at].matches('\n').count() + 1;
    let column = at - array[..at].rfind('\n').unwrap();
    assert_eq!(
        (found["line"].as_u64(), found["column"].as_u64()),
        (Some(line as u64), Some(column as u64)),
        "{found}"
    );
    let place = format!("EX-SNOWBALL: two.json:{line}:{column}: E-TERM-KI-LEVEL /terms/ki/level: ");
    assert!(err.starts_with(&place), "{err}");
}

#[test]
fn standard_input_is_read_and_a_named_engine_is_the_one_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = rialto(folder.path());
    command.args([
        "otc",
        "price",
        "--terms",
        "-",
        "--market",
        &example("market.json"),
    ]);
    command.args(["--engine", "quad1d", "--output", "json", "--greeks", "spot"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text("snowball.json").as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["engine"], "quad1d/1");
    assert_eq!(value["why"][0]["reason"], "asked for by name");
    assert_eq!(
        value["greeks"]["vega"],
        json!([]),
        "only delta and gamma were wanted"
    );
    let (code, _, err) = otc(
        folder.path(),
        &[
            "price",
            "--terms",
            &example("basket.json"),
            "--market",
            &example("market.json"),
            "--engine",
            "quad1d",
        ],
    );
    assert_eq!(code, 1, "{err}");
    assert!(
        err.starts_with("E-ENGINE-REFUSED: quad1d/1 cannot price this"),
        "{err}"
    );
}

#[test]
fn a_solved_coupon_prices_back_and_is_rounded_for_the_house() {
    let folder = tempfile::tempdir().unwrap();
    let (terms, market) = (example("snowball.json"), example("market.json"));
    let words = [
        "solve", "--terms", &terms, "--market", &market, "--for", "coupon", "--target", "100%",
    ];
    let exact = answer(folder.path(), &words);
    std::fs::write(
        folder.path().join("solved.json"),
        exact["terms"].to_string(),
    )
    .unwrap();
    let priced = answer(
        folder.path(),
        &["price", "--terms", "solved.json", "--market", &market],
    );
    assert!(
        (number(&priced["value"]) - 2e7).abs() < 20.0,
        "0.01 bp: {priced}"
    );
    let rounded = answer(
        folder.path(),
        &[&words[..], &["--increment", "0.01%"]].concat(),
    );
    assert!(number(&rounded["number"]) <= number(&exact["number"]));
    assert!(number(&rounded["edge"]) >= 0.0, "{rounded}");
    let (code, _, err) = otc(
        folder.path(),
        &[
            "solve", "--terms", &terms, "--market", &market, "--for", "rebate", "--target", "1",
        ],
    );
    assert_eq!((code, err.split(':').next()), (1, Some("E-SOLVE-UNKNOWN")));
    let (code, _, err) = otc(
        folder.path(),
        &[
            "solve", "--terms", &terms, "--market", &market, "--for", "ki_level", "--target",
            "300%",
        ],
    );
    assert_eq!(
        (code, err.split(':').next()),
        (1, Some("E-SOLVE-RANGE")),
        "{err}"
    );
}

#[test]
fn ladders_and_desk_greeks_agree_with_the_price() {
    let folder = tempfile::tempdir().unwrap();
    let (terms, market) = (example("snowball.json"), example("market.json"));
    let ladder = answer(
        folder.path(),
        &[
            "ladder",
            "--terms",
            &terms,
            "--market",
            &market,
            "--spots",
            "70%:130%:7",
            "--engine",
            "quad1d",
        ],
    );
    let points = ladder["ladder"].as_array().unwrap();
    assert_eq!(points.len(), 7);
    assert!(
        (number(&points[3]["value"]) - number(&ladder["value"])).abs() < 200.0,
        "{ladder}"
    );
    let values: Vec<f64> = points.iter().map(|point| number(&point["value"])).collect();
    assert!(
        values.is_sorted(),
        "a snowball is worth more at higher spots: {values:?}"
    );
    let greeks = answer(
        folder.path(),
        &["greeks", "--terms", &terms, "--market", &market],
    );
    let name = &greeks["desk"]["underlyings"][0];
    let delta = number(&greeks["raw"]["delta"][0]);
    assert!((number(&name["cash_delta"]) + delta * 5802.16).abs() < 1e-6 * delta.abs() * 5802.16);
    assert!((number(&name["vega_1pt"]) + number(&greeks["raw"]["vega"][0]) / 100.0).abs() < 1e-6);
    let lots = number(&name["cash_delta"]) / (5738.6 * 200.0);
    assert_eq!(name["lots"]["future"], "IC2606");
    assert!((number(&name["lots"]["lots"]) - lots).abs() < 1e-9);
}

#[test]
fn flows_that_are_decided_and_unpaid_are_listed_with_their_value() {
    let folder = tempfile::tempdir().unwrap();
    let sheet = text("european.json").replace(
        "\"terms\"",
        "\"state\": {\"pending\": [{\"leg\": \"coupon\", \"amount\": \"1000\", \"pay\": \"2026-03-12\"}]}, \"terms\"",
    );
    std::fs::write(folder.path().join("s.json"), sheet).unwrap();
    let flows = answer(
        folder.path(),
        &[
            "cashflows",
            "--terms",
            "s.json",
            "--market",
            &example("market.json"),
        ],
    );
    assert_eq!(flows["determined"][0]["amount"], "1000");
    assert_eq!(flows["determined"][0]["pay"], "2026-03-12");
    let plain = answer(
        folder.path(),
        &[
            "cashflows",
            "--terms",
            &example("european.json"),
            "--market",
            &example("market.json"),
        ],
    );
    let more = number(&flows["value"]) - number(&plain["value"]);
    assert!(more > 999.0 && more < 1000.0, "{more}");
    // Either the engine gives flows, and they sum to the value, or it is said that it does not.
    match plain["projected_value"].as_f64() {
        Some(sum) => assert!(
            (sum - number(&plain["value"])).abs()
                <= 100.0 + number(&plain["error_estimate"]["abs"])
        ),
        None => assert!(
            plain["notes"].to_string().contains("N-FLOWS-ENGINE"),
            "{plain}"
        ),
    }
}

/// Weekly snowball of four dates whose fixings end it on the second.
fn four_weeks() -> String {
    text("snowball.json")
        .replace("2028-03-09", "2026-04-07")
        .replace(r#""ko": {"#, r#""ko": {"schedule": {"dates": ["2026-03-16", "2026-03-23", "2026-03-30", "2026-04-07"]}, "#)
        .replace(r#""ki": {"#, r#""ki": {"schedule": {"dates": ["2026-03-16", "2026-03-23", "2026-03-30", "2026-04-07"]}, "#)
}

#[test]
fn fixings_walk_a_contract_to_its_end_with_traces() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.json"), four_weeks()).unwrap();
    let csv = "date,code,value\n2026-03-16,XSHG:000905,4100\n2026-03-23,XSHG:000905,5900.5\n";
    std::fs::write(folder.path().join("f.csv"), csv).unwrap();
    let walked = answer(
        folder.path(),
        &["observe", "--terms", "s.json", "--fixings", "f.csv"],
    );
    assert_eq!(walked["status"], "ended_early");
    assert_eq!(walked["state"]["ki"], "1");
    let events: Vec<&str> = walked["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["set", "end"]);
    let zh = [
        "observe",
        "--terms",
        "s.json",
        "--fixings",
        "f.csv",
        "--lang",
        "zh",
    ];
    let (_, told, _) = otc(folder.path(), &zh);
    assert!(
        told.contains("终止 提前") && !told.contains("end early"),
        "{told}"
    );
    let amounts: Vec<&str> = walked["flows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flow| flow["amount"].as_str().unwrap())
        .collect();
    // 20,000,000 x 14.7 % x 14/365 = 112,767.123…
    assert!(amounts.contains(&"112767.12"), "{walked}");
    assert!(walked["flows"].to_string().contains("14/365"), "{walked}");
    let (code, out, err) = otc(
        folder.path(),
        &[
            "replay",
            "--terms",
            "s.json",
            "s.json",
            "--fixings",
            "f.csv",
            "--output",
            "json",
        ],
    );
    assert_eq!(code, 0, "{err}");
    let replayed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(replayed["summary"]["ended_early"], 2);
    assert_eq!(replayed["trades"][1], walked);
}

#[test]
fn a_fixing_that_is_missing_twice_or_wrong_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.json"), four_weeks()).unwrap();
    let table = [
        (
            "date,code,value\n2026-03-23,XSHG:000905,5000\n",
            1,
            "E-FIXING-MISSING: The fixing of XSHG:000905 on 2026-03-16 is missing.",
        ),
        (
            "date,code,value\n2026-03-16,XSHG:000905,5000\n2026-03-16,XSHG:000905,5001\n",
            2,
            "E-FIXING-TWICE: f.csv:3: ",
        ),
        (
            "date,code,value\n2026-03-16,XSHG:000905,NaN\n",
            2,
            "E-FIXING-VALUE: f.csv:2: ",
        ),
        (
            "date,code,value\n16.3.2026,XSHG:000905,1\n",
            2,
            "E-FIXING-DATE: f.csv:2: ",
        ),
        (
            "date,code,value\n2026-03-16,1\n",
            2,
            "E-FIXING-FORM: f.csv:2: ",
        ),
        ("when,code,value\n", 2, "E-FIXING-FORM: f.csv:1: "),
        (
            "[{\"date\": \"2026-03-16\"}]",
            2,
            "E-FIXING-FORM: f.csv:1: ",
        ),
        ("{\"XSHG:000905\": 7}", 2, "E-FIXING-FORM: f.csv:1: "),
    ];
    for (fixings, code, start) in table {
        std::fs::write(folder.path().join("f.csv"), fixings).unwrap();
        let (got, _, err) = otc(
            folder.path(),
            &["observe", "--terms", "s.json", "--fixings", "f.csv"],
        );
        assert_eq!(got, code, "{fixings}: {err}");
        assert!(err.starts_with(start), "{fixings}: {err}");
    }
    let fixings = r#"{"XSHG:000905": {"2026-03-16": "5000"}}"#;
    std::fs::write(folder.path().join("f.csv"), fixings).unwrap();
    let live = answer(
        folder.path(),
        &["observe", "--terms", "s.json", "--fixings", "f.csv"],
    );
    assert_eq!(
        (&live["status"], &live["to_come"]),
        (&json!("live"), &json!(3))
    );
    let (code, _, err) = otc(
        folder.path(),
        &[
            "observe",
            "--terms",
            "s.json",
            "--fixings",
            "f.csv",
            "--until",
            "2026-03-31",
        ],
    );
    assert!(code == 1 && err.contains("2026-03-23 is missing"), "{err}");
}

/// What is wrong, sheet, market, exit code.
type Case = (&'static str, String, String, i32);

fn wrong_fields() -> Vec<Case> {
    let (market, sheet) = (text("market.json"), text("snowball.json"));
    vec![
        (
            "NaN notional",
            sheet.replace("\"20000000\"", "\"NaN\""),
            market.clone(),
            1,
        ),
        (
            "bare NaN",
            sheet.replace("\"20000000\"", "NaN"),
            market.clone(),
            1,
        ),
        (
            "negative volatility",
            sheet.clone(),
            market.replace("21.5%", "-21.5%"),
            1,
        ),
        (
            "NaN spot",
            sheet.clone(),
            market.replace("\"5802.16\"", "\"NaN\""),
            1,
        ),
        (
            "crossed barriers",
            sheet.replace("71%", "103%"),
            market.clone(),
            1,
        ),
        (
            "unsorted schedule",
            four_weeks().replacen(
                "\"2026-03-16\", \"2026-03-23\"",
                "\"2026-03-23\", \"2026-03-16\"",
                1,
            ),
            market.clone(),
            1,
        ),
        (
            "empty schedule",
            four_weeks().replacen(
                "\"2026-03-16\", \"2026-03-23\", \"2026-03-30\", \"2026-04-07\"",
                "",
                1,
            ),
            market.clone(),
            1,
        ),
        (
            "unknown field",
            sheet.replace("\"bonus\"", "\"bonsu\""),
            market.clone(),
            1,
        ),
        (
            "no such template",
            sheet.replace("snowball/1", "snowbal/1"),
            market.clone(),
            1,
        ),
    ]
}

fn wrong_documents() -> Vec<Case> {
    let (market, sheet) = (text("market.json"), text("snowball.json"));
    vec![
        (
            "missing initial fixing",
            sheet.replace(
                "\"initial\": \"5802.16\"",
                "\"initial\": {\"rule\": \"close\", \"date\": \"2026-03-06\"}",
            ),
            market.clone(),
            1,
        ),
        (
            "missing past fixings",
            sheet.replace("2026-03-09", "2026-02-09"),
            market.clone(),
            1,
        ),
        (
            "no market for it",
            sheet.replace("XSHG:000905", "XSHG:000906"),
            market.clone(),
            1,
        ),
        (
            "beyond the calendars",
            sheet.replace("2028-03-09", "2090-03-09"),
            market.clone(),
            1,
        ),
        ("not JSON", "{\"schema\": ".to_owned(), market.clone(), 2),
        ("another thing", "just text".to_owned(), market.clone(), 1),
        ("nothing", String::new(), market.clone(), 2),
        ("an empty array", "[]".to_owned(), market.clone(), 2),
        (
            "a market that is not JSON",
            sheet.clone(),
            "[".to_owned(),
            2,
        ),
        (
            "a huge sheet",
            format!("{sheet}{}", " ".repeat(9 << 20)),
            market.clone(),
            2,
        ),
    ]
}

#[test]
fn bad_input_is_told_with_a_code_and_never_priced() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for (what, sheet, market, code) in wrong_fields().into_iter().chain(wrong_documents()) {
        std::fs::write(folder.path().join("s.json"), sheet).unwrap();
        std::fs::write(folder.path().join("m.json"), market).unwrap();
        let (got, out, err) = otc(
            folder.path(),
            &["price", "--terms", "s.json", "--market", "m.json"],
        );
        assert_eq!((got, out.as_str()), (code, ""), "{what}: {err}");
        let _ = writeln!(told, "{what}\n{err}");
    }
    insta::assert_snapshot!("bad_input", told);
    let (code, _, err) = otc(
        folder.path(),
        &["price", "--terms", "none.json", "--market", "m.json"],
    );
    assert!(
        code == 2 && err.starts_with("E-INPUT-FILE: none.json cannot be read"),
        "{err}"
    );
    std::fs::write(folder.path().join("s.json"), [0xff, 0xfe]).unwrap();
    let (code, _, err) = otc(
        folder.path(),
        &["price", "--terms", "s.json", "--market", "m.json"],
    );
    assert!(
        code == 2 && err.starts_with("E-INPUT-UTF8: s.json"),
        "{err}"
    );
}

#[test]
fn wrong_options_are_usage_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let (terms, market) = (example("snowball.json"), example("market.json"));
    for wrong in [
        vec!["--paths", "1000"],
        vec!["--tolerance", "NaN"],
        vec!["--as-of", "2026-03-09:noon"],
        vec!["--model", "sabr"],
        vec!["--greeks", "some"],
        vec!["--engine", "magic"],
    ] {
        let words = [
            &["price", "--terms", &terms, "--market", &market],
            wrong.as_slice(),
        ]
        .concat();
        let (code, out, err) = otc(folder.path(), &words);
        assert_eq!((code, out.as_str()), (2, ""), "{wrong:?}: {err}");
    }
}

#[test]
fn the_six_sheets_of_the_specification_are_valid_and_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let sheets = root().join("otc/contract/tests/sheets");
    let names = ["snowball", "phoenix", "accumulator", "sharkfin"];
    let mut files: Vec<String> = names
        .iter()
        .map(|name| sheets.join(format!("{name}.json")).display().to_string())
        .collect();
    files.push(
        root()
            .join("otc/contract/tests/spec/trs.json")
            .display()
            .to_string(),
    );
    files.push(
        root()
            .join("otc/contract/tests/spec/program.json")
            .display()
            .to_string(),
    );
    let mut words = vec!["validate", "--terms"];
    words.extend(files.iter().map(String::as_str));
    let valid = answer(folder.path(), &words);
    let valid = valid.as_array().unwrap();
    assert_eq!(valid.len(), 6);
    assert!(
        valid.iter().all(|sheet| sheet["valid"] == true),
        "{valid:?}"
    );
    let open = valid[0]["notices"].to_string();
    assert!(
        open.contains("N-TERM-INITIAL"),
        "the initial fixing is not known yet: {open}"
    );
    let (code, out, err) = otc(folder.path(), &["explain", "--terms", &files[5]]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!("the_program_in_words", out);
    let (code, out, err) = otc(
        folder.path(),
        &["explain", "--terms", &files[1], "--lang", "zh"],
    );
    assert!(code == 0 && out.contains("名义本金"), "{err}");
}

#[test]
fn every_page_of_a_product_shows_its_sheet_its_terms_and_the_value_of_today() {
    let folder = root().join("docs/reference/otc");
    let mut pages = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "md") || path.ends_with("README.md") {
            continue;
        }
        let page = std::fs::read_to_string(&path).unwrap();
        let sheet = page
            .split("examples/otc/")
            .nth(1)
            .and_then(|rest| rest.split(".json").next());
        if let (Some(sheet), Some(template)) = (sheet, template_of(&page)) {
            pages += 1;
            a_product_page_is_true(&path.display().to_string(), &page, sheet, template);
        }
    }
    assert_eq!(pages, 12);
}

/// The file name of the template whose table of terms a page shows.
fn template_of(page: &str) -> Option<&str> {
    let rest = page.split("<!-- terms of ").nth(1)?;
    rest.split(" -->").next()
}

/// The number at the head of the line that begins with `name`.
fn number_in_line(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.unwrap().trim().split(' ').next().unwrap();
    figure.replace(',', "").parse().unwrap()
}

fn a_product_page_is_true(shown: &str, page: &str, name: &str, template: &str) {
    assert!(
        page.contains(text(&format!("{name}.json")).trim()),
        "{shown}: another sheet"
    );
    // The table of terms is the template's own.
    let templates = root().join("otc/contract/src/templates");
    let template = std::fs::read_to_string(templates.join(template)).unwrap();
    let rows = template
        .lines()
        .filter_map(|line| line.strip_prefix("//! |"));
    for row in rows {
        assert!(page.contains(&format!("|{row}")), "{shown}: row {row}");
    }
    let (value, error) = (
        number_in_line(page, "value "),
        number_in_line(page, "error up to "),
    );
    let (sheet, market) = (example(&format!("{name}.json")), example("market.json"));
    let words = [
        "price", "--terms", &sheet, "--market", &market, "--greeks", "none",
    ];
    let now = answer(&root(), &words);
    // Another engine may be chosen since; both say how far off they may be.
    let allowed = 0.01 + 4.0 * (error + number(&now["error_estimate"]["abs"]));
    assert!(
        (number(&now["value"]) - value).abs() <= allowed,
        "{shown}: {} now",
        now["value"]
    );
}
