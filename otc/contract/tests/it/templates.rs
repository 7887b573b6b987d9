//! A sheet of every product and preset, and what the catalogue refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::{Compiled, Initials, compile_with};
use rialto_otc_contract::document::Node;
use rialto_otc_contract::finding::Sink;
use rialto_otc_contract::interpret::{Memory, Record, Seen, walk};
use rialto_otc_contract::plan::Carry;
use rialto_otc_contract::syntax::{self, Vocabulary};
use rialto_otc_contract::templates::catalog::{PRODUCTS, find};
use rialto_otc_time::Calendars;
use serde_json::{Value, json};

use crate::templates_world::{codes, lot, note, pair, preset};

/// Every sheet under `tests/sheets/products`, by name.
fn sheets() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sheets/products");
    let files = std::fs::read_dir(folder).expect("the folder of sheets");
    files
        .map(|file| {
            let path = file.expect("a file").path();
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read_to_string(path).expect("reads"))
        })
        .collect()
}

fn compiled(name: &str, text: &str) -> Compiled {
    let sheet = TermSheet::from_text(text).unwrap_or_else(|e| panic!("{name}:\n{e}"));
    let compiled = compile_with(&sheet, Calendars::builtin(), &Initials::new());
    compiled.unwrap_or_else(|e| panic!("{name}:\n{e}"))
}

#[test]
fn every_product_and_preset_has_a_sheet() {
    let seen: BTreeSet<(String, Option<String>)> = sheets()
        .values()
        .map(|text| {
            let sheet: Value = serde_json::from_str(text).expect("JSON");
            let template = sheet["template"].as_str().expect("a template");
            let name = template.split('/').next().expect("a name").to_owned();
            (name, sheet["preset"].as_str().map(str::to_owned))
        })
        .collect();
    for product in &PRODUCTS {
        assert!(
            seen.contains(&(product.name.to_owned(), None)),
            "{}",
            product.name
        );
        for preset in product.presets {
            let wanted = (product.name.to_owned(), Some((*preset).to_owned()));
            assert!(seen.contains(&wanted), "{} {preset}", product.name);
        }
    }
}

#[test]
fn every_sheet_compiles_and_ends_on_a_flat_path() {
    for (name, text) in sheets() {
        let contract = compiled(&name, &text);
        let plan = &contract.plan;
        let initials: Vec<_> = plan.underlyings.iter().map(|u| u.initial).collect();
        let mut memory = Memory::new(plan);
        let mut record = Record::default();
        let walked = walk(
            plan,
            &mut memory,
            |_| Some(Seen::fixings(&initials)),
            &mut record,
        );
        assert!(walked.is_ok(), "{name}: {walked:?}");
        assert!(!memory.alive, "{name}");
    }
}

#[test]
fn every_sheet_goes_to_json_and_back_with_the_same_plan() {
    for (name, text) in sheets() {
        let sheet = TermSheet::from_text(&text).expect("reads");
        let again = TermSheet::from_text(&sheet.to_json()).expect("reads again");
        assert_eq!(sheet, again, "{name}");
        let plan = compiled(&name, &text).plan;
        assert_eq!(plan, compiled(&name, &again.to_json()).plan, "{name}");
    }
}

#[test]
fn the_program_of_every_product_is_written_and_read_unchanged() {
    for (name, text) in sheets() {
        let contract = compiled(&name, &text);
        let codes = contract
            .plan
            .underlyings
            .iter()
            .map(|u| u.code.as_str())
            .collect();
        let schedules = contract.schedules.iter().map(|schedule| {
            let columns = schedule.columns.keys().map(String::as_str).collect();
            (schedule.name.as_str(), columns)
        });
        let vocabulary = Vocabulary {
            codes,
            schedules: schedules.collect(),
        };
        let written = syntax::write(&contract.program);
        let sink = Sink::default();
        let read = syntax::read_node(&written, &vocabulary, &sink);
        let findings = sink.into_findings();
        assert!(!findings.has_errors(), "{name}:\n{findings}");
        let read = read.map(|program| syntax::write(&program).to_json());
        assert_eq!(read, Some(written.to_json()), "{name}");
    }
}

/// Autocallables, accruals and memories stay within what quadrature carries: no path variable.
#[test]
fn no_product_but_the_averages_needs_a_path() {
    for (name, text) in sheets() {
        let plan = compiled(&name, &text).plan;
        let path = plan.vars.iter().any(|var| var.carry == Carry::Path);
        let averages = name.starts_with("asian") || name == "enhanced_asian";
        assert_eq!(path, averages, "{name}");
    }
}

