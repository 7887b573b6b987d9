use std::collections::BTreeSet;

use proptest::prelude::*;
use rialto_delivery_gate::facts_builder::{ChangeLines, FactsBuilder, ReportFile};
use rialto_delivery_gate::{Event, GateInput, Subject, Waiver, default_rule_set, evaluate};
use rialto_delivery_release::approval::ApprovalRefusal;
use rialto_delivery_release::precondition::{Unmet, Warning};
use rialto_delivery_report::{cobertura, junit};

use super::*;
use crate::deployment::view::refusal_text;

fn entries() -> impl Iterator<Item = &'static Entry> {
    CATALOGUE.iter()
}

fn names(parts: &[Part]) -> BTreeSet<&'static str> {
    let name = |part: &Part| match part {
        Part::Parameter(name, _) => Some(*name),
        Part::Literal(_) => None,
    };
    parts.iter().filter_map(name).collect()
}

/// A sentence in which every parameter is filled in.
fn sample(entry: &Entry) -> String {
    let fill = |part: &Part| match part {
        Part::Literal(text) => (*text).to_owned(),
        Part::Parameter(_, Kind::Size) => "1.5 GiB".to_owned(),
        Part::Parameter(_, Kind::Number) => "7".to_owned(),
        Part::Parameter(..) => "word".to_owned(),
    };
    entry.parts.iter().map(fill).collect()
}

#[test]
fn every_phrase_has_a_code_of_its_own_and_all_parameters_in_both_languages() {
    let mut codes = BTreeSet::new();
    for entry in entries() {
        assert!(codes.insert(entry.code), "{} comes twice", entry.code);
        let chinese = names(&entry.chinese);
        assert_eq!(names(&entry.parts), chinese, "{}", entry.code);
    }
    assert!(codes.len() > 200, "{} phrases", codes.len());
}

#[test]
fn every_phrase_is_found_again_by_its_own_sentence() {
    for entry in entries() {
        let text = Text::of(&sample(entry));
        assert_eq!(text.code, entry.code, "{}", text.en);
        let parameters: BTreeSet<&str> = text.params.keys().map(String::as_str).collect();
        assert_eq!(parameters, names(&entry.parts), "{}", entry.code);
    }
}

#[test]
fn every_reason_against_an_approval_is_known() {
    use ApprovalRefusal::*;
    let all = [
        NotAwaiting,
        ServiceIdentity,
        RoleMissing,
        IsAuthor,
        IsPusher,
        IsRequester,
        AlreadyApproved,
    ];
    for refusal in all {
        let text = Text::of(&refusal_text(refusal));
        assert!(text.code.starts_with("approval."), "{text:?}");
        let names_who = text.zh.contains("质量负责人");
        assert_eq!(names_who, refusal != NotAwaiting, "{text:?}");
        assert_ne!(text.zh, text.en);
    }
}

#[test]
fn every_unmet_precondition_is_known_in_a_job_and_in_the_journal() {
    let digest = "ab".repeat(32);
    let all = [
        Unmet::ArtifactMissing {
            digest: digest.clone(),
        },
        Unmet::VerdictMissing,
        Unmet::VerdictOnOtherDigest {
            verdict: "v".into(),
            about: "no artifact".into(),
            digest,
        },
        Unmet::VerdictFailed {
            verdict: "v".into(),
        },
        Unmet::RequiredEnvironment {
            environment: "test".into(),
        },
        Unmet::EnvironmentLocked {
            reason: "a rollback failed here; roll back to a healthy version first".into(),
        },
        Unmet::RouterDrift {
            drift: "it serves blue, the record says green".into(),
        },
        Unmet::NoStandby,
    ];
    let mut together = Vec::new();
    for unmet in &all {
        assert!(Text::of(&unmet.to_string()).is_known(), "{unmet}");
        together.push(unmet.to_string());
    }
    let journal = Text::of(&format!("gate: {}", together.join("; ")));
    assert_eq!(journal.code, "deployment.gate");
    assert!(
        journal.zh.contains("没有健康的热备版本可以回退"),
        "{}",
        journal.zh
    );
    assert!(!journal.zh.contains("there is"), "{}", journal.zh);
    assert!(Text::of(&Warning::NoWayBack.to_string()).is_known());
}

