use rialto_delivery_release::definition::Strategy;
use rialto_delivery_release::{ReleaseDefinition, Tier};

const FULL: &str = r#"
[artifact]
job = "package"
[service]
command = ["./quote-service", "--port=${PORT}"]
ready_timeout = "20s"
stop_timeout = "5s"
[service.env]
RUST_LOG = "info"
QUOTE_BOARD = "none"
[health]
path = "/healthz"
interval = "500ms"
timeout = "1s"
consecutive = 3
failure_limit = 3
[gate]
[environments.test]
tier = "testing"
strategy = "blue_green"
bake = "2s"
[environments.production]
tier = "production"
listen = "127.0.0.1:9301"
bake = "10s"
requires = "test"
approvals = 1
smoke = ["/quotes/600000?full=1"]
[environments.production.env]
QUOTE_BOARD = "main"
"#;

fn errors(text: &str) -> String {
    let Err(found) = ReleaseDefinition::parse(text, ".rialto/release.toml") else {
        panic!("accepted: {text}");
    };
    found.iter().map(|e| format!("{e}\n")).collect()
}

#[test]
fn the_documented_definition_is_read_in_file_order() {
    let definition = ReleaseDefinition::parse(FULL, "release.toml").unwrap();
    assert_eq!(definition.artifact_job, "package");
    assert_eq!(definition.service.ready_timeout_ms, 20_000);
    assert_eq!(definition.health.interval_ms, 500);
    let names: Vec<&str> = definition
        .environments
        .iter()
        .map(|e| e.name.as_str())
        .collect();
    assert_eq!(names, ["test", "production"]);
    let production = definition.environment("production").unwrap();
    assert_eq!(production.tier, Tier::Production);
    assert_eq!(production.strategy, Strategy::BlueGreen);
    assert_eq!(production.listen.unwrap().port(), 9301);
    assert_eq!(production.requires.as_deref(), Some("test"));
    assert_eq!(production.approvals, 1);
    assert_eq!(
        definition.env_for(production),
        [
            ("QUOTE_BOARD".into(), "main".into()),
            ("RUST_LOG".into(), "info".into())
        ]
    );
}

#[test]
fn defaults_are_the_cautious_ones() {
    let text = "[artifact]\njob='p'\n[service]\ncommand=['./s']\n[environments.production]\n[environments.qa]\n";
    let definition = ReleaseDefinition::parse(text, "release.toml").unwrap();
    let production = definition.environment("production").unwrap();
    assert_eq!((production.approvals, production.bake_ms), (2, 900_000));
    assert_eq!(definition.environment("qa").unwrap().approvals, 0);
    assert_eq!(definition.environment("qa").unwrap().tier, Tier::Testing);
    let service = &definition.service;
    assert_eq!((service.memory_bytes, service.processes), (None, None));
}

#[test]
fn a_service_may_ask_for_less_memory_and_fewer_processes() {
    let with = |lines: &str| {
        let text = format!(
            "[artifact]\njob='p'\n[service]\ncommand=['./s']\n{lines}\n[environments.qa]\n"
        );
        ReleaseDefinition::parse(&text, "release.toml")
    };
    let service = with("memory = '512MiB'\nprocesses = 64").unwrap().service;
    assert_eq!(service.memory_bytes, Some(512 << 20));
    assert_eq!(service.processes, Some(64));
    for (line, said) in [
        ("memory = 512", "a size in quotes with a unit"),
        ("memory = '512'", "has no unit"),
        ("memory = '4KiB'", "the least is 1048576"),
        ("processes = 0", "allowed are 1 to"),
        ("processes = 'many'", "a whole number"),
    ] {
        let errors = with(line).unwrap_err();
        assert_eq!((errors.len(), errors[0].line), (1, 5), "{errors:?}");
        assert!(errors[0].message.contains(said), "{errors:?}");
    }
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let text = r#"[artifact]
jobb = "package"
[service]
comand = ["./x"]
ready_timeout = 20
stop_timeout = "5"
[service.env]
PORT = "1"
"BAD-NAME" = "x"
[health]
path = "healthz"
consecutive = 0
interval = "1ms"
[gate]
"coverage" = 90
[environments.test]
tier = "producton"
strategy = "canary"
listen = "localhost:80"
requires = "tset"
smoke = "/x"
[environments.loop]
requires = "loop"
[extra]
"#;
    insta::assert_snapshot!(errors(text));
}

#[test]
fn syntax_errors_have_a_place_too() {
    insta::assert_snapshot!(errors("[artifact]\njob = \"package\n[service\n"));
}

#[test]
fn circles_of_requirements_and_shared_addresses_are_refused() {
    let text = "[artifact]\njob='p'\n[service]\ncommand=['./s', '${HOME}']\n\
        [environments.a]\nrequires='b'\nlisten='127.0.0.1:1'\n\
        [environments.b]\nrequires='a'\nlisten='127.0.0.1:1'\n";
    insta::assert_snapshot!(errors(text));
}

#[test]
fn hostile_texts_are_refused_without_a_panic() {
    for text in [
        "",
        "\u{0}",
        "[[artifact]]",
        "artifact = 3",
        "environments = []",
        "[service]\ncommand = ['../../bin/sh']",
        "[service]\ncommand = []",
        "[environments.'../x']",
    ] {
        assert!(!errors(text).is_empty(), "{text}");
    }
    let large = format!("[artifact]\njob = \"{}\"", "x".repeat(300_000));
    assert!(errors(&large).contains("larger than"));
    let deep = format!("a = {}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(!errors(&deep).is_empty());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]a-z.=\"' {}0-9\n\u{7248}$]{0,200}") {
        drop(ReleaseDefinition::parse(&text, "release.toml"));
    }
}
