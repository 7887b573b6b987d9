//! What is asked of each reader.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use rialto_otc_contract::compile::{Compiled, compile_with};
use rialto_otc_contract::explain::{Language, explain};
use rialto_otc_contract::interpret::{Memory, Record, Seen, walk};
use rialto_otc_contract::sheet::Product;
use rialto_otc_contract::{Findings, TermSheet};
use rialto_otc_lifecycle::{Event, Payload};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::ModelConfig;
use rialto_otc_pricing::valuation::prepare;
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;
use serde_json::Value;

/// A contract that every market is looked at for.
const SNOWBALL: &str = include_str!("../../contract/tests/spec/snowball.json");

static CONTRACT: LazyLock<Option<TermSheet>> =
    LazyLock::new(|| TermSheet::from_text(SNOWBALL).ok());

/// The market of the examples.
static MARKET: LazyLock<Option<Snapshot>> = LazyLock::new(|| {
    let text = include_str!("../../../examples/otc/market.json");
    Snapshot::from_text(text).ok().map(|(snapshot, _)| snapshot)
});

/// Every finding says something in both languages; its codes are the outcome.
fn told(findings: &Findings) -> Result<String, String> {
    if findings.is_empty() {
        return Err("refused without a finding".to_owned());
    }
    let mut codes = BTreeSet::new();
    for finding in findings {
        if finding.en.is_empty() || finding.zh.is_empty() || finding.code.is_empty() {
            return Err(format!("a finding says nothing: {finding:?}"));
        }
        let place = finding.pointer.split('/').nth(1).unwrap_or_default();
        codes.insert(format!("{}@{place}", finding.code));
    }
    Ok(codes.into_iter().collect::<Vec<_>>().join(" "))
}

/// A term sheet: read, written and read again, compiled, told in words, walked along flat fixings.
///
/// # Errors
/// Where it contradicts itself.
pub fn sheet(text: &str) -> Result<String, String> {
    let sheet = match TermSheet::from_text(text) {
        Ok(sheet) => sheet,
        Err(findings) => return told(&findings),
    };
    let written = sheet.to_json();
    match TermSheet::from_text(&written) {
        Ok(again) if again.to_json() == written && again.hash() == sheet.hash() => {}
        Ok(again) => {
            return Err(format!(
                "written twice, two texts:\n{written}\n{}",
                again.to_json()
            ));
        }
        Err(findings) => return Err(format!("what it wrote it refuses: {findings}\n{written}")),
    }
    let calendars = Calendars::builtin();
    let initials = [("XSHG:000905", 5802), ("A", 100), ("B", 50)]
        .map(|(code, price)| (code.to_owned(), Decimal::from(price)));
    let compiled = match compile_with(&sheet, calendars, &initials.into()) {
        Ok(compiled) => compiled,
        Err(findings) => return told(&findings),
    };
    let words = explain(&compiled, Language::En);
    if words.is_empty() || explain(&compiled, Language::Zh).is_empty() {
        return Err("a contract without words".to_owned());
    }
    let walked = walked(&compiled);
    let priced = match &*MARKET {
        Some(market) => match prepare(&sheet, market, calendars, None, &ModelConfig::default()) {
            Ok(_) => "prepared".to_owned(),
            Err(findings) => told(&findings)?,
        },
        None => return Err("the market of the examples does not read".to_owned()),
    };
    let product = match &sheet.product {
        Product::Template { name, preset, .. } => format!("{name} {preset:?}"),
        Product::Program(_) => "program".to_owned(),
    };
    let shape = format!("{product} {}", compiled.plan.class.discrete_states);
    Ok(format!("ok {shape} {walked} {priced}"))
}

fn walked(contract: &Compiled) -> String {
    let plan = &contract.plan;
    let fixings: Vec<Decimal> = plan.underlyings.iter().map(|name| name.initial).collect();
    let mut memory = Memory::new(plan);
    let mut record = Record::default();
    let seen = |_| Some(Seen::fixings(&fixings));
    match walk(plan, &mut memory, seen, &mut record) {
        Ok(_) => format!("{} flows", record.flows.len().min(9)),
        Err(error) => error.to_string().chars().take(24).collect(),
    }
}

/// A market: read, written canonically and read again, seen by a contract.
///
/// # Errors
/// Where it contradicts itself.
pub fn market(text: &str) -> Result<String, String> {
    let (snapshot, notices) = match Snapshot::from_text(text) {
        Ok(read) => read,
        Err(findings) => return told(&findings),
    };
    match Snapshot::from_text(snapshot.canonical()) {
        Ok((again, _)) if again.id() == snapshot.id() => {}
        Ok((again, _)) => {
            let (one, two) = (snapshot.canonical(), again.canonical());
            return Err(format!("one market, two ids:\n{one}\n{two}"));
        }
        Err(findings) => return Err(format!("what it wrote it refuses: {findings}")),
    }
    let calendars = Calendars::builtin();
    let arbitrage = snapshot.arbitrage(calendars).iter().count().min(3);
    let Some(contract) = &*CONTRACT else {
        return Err("the snowball does not read".to_owned());
    };
    let seen = match prepare(
        contract,
        &snapshot,
        calendars,
        None,
        &ModelConfig::default(),
    ) {
        Ok(prepared) => {
            let name = &prepared.model.names[0];
            if !(name.spot.is_finite() && name.spot > 0.0) {
                return Err(format!("a spot of {}", name.spot));
            }
            "prepared".to_owned()
        }
        Err(findings) => told(&findings)?,
    };
    let notices = notices.iter().count().min(3);
    Ok(format!("ok {notices} {arbitrage} {seen}"))
}

/// An event: the whole record, or a payload with its kind.
///
/// # Errors
/// Where it contradicts itself.
pub fn event(text: &str) -> Result<String, String> {
    let whole = match serde_json::from_str::<Event>(text) {
        Ok(event) => {
            let written = serde_json::to_string(&event).map_err(|error| error.to_string())?;
            let again: Event = serde_json::from_str(&written)
                .map_err(|error| format!("what it wrote it refuses: {error}\n{written}"))?;
            if again != event || again.content_hash() != event.content_hash() {
                return Err(format!("written twice, two events:\n{written}"));
            }
            format!("ok {}", event.kind.text())
        }
        Err(error) => short(&error.to_string()),
    };
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Ok(whole);
    };
    let kind = value["kind"].as_str().unwrap_or("book").to_owned();
    let payload = match Payload::read(&kind, value["payload"].clone()) {
        Ok(payload) => {
            let written = serde_json::to_value(&payload).map_err(|error| error.to_string())?;
            match Payload::read(&kind, written.clone()) {
                Ok(again) if again == payload => format!("ok {kind}"),
                Ok(_) => return Err(format!("written twice, two payloads: {written}")),
                Err(refusal) => {
                    return Err(format!("what it wrote it refuses: {refusal} {written}"));
                }
            }
        }
        Err(refusal) if refusal.en.is_empty() || refusal.zh.is_empty() => {
            return Err(format!("a refusal says nothing: {refusal:?}"));
        }
        Err(refusal) => short(&refusal.en),
    };
    Ok(format!("{payload}; {whole}"))
}

/// A message without the values in it, so that it names a kind of refusal.
fn short(message: &str) -> String {
    let letters = message.chars().filter(|c| !c.is_ascii_digit());
    letters.take(90).collect()
}