#[test]
fn a_sentence_within_a_sentence_is_translated_too() {
    let text = Text::of(
        "not ready within 500 ms: 0 of 3 successes in a row; last failure: GET /healthz: no answer \
         within 100 ms",
    );
    assert_eq!(text.code, "deployment.not_ready");
    assert_eq!(text.params["last"], "GET /healthz: no answer within 100 ms");
    assert_eq!(
        text.zh,
        "500 毫秒内未就绪：需连续成功 3 次，实际 0 次；最后一次失败：GET /healthz：100 毫秒内无应答"
    );
}

#[test]
fn several_sentences_are_a_sequence_and_foreign_words_stay() {
    let text = Text::of(
        "the script ended with exit status 1; the disk of /b is full, 12 bytes are free: the runner needs more room, or `delivery.job_disk` a lower limit",
    );
    assert_eq!(text.code, SEQUENCE);
    assert!(
        text.zh
            .starts_with("脚本以退出状态 1 结束；/b 所在磁盘已满"),
        "{}",
        text.zh
    );
    for foreign in ["fix: the login; again", "", "错误", "{n:n}", "a}b{c"] {
        let text = Text::of(foreign);
        assert_eq!((text.code.as_str(), text.zh.as_str()), (VERBATIM, foreign));
    }
}

#[test]
fn sizes_are_read_in_units_and_as_the_bare_bytes_of_older_records() {
    for (english, chinese) in [
        (
            "the job was stopped: 512.1 MiB of memory, the limit is 512 MiB",
            "作业被停止：使用内存 512.1 MiB，上限为 512 MiB",
        ),
        (
            "the job was stopped: 2000 bytes of memory, the limit is 1000",
            "作业被停止：使用内存 2000 字节，上限为 1000 字节",
        ),
        (
            "a file grew beyond the limit of 20 GiB",
            "有文件超过 20 GiB 的上限",
        ),
    ] {
        assert_eq!(Text::of(english).zh, chinese);
    }
    assert!(!Text::of("a file grew beyond the limit of many miles").is_known());
}

/// The sentences of a verdict on these reports.
fn verdict_texts(tests: Option<&str>, coverage: Option<&str>, event: Event) -> Vec<String> {
    let file = |name: &str| ReportFile {
        job: "unit".into(),
        name: name.into(),
        digest: "ab".repeat(32),
    };
    let mut builder = FactsBuilder::new();
    if let Some(tests) = tests {
        builder.test_report(&file("t.xml"), &junit::read(tests.as_bytes()));
    }
    if let Some(coverage) = coverage {
        builder.coverage(&file("c.xml"), cobertura::read(coverage.as_bytes()), None);
    }
    let set = default_rule_set();
    let change = ChangeLines::Unknown("the file is empty");
    let facts = builder.finish(change, &set).unwrap().facts;
    let subject = Subject {
        verdict_id: "v".into(),
        project_id: "p".into(),
        pipeline_id: "l".into(),
        sha: "aa".into(),
        tree: None,
        git_ref: None,
        artifact_digest: None,
        event,
        base_sha: None,
        base_choice: "none".into(),
        authors: vec![],
        created_at: "2026-11-22T01:02:03Z".parse().unwrap(),
    };
    let verdict = evaluate(&GateInput::new(subject, set, facts, Vec::<Waiver>::new()));
    let shown = with_texts(serde_json::to_value(&verdict).unwrap());
    let mut texts = Vec::new();
    for list in ["rules", "inputs"] {
        for one in shown[list].as_array().unwrap() {
            if one["text"].is_object() {
                let (code, en) = (&one["text"]["code"], &one["text"]["en"]);
                assert_ne!(code, VERBATIM, "{en}");
                texts.push(one["text"]["zh"].as_str().unwrap().to_owned());
            }
        }
    }
    texts
}

