//! Contracts in words.

use rialto_otc_contract::explain::{Language, explain};

use crate::world::{SHEETS, compiled, sheet};

#[test]
fn a_snowball_in_english() {
    let contract = compiled(sheet("snowball")).expect("compiles");
    insta::assert_snapshot!(explain(&contract, Language::En));
}

#[test]
fn a_bespoke_program_in_chinese() {
    let contract = compiled(sheet("program")).expect("compiles");
    insta::assert_snapshot!(explain(&contract, Language::Zh));
}

#[test]
fn both_languages_tell_the_same_lines() {
    for (name, text) in SHEETS {
        let contract = compiled(text).expect(name);
        let (en, zh) = (
            explain(&contract, Language::En),
            explain(&contract, Language::Zh),
        );
        assert_eq!(en.lines().count(), zh.lines().count(), "{name}");
        assert!(zh.chars().any(|c| c > '\u{2e80}'), "{name}");
    }
}
