//! Every autocallable of the specification's section 6 in mid-life: two engines that share nothing
//! but the plan agree within 0.1 bp of notional, whatever the contract remembers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::compile;
use rialto_otc_contract::envelope::State;
use rialto_otc_contract::program::VarKind;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::ModelConfig;
use rialto_otc_pricing::engine::Engine;
use rialto_otc_pricing::pde::FiniteDifferences;
use rialto_otc_pricing::quad::Quadrature;
use rialto_otc_pricing::valuation::prepare;
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;

use crate::world::{ask, products};

/// A form that no sheet of the products has: which sheet, what it is, and what stands instead of what.
const FORMS: [(&str, &str, &str, &str); 4] = [
    (
        "snowball",
        "without principal",
        "\"terms\": {",
        "\"terms\": {\"principal\": {\"included\": false},",
    ),
    (
        "snowball-limited_loss",
        "without principal",
        "\"terms\": {",
        "\"terms\": {\"principal\": {\"included\": false},",
    ),
    (
        "snowball",
        "knocked in month by month",
        "{\"schedule\": \"daily\"",
        "{\"schedule\": {\"freq\": \"1m\"}",
    ),
    (
        "phoenix",
        "without memory",
        "\"memory\": true",
        "\"memory\": false",
    ),
];

fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/tests/sheets/products");
    std::fs::read_to_string(folder.join(name).with_extension("json")).expect("a sheet")
}

/// Sheets of all presets, and of the forms beside them.
fn sheets() -> Vec<(String, TermSheet)> {
    let read = |name: &str, text: &str| {
        TermSheet::from_text(text).unwrap_or_else(|findings| panic!("{name}:\n{findings}"))
    };
    let mut all: Vec<(String, TermSheet)> = products()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("snowball") || name.starts_with("phoenix"))
        .map(|name| (name.clone(), read(&name, &text(&name))))
        .collect();
    for (name, form, from, to) in FORMS {
        let text = text(name);
        assert!(text.contains(from), "{name} says {from}");
        let changed = text.replacen(from, to, 1);
        let name = format!("{name}, {form}");
        let sheet = read(&name, &changed);
        all.push((name, sheet));
    }
    all
}

/// What a contract may remember: nothing yet, and each of its variables at work, alone and together.
fn memories(sheet: &TermSheet) -> Vec<BTreeMap<String, Decimal>> {
    let plan = compile(sheet, Calendars::builtin()).unwrap_or_else(|found| panic!("{found}"));
    let vars: Vec<(String, Decimal)> = plan
        .vars
        .iter()
        .map(|var| {
            let most = match var.kind {
                VarKind::Flag => Decimal::ONE,
                VarKind::Count { max } => Decimal::from(max.saturating_sub(1).max(1)),
                VarKind::Sum => Decimal::TWO,
            };
            (var.name.clone(), most)
        })
        .collect();
    let none: BTreeMap<String, Decimal> = vars
        .iter()
        .map(|(name, _)| (name.clone(), Decimal::ZERO))
        .collect();
    let mut all = vec![none.clone()];
    for (name, most) in &vars {
        let mut one = none.clone();
        one.insert(name.clone(), *most);
        all.push(one);
    }
    if vars.len() > 1 {
        all.push(vars.into_iter().collect());
    }
    all
}

/// A market after the close of a day, with the spot at this share of the initial fixing.
fn market(sheet: &TermSheet, date: &str, share: f64) -> Snapshot {
    let code = &sheet.underlyings[0].code;
    let initial = match code.as_str() {
        "XSHG:000852" => 6418.37,
        _ => 5802.16,
    };
    let text = format!(
        r#"{{"schema": "rialto.market/1", "as_of": {{"date": "{date}", "phase": "post_close"}},
        "discount": {{"CNY": "1.7%"}}, "underlyings": {{"{code}":
        {{"spot": "{:.2}", "q": "4%", "vol": "23%"}}}}}}"#,
        share * initial
    );
    let read = Snapshot::from_text(&text);
    read.unwrap_or_else(|findings| panic!("{findings}\n{text}"))
        .0
}

#[test]
fn two_engines_agree_on_every_autocallable_in_mid_life_whatever_it_remembers() {
    let (mut wrong, mut count, mut remembered) = (String::new(), 0, 0);
    let calendars = Calendars::builtin();
    for (name, sheet) in sheets() {
        for values in memories(&sheet) {
            remembered += usize::from(values.values().any(|value| !value.is_zero()));
            // Near the knock-in, and just above the initial level in the last weeks.
            for (date, share) in [("2026-10-22", 0.76), ("2027-02-18", 1.01)] {
                let mut lived = sheet.clone();
                lived.state = Some(State {
                    values: values.clone(),
                    ..State::default()
                });
                let snapshot = market(&sheet, date, share);
                let prepared = prepare(&lived, &snapshot, calendars, None, &ModelConfig::default());
                let prepared =
                    prepared.unwrap_or_else(|findings| panic!("{name} {date}:\n{findings}"));
                let (plan, model) = (&prepared.plan, &prepared.model);
                let engines: [&dyn Engine; 2] = [&Quadrature, &FiniteDifferences];
                let [a, b] = engines.map(|engine| {
                    let priced = engine.price(plan, model, &ask(plan));
                    priced.unwrap_or_else(|error| panic!("{name} {values:?} {date}: {error}"))
                });
                count += 1;
                let off = (a.value - b.value).abs();
                // 0.1 bp.
                if off > 1e-5 * plan.notional.abs() {
                    let _ = writeln!(
                        wrong,
                        "{name} {values:?} {date}: {} and {}",
                        a.value, b.value
                    );
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(
        count >= 90 && remembered >= 24,
        "{count} prices, {remembered} remembered"
    );
}