#[test]
fn every_sentence_of_a_verdict_is_known() {
    let bomb = "<!DOCTYPE x [<!ENTITY a 'aa'>]><testsuites/>";
    let lying = "<testsuite name='s' tests='9'><testcase name='a'/></testsuite>";
    let cut = "<testsuite name='s'><testcase name='a'/>";
    let wrong = "<html>no</html>";
    let coverage = "<coverage><packages><package><classes><class filename='a'><lines>\
        <line number='1' hits='0'/></lines></class></classes></package></packages></coverage>";
    for tests in [
        None,
        Some(bomb),
        Some(lying),
        Some(cut),
        Some(wrong),
        Some(" "),
    ] {
        for covered in [None, Some(coverage), Some(wrong), Some("{}")] {
            let texts = verdict_texts(tests, covered, Event::Main);
            assert!(texts.len() >= 3, "{texts:?}");
            for text in texts {
                assert!(text.chars().any(|c| c > '\u{3000}'), "{text}");
            }
        }
    }
    let lie = verdict_texts(Some(lying), None, Event::Main);
    assert!(
        lie.iter()
            .any(|text| text.contains("套件 `s` 声称 tests=\"9\"，而其用例实为 1")),
        "{lie:?}"
    );
}

#[test]
fn what_reports_say_of_themselves_is_told_in_chinese() {
    let counts = r#"<testsuite tests="-5"><testcase name="a"/></testsuite>"#;
    let root = r#"<coverage line-rate="0.9" lines-covered="9" lines-valid="many"><class filename="a"><lines>
        <line number="1" hits="1"/><line number="2" hits="0"/></lines></class></coverage>"#;
    let tests = junit::read(counts.as_bytes());
    let coverage = cobertura::read(root.as_bytes());
    let told: Vec<String> = [
        tests.value().unwrap().contradictions(),
        coverage.value().unwrap().contradictions.clone(),
    ]
    .concat()
    .iter()
    .map(|one| Text::of(&one.message).zh)
    .collect();
    assert_eq!(
        told,
        [
            "文件声称 tests=\"-5\"，这不是计数",
            "文件声称 lines-valid=\"many\"，这不是计数",
            "文件声称 lines-covered=\"9\"，而其代码行实为 1",
            "文件声称 line-rate=\"0.9\"，而其代码行实为 2 行中覆盖 1 行",
        ]
    );
    let together = verdict_texts(Some(counts), Some(root), Event::Main);
    let said = "2 份报告中有 2 份自相矛盾";
    assert!(
        together.iter().any(|text| text.contains(said)),
        "{together:?}"
    );
    for record in ["LF:9, its DA lines make 1", "LH:x, which is not a count"] {
        let text = Text::of(&format!("line 3: the record of src/a.c says {record}"));
        assert!(
            text.zh.starts_with("第 3 行：src/a.c 的记录声称 L"),
            "{text:?}"
        );
    }
}

#[test]
fn who_may_approve_is_named_in_both_languages() {
    let text = Text::of(
        "your roles do not allow approving deployments; one of these roles may: quality_owner, \
         operations",
    );
    assert_eq!(
        text.zh,
        "您的角色不允许审批部署；以下角色可以审批：质量负责人、运维"
    );
    let state = Text::of("the standby is not healthy (unhealthy)");
    assert_eq!(state.zh, "热备版本不健康（不健康）");
}

proptest! {
    #[test]
    fn any_text_is_read_and_its_english_kept(text in "\\PC{0,200}") {
        prop_assert_eq!(Text::of(&text).en, text);
    }
}