#[test]
fn closed_forms_are_named_where_they_hold() {
    let named: Vec<String> = sheets()
        .iter()
        .map(|(name, text)| {
            let shape = compiled(name, text).plan.shape;
            let shape = shape.map(|shape| {
                let text = format!("{shape:?}");
                let end = text.find(['(', ' ']).unwrap_or(text.len());
                text[..end].to_owned()
            });
            format!("{name}: {}", shape.unwrap_or_else(|| "-".to_owned()))
        })
        .collect();
    insta::assert_snapshot!(named.join("\n"));
}

#[test]
fn unknown_templates_presets_and_fields_are_told_with_the_nearest_name() {
    let text = |sheet: Value| codes(&sheet).join(", ");
    assert_eq!(text(note("snowbal", json!({}))), "E-TERM-TEMPLATE /terms");
    assert_eq!(
        text(preset("snowball", "stepdwn", json!({}))),
        "E-TERM-PRESET /terms"
    );
    assert_eq!(
        text(preset("european", "plus", json!({}))),
        "E-TERM-PRESET /terms"
    );
    let european = json!({"type": "call", "strike": "100%", "strik": "1"});
    assert_eq!(
        text(note("european", european)),
        "E-FIELD-UNKNOWN /terms/strik"
    );
    assert!(find("snowball").is_some_and(|product| product.zh == "雪球"));
}

#[test]
fn all_findings_of_a_sheet_come_at_once() {
    let terms = json!({"type": "cal", "side": "up", "knock": "out", "strike": "-1",
                       "barrier": "x", "monitoring": "continuous", "rebat": "1%"});
    assert_eq!(
        codes(&note("barrier", terms)),
        [
            "E-FIELD-CHOICE /terms/type",
            "E-TERM-LEVEL /terms/strike",
            "E-VALUE-LEVEL /terms/barrier",
            "E-FIELD-UNKNOWN /terms/rebat",
        ]
    );
}

#[test]
fn sizes_and_underlyings_are_checked() {
    let option = || json!({"type": "call", "strike": "100%"});
    assert_eq!(codes(&lot("snowball", json!({})))[0], "E-TERM-SIZE /terms");
    assert_eq!(
        codes(&note("accumulator", json!({})))[0],
        "E-TERM-SIZE /terms"
    );
    let two = pair("european", json!({"notional": "1"}), option());
    assert_eq!(codes(&two), ["E-TERM-UNDERLYINGS /terms"]);
    assert_eq!(
        codes(&note("worst_of", option())),
        ["E-TERM-UNDERLYINGS /terms"]
    );
    let priced = json!({"type": "call", "strike": "1", "measure": "price"});
    let sheet = pair("worst_of", json!({"notional": "1"}), priced);
    assert_eq!(codes(&sheet), ["E-TERM-MEASURE /terms/measure"]);
}

/// Every finding speaks both languages and says where.
#[test]
fn findings_speak_both_languages() {
    let bad = [
        note(
            "asian",
            json!({"type": "call", "strike": "1", "schedule": "daily", "weights": ["-1"]}),
        ),
        note(
            "sharkfin",
            json!({"type": "call", "strike": "100%", "barrier": "90%",
                                "monitoring": "daily"}),
        ),
        lot(
            "accumulator",
            json!({"strike": "1", "ko": "stop", "settlement": "daily"}),
        ),
        preset("phoenix", "dcn", json!({"coupon": {}, "ko": {}})),
    ];
    for sheet in bad {
        let findings = crate::templates_world::try_compile(&sheet).expect_err("refused");
        for finding in &findings {
            assert!(finding.en.ends_with('.'), "{finding}");
            assert!(finding.zh.chars().any(|c| c > '\u{2e80}'), "{finding}");
            assert!(!finding.pointer.is_empty(), "{finding}");
        }
    }
}

/// A document of any shape in the place of terms is refused, not more.
#[test]
fn terms_of_any_kind_are_refused_without_a_panic() {
    let odd = [
        json!(null),
        json!([]),
        json!("x"),
        json!({"ko": []}),
        json!({"zones": {}}),
        json!({"legs": [[]]}),
        json!({"ko": {"levels": {"first": 1}}, "coupon": 7}),
        json!({"schedule": {"times": []}, "weights": {}, "strike": {"a": 1}}),
    ];
    for product in &PRODUCTS {
        for terms in &odd {
            for sheet in [
                note(product.name, terms.clone()),
                lot(product.name, terms.clone()),
            ] {
                let text = sheet.to_string();
                assert!(Node::from_text(&text).is_ok());
                assert!(
                    crate::templates_world::try_compile(&sheet).is_err(),
                    "{text}"
                );
            }
        }
    }
}
