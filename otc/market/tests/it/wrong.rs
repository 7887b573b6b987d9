//! Documents that are wrong: all is told at once, with place, value, rule and cure.

use rialto_otc_market::snapshot::Snapshot;

use crate::support::{codes, text};

fn refused(text: &str) -> Vec<&'static str> {
    codes(&Snapshot::from_text(text).expect_err("refused"))
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let findings = Snapshot::from_text(&text("wrong.json")).expect_err("refused");
    // Findings of single fields are worded by the reader of documents.
    let told = findings
        .iter()
        .map(|finding| match finding.code.starts_with("E-MKT") {
            true => finding.to_string(),
            false => format!(
                "{}  {} (line {})",
                finding.code, finding.pointer, finding.line
            ),
        });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_finding_speaks_both_languages_and_names_its_place() {
    let findings = Snapshot::from_text(&text("wrong.json")).expect_err("refused");
    for finding in &findings {
        assert!(
            !finding.en.is_empty() && !finding.zh.is_empty(),
            "{finding}"
        );
        assert!(
            finding
                .zh
                .chars()
                .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)),
            "{finding}"
        );
        assert!(
            finding.pointer.starts_with('/') && finding.line > 0,
            "{finding}"
        );
    }
}

#[test]
fn correlations_that_cannot_hold_together_need_a_repair() {
    let names = r#""underlyings":{"A":{"spot":1},"B":{"spot":1},"C":{"spot":1}}"#;
    let matrix = "[[1,0.9,0.9],[0.9,1,-0.9],[0.9,-0.9,1]]";
    let plain = format!(r#"{{"as_of":0,{names},"correlation":{matrix}}}"#);
    assert_eq!(refused(&plain), ["E-MKT-CORRELATION-PSD"]);
    let repaired =
        format!(r#"{{"as_of":0,{names},"correlation":{{"matrix":{matrix},"repair":true}}}}"#);
    assert!(
        Snapshot::from_text(&repaired)
            .expect("reads")
            .0
            .repairs_correlation()
    );
}

#[test]
fn a_matrix_must_be_square_symmetric_and_of_unit_diagonal() {
    let with = |matrix: &str| {
        format!(
            r#"{{"as_of":0,"underlyings":{{"A":{{"spot":1}},"B":{{"spot":1}}}},"correlation":{matrix}}}"#
        )
    };
    assert_eq!(refused(&with("[[1,0.5]]")), ["E-MKT-SHAPE"]);
    assert_eq!(
        refused(&with("[[1,0.5],[0.4,1]]")),
        ["E-MKT-CORRELATION-SYMMETRY"]
    );
    assert_eq!(
        refused(&with("[[0.9,0.5],[0.5,1]]")),
        ["E-MKT-CORRELATION-DIAGONAL"]
    );
    assert_eq!(
        refused(&with("[[1,1.5],[1.5,1]]")),
        ["E-MKT-CORRELATION", "E-MKT-CORRELATION"]
    );
}

#[test]
fn dates_and_years_do_not_mix() {
    assert_eq!(
        refused(r#"{"as_of":"2026-05-18","r":[[0.5,0.01]]}"#),
        ["E-MKT-PILLAR-KIND"]
    );
    assert_eq!(
        refused(r#"{"as_of":0.5,"r":[["3m",0.01]]}"#),
        ["E-MKT-PILLAR-KIND"]
    );
    assert_eq!(
        refused(r#"{"as_of":0.5,"r":[["soon",0.01]]}"#),
        ["E-MKT-PILLAR"]
    );
}

#[test]
fn an_as_of_that_cannot_be_is_refused() {
    for as_of in [
        "-1",
        "\"tomorrow\"",
        "[]",
        r#"{"date":"2026-02-30"}"#,
        r#"{"date":"2026-02-03","phase":"noon"}"#,
        r#"{"date":"2026-02-03","phase":"intraday"}"#,
        r#"{"date":"2026-02-03","hour":3}"#,
    ] {
        assert_eq!(
            refused(&format!(r#"{{"as_of":{as_of},"r":0.01}}"#)),
            ["E-MKT-ASOF"],
            "{as_of}"
        );
    }
}

#[test]
fn forms_that_say_the_same_twice_are_refused() {
    for text in [
        r#"{"as_of":0,"r":0.01,"discount":{"CNY":0.01}}"#,
        r#"{"as_of":0,"spot":10,"underlyings":{"A":{"spot":10}}}"#,
        r#"{"as_of":0,"spot":10,"q":{"zero":[[1,0.01]],"forward":[[1,0.01]]}}"#,
        r#"{"as_of":0,"spot":10,"vol":{}}"#,
    ] {
        assert_eq!(refused(text), ["E-MKT-FORM"], "{text}");
    }
    let marked = r#"{"as_of":0,"spot":10,"q":{"forward":[[1,0.01]],"marked":[[1,0.02]]}}"#;
    assert_eq!(refused(marked), ["E-MKT-MARKED"]);
}

#[test]
fn what_is_past_or_to_come_has_no_place_among_quotes() {
    let past = r#"{"as_of":"2026-05-18","r":[["2026-05-18",0.01],[null,0.02]]}"#;
    assert_eq!(refused(past), ["E-MKT-PAST"]);
    let today = |phase: &str| {
        format!(
            r#"{{"as_of":{{"date":"2026-05-18","phase":"{phase}"}},"fixings":{{"A":{{"2026-05-18":9}}}}}}"#
        )
    };
    assert_eq!(refused(&today("pre_open")), ["E-MKT-FIXING-FUTURE"]);
    assert!(Snapshot::from_text(&today("post_close")).is_ok());
}

#[test]
fn sizes_that_no_market_has_are_refused() {
    for (text, code) in [
        (r#"{"as_of":0,"r":"2000%"}"#, "E-MKT-SIZE"),
        (r#"{"as_of":0,"spot":10,"vol":"1200%"}"#, "E-MKT-SIZE"),
        (r#"{"as_of":0,"r":[[1000,0.01],[null,0.02]]}"#, "E-MKT-FAR"),
        (
            r#"{"as_of":"2026-05-18","r":{"zero":[["150y",0.01]]}}"#,
            "E-MKT-FAR",
        ),
    ] {
        assert_eq!(refused(text), [code], "{text}");
    }
}

#[test]
fn what_no_market_can_be_is_refused_at_its_field() {
    for (quotes, told) in [
        (r#""vol":-0.2"#, "E-VALUE-NEGATIVE /vol"),
        (
            r#""vol":[[0.5,0.2],[null,-0.1]]"#,
            "E-VALUE-NEGATIVE /vol/1/1",
        ),
        (r#""vol":NaN"#, "E-VALUE-RATIO /vol"),
        (r#""vol":"NaN""#, "E-VALUE-RATIO /vol"),
        (r#""r":1e400"#, "E-VALUE-RATIO /r"),
    ] {
        let text = format!(r#"{{"as_of":0,"spot":10,{quotes}}}"#);
        let findings = Snapshot::from_text(&text).expect_err("refused");
        let found: Vec<_> = findings
            .iter()
            .map(|finding| format!("{} {}", finding.code, finding.pointer))
            .collect();
        assert_eq!(found, [told], "{text}");
    }
    for spot in ["-1", "0", "NaN"] {
        let text = format!(r#"{{"as_of":0,"spot":{spot}}}"#);
        let findings = Snapshot::from_text(&text).expect_err("refused");
        assert!(
            findings.iter().all(|finding| finding.pointer == "/spot"),
            "{text}"
        );
    }
}
