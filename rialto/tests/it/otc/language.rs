//! Answers and findings in the reader's language.

use super::{answer, example, otc, text};
use crate::support::{rialto, run};

/// Whether a text has Chinese letters.
fn chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn notes_are_told_in_one_language_and_in_json_in_both_with_their_code() {
    let folder = tempfile::tempdir().unwrap();
    let market = example("market.json");
    for name in ["snowball", "asian", "basket"] {
        let sheet = example(&format!("{name}.json"));
        let words = ["price", "--terms", &sheet, "--market", &market];
        let told = answer(folder.path(), &words);
        let notes = told["notes"].as_array().unwrap();
        assert!(!notes.is_empty(), "{name}");
        let tell = |lang: &str| {
            let (code, out, err) = otc(folder.path(), &[&words[..], &["--lang", lang]].concat());
            assert_eq!((code, err.as_str()), (0, ""), "{name}");
            out
        };
        let (en, zh) = (tell("en"), tell("zh"));
        assert!(!chinese(&en), "{name}: {en}");
        for note in notes {
            let text = |field: &str| note[field].as_str().unwrap();
            assert!(text("code").starts_with("N-"), "{note}");
            assert!(chinese(text("zh")) && !chinese(text("en")), "{note}");
            for (out, lang, other) in [(&en, "en", "zh"), (&zh, "zh", "en")] {
                let word = if lang == "en" { "note" } else { "提示" };
                let line = format!("{word} {}: {}\n", text("code"), text(lang));
                assert!(out.contains(&line), "{name}: {line}{out}");
                assert!(!out.contains(text(other)), "{name}: {out}");
            }
        }
    }
}

#[test]
fn why_an_engine_was_taken_is_told_in_one_language_and_in_json_as_english_text() {
    let folder = tempfile::tempdir().unwrap();
    let (sheet, market) = (example("snowball.json"), example("market.json"));
    let words = ["price", "--terms", &sheet, "--market", &market];
    let why = answer(folder.path(), &words)["why"].clone();
    let why = why.as_array().unwrap();
    assert!(why.len() > 5, "{why:?}");
    let tell = |lang: &str| otc(folder.path(), &[&words[..], &["--lang", lang]].concat()).1;
    let (en, zh) = (tell("en"), tell("zh"));
    for candidate in why {
        let engine = candidate["engine"].as_str().unwrap();
        let reason = candidate["reason"].as_str().unwrap();
        assert!(!chinese(reason), "{reason}");
        let line = format!(" {engine}: {reason}\n");
        assert!(en.contains(&line) && !zh.contains(&line), "{line}{en}{zh}");
        let start = format!(" {engine}: ");
        let told = zh.lines().find(|line| line.contains(&start));
        assert!(told.is_some_and(chinese), "{engine}: {told:?}");
    }
}

#[test]
fn the_language_is_that_of_the_environment_unless_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("s.json"),
        text("snowball.json").replace("71%", "103%"),
    )
    .unwrap();
    let told = |lang: &[&str]| {
        let mut command = rialto(folder.path());
        command
            .env_remove("LC_ALL")
            .env_remove("LC_MESSAGES")
            .env("LANG", "zh_CN.UTF-8");
        run(command
            .args(["otc", "validate", "--terms", "s.json"])
            .args(lang))
    };
    let (code, _, err) = told(&[]);
    assert!(code == 1 && err.contains("敲入水平"), "{err}");
    let (code, _, err) = told(&["--lang", "en"]);
    assert!(
        code == 1 && !err.contains("敲入水平") && err.contains("knock-in"),
        "{err}"
    );
}
