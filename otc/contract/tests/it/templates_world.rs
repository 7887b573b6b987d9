//! Contracts in years, and what they pay on paths made by hand.

use rialto_otc_contract::compile::{Compiled, Initials, compile_with};
use rialto_otc_contract::interpret::{Memory, Record, Seen, walk};
use rialto_otc_contract::value::round;
use rialto_otc_contract::{Findings, TermSheet};
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Four quarters: the grid of every contract here.
pub fn quarters() -> Value {
    json!({"n": 4, "dt": "0.25"})
}

/// A contract on `A` with an initial fixing of 100 over four quarters.
pub fn sheet(template: &str, size: Value, terms: Value) -> Value {
    let mut sheet = json!({
        "schema": "rialto.otc/1", "trade_id": "T-1", "template": format!("{template}/1"),
        "direction": "house_sells", "underlying": {"code": "A", "initial": "100"},
        "schedules": {"grid": quarters()}, "terms": terms, "clocks": {"all": "times"},
    });
    let all = sheet.as_object_mut().expect("an object");
    all.extend(size.as_object().expect("an object").clone());
    sheet
}

/// By a notional of one million.
pub fn note(template: &str, terms: Value) -> Value {
    sheet(template, json!({"notional": "1000000"}), terms)
}

/// By a notional of one million, with a preset.
pub fn preset(template: &str, name: &str, terms: Value) -> Value {
    sheet(
        template,
        json!({"notional": "1000000", "preset": name}),
        terms,
    )
}

/// By a quantity of 10.
pub fn lot(template: &str, terms: Value) -> Value {
    sheet(template, json!({"quantity": "10"}), terms)
}

/// By a quantity or notional on `A` and `B`, which begin at 100 and 50.
pub fn pair(template: &str, size: Value, terms: Value) -> Value {
    let mut sheet = sheet(template, size, terms);
    let all = sheet.as_object_mut().expect("an object");
    all.remove("underlying");
    let two = json!([{"code": "A", "initial": "100", "weight": "60%"},
                     {"code": "B", "initial": "50", "weight": "40%"}]);
    all.insert("underlyings".to_owned(), two);
    sheet
}

pub fn try_compile(sheet: &Value) -> Result<Compiled, Findings> {
    let sheet = TermSheet::from_value(sheet)?;
    compile_with(&sheet, Calendars::builtin(), &Initials::new())
}

pub fn compile(sheet: &Value) -> Compiled {
    match try_compile(sheet) {
        Ok(compiled) => compiled,
        Err(findings) => panic!("{sheet:#}\n{findings}"),
    }
}

/// Codes of the findings of a sheet that is refused.
pub fn codes(sheet: &Value) -> Vec<String> {
    let findings = try_compile(sheet).expect_err("the sheet is refused");
    findings
        .iter()
        .map(|f| format!("{} {}", f.code, f.pointer))
        .collect()
}

/// A payment: leg, currency units, when observed, when paid (years).
pub type Paid = (String, Decimal, f64, f64);

/// Everything paid on a path with one price for each instant, zeros left out.
pub fn flows(contract: &Compiled, path: &[Vec<Decimal>]) -> Vec<Paid> {
    let plan = &contract.plan;
    assert_eq!(
        path.len(),
        plan.instants.len(),
        "one fixing for each instant"
    );
    let mut memory = Memory::new(plan);
    let mut record = Record::default();
    let walked = walk(
        plan,
        &mut memory,
        |n| Some(Seen::fixings(&path[n])),
        &mut record,
    );
    walked.expect("walks");
    let flows = record.flows.iter().filter(|flow| !flow.amount.is_zero());
    flows
        .map(|flow| {
            (
                flow.leg.to_owned(),
                flow.amount,
                flow.observed.rate,
                flow.at.rate,
            )
        })
        .collect()
}

/// Prices written as numbers.
pub fn prices(path: &[&str]) -> Vec<Vec<Decimal>> {
    path.iter()
        .map(|price| vec![price.parse().expect("a price")])
        .collect()
}

/// What a contract pays, in words: `coupon 60000 @0.5`.
pub fn pays(sheet: &Value, path: &[&str]) -> String {
    told(&flows(&compile(sheet), &prices(path)))
}

pub fn told(flows: &[Paid]) -> String {
    let words = flows.iter().map(|(leg, amount, observed, at)| {
        let amount = round(*amount, 4).normalize();
        match observed == at {
            true => format!("{leg} {amount} @{at}"),
            false => format!("{leg} {amount} @{observed}>{at}"),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Sum of all payments.
pub fn total(contract: &Compiled, path: &[Vec<Decimal>]) -> Decimal {
    flows(contract, path).iter().map(|flow| flow.1).sum()
}
