//! Loading settings from files, variables and flags.

use rialto_kernel::Located;
use rialto_platform_config::{
    KEYS, Loaded, Origin, Settings, Sources, example, load, print, read, telemetry,
};

fn file(text: &str) -> Sources {
    Sources {
        file: Some(("rialto.toml".into(), text.into())),
        ..Sources::default()
    }
}

fn variable(name: &str, value: &str) -> Sources {
    Sources {
        variables: vec![(name.into(), value.into())],
        ..Sources::default()
    }
}

fn refused(sources: Sources) -> Vec<String> {
    let errors: Vec<Located> = load(sources).expect_err("refused");
    errors.iter().map(ToString::to_string).collect()
}

fn loaded(sources: Sources) -> Loaded {
    load(sources).expect("loads")
}

#[test]
fn the_table_of_keys_is_exactly_the_settings() {
    let tree = serde_json::to_value(Settings::default()).unwrap();
    let mut in_struct: Vec<String> = tree
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(section, keys)| {
            keys.as_object()
                .unwrap()
                .keys()
                .map(move |key| format!("{section}.{key}"))
        })
        .collect();
    let mut in_table: Vec<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    in_struct.sort();
    in_table.sort();
    assert_eq!(in_struct, in_table);
}

#[test]
fn the_server_starts_with_no_file_at_all() {
    assert_eq!(loaded(Sources::default()).settings, Settings::default());
}

#[test]
fn later_sources_win_and_say_where_they_came_from() {
    let mut sources = file("[server]\nlisten = \"127.0.0.1:1\"\n[session]\nidle = \"10m\"\n");
    sources.variables = vec![
        ("RIALTO__SERVER__LISTEN".into(), "127.0.0.1:2".into()),
        ("RIALTO__RUNNER__TAGS".into(), "linux, rust".into()),
        ("PATH".into(), "/bin".into()),
    ];
    sources.flags = vec![("server.listen".into(), "127.0.0.1:3".into())];
    let loaded = loaded(sources);
    assert_eq!(loaded.settings.server.listen.port(), 3);
    assert_eq!(loaded.settings.runner.tags, ["linux", "rust"]);
    assert_eq!(loaded.settings.session.idle.to_string(), "10m");
    assert_eq!(
        loaded.origins["session.idle"],
        Origin::File {
            file: "rialto.toml".into(),
            line: 4
        }
    );
    let text = print(&loaded, true);
    assert!(
        text.contains("runner.tags = [\"linux\",\"rust\"]  # RIALTO__RUNNER__TAGS"),
        "{text}"
    );
    assert!(
        text.contains("session.absolute = \"12h\"  # default"),
        "{text}"
    );
}

#[test]
fn an_unknown_key_names_its_place_and_the_nearest_key() {
    assert_eq!(
        refused(file("[server]\nlisen = \"127.0.0.1:1\"\n")),
        ["rialto.toml:2:1: unknown key `server.lisen`; did you mean `server.listen`?"]
    );
    assert_eq!(
        refused(file("[sever]\nlisten = \"x\"\n")),
        ["rialto.toml:1:2: unknown section `sever`; did you mean `server`?"]
    );
    assert_eq!(
        refused(variable("RIALTO__SERVER__LISEN", "x")),
        [
            "RIALTO__SERVER__LISEN: unknown key `server.lisen`; did you mean `RIALTO__SERVER__LISTEN`?"
        ]
    );
    assert_eq!(
        refused(file("colour = 1\n")),
        ["rialto.toml:1:1: unknown section `colour`; `rialto config example` lists them all"]
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_where_it_stands() {
    let errors = refused(file("[session]\nidle = 30\nabsolute = \"soon\"\n"));
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].starts_with("rialto.toml:2:8: session.idle: invalid type"),
        "{errors:?}"
    );
    assert!(errors[1].contains("rialto.toml:3:12: session.absolute: `soon` is not a duration"));
    let errors = refused(variable("RIALTO__PASSWORD__MINIMUM_LENGTH", "long"));
    assert_eq!(
        errors,
        ["RIALTO__PASSWORD__MINIMUM_LENGTH: password.minimum_length: `long` is not a whole number"]
    );
    assert!(refused(file("[server]\nlisten = 1979-05-27\n"))[0].contains("datetime"));
    assert!(refused(file("server = 3\n"))[0].contains("write [server]"));
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_place() {
    let errors = refused(file("[server]\nlisten = \n"));
    assert!(errors[0].starts_with("rialto.toml:2:"), "{errors:?}");
}

#[test]
fn a_secret_in_the_file_is_refused_and_one_in_a_variable_is_hidden() {
    let errors = refused(file("[store]\nurl = \"postgres://u:p@h/d\"\n"));
    assert_eq!(
        errors,
        [
            "rialto.toml:2:1: `store.url` may carry a secret and is refused in this file; use \
          `store.url_file` or RIALTO__STORE__URL"
        ]
    );
    let loaded = loaded(variable("RIALTO__STORE__URL", "postgres://u:pass-word@h/d"));
    assert!(!print(&loaded, true).contains("pass-word"));
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let errors = refused(file(
        "[session]\nidle = \"13h\"\n[password]\nminimum_length = 4\n",
    ));
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].starts_with("rialto.toml:2:8: session.idle: 13h is longer"),
        "{errors:?}"
    );
    assert!(refused(variable("RIALTO__SERVER__PUBLIC_URL", "ftp://x"))[0].contains("http://"));
    // Git would take 0 for no limit.
    let none = refused(variable("RIALTO__DELIVERY__PUSH_LIMIT", "0B"));
    assert!(none[0].contains("delivery.push_limit"), "{none:?}");
}

#[test]
fn the_example_loads_and_changes_nothing() {
    let loaded = loaded(file(&example()));
    assert_eq!(loaded.settings, Settings::default());
    for key in KEYS {
        let name = key.path.split('.').nth(1).unwrap();
        assert!(
            example().contains(name),
            "{name} is missing from the example"
        );
    }
}

#[test]
fn a_file_that_is_absent_or_not_utf8_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rialto.toml");
    let error = read(Some(&path), Vec::new()).expect_err("absent");
    assert!(error[0].to_string().contains("cannot be read"), "{error:?}");
    std::fs::write(&path, b"[server]\n# \xff\n").unwrap();
    let error = read(Some(&path), Vec::new()).expect_err("not UTF-8");
    assert!(
        error[0].to_string().contains(":2:3: is not UTF-8"),
        "{}",
        error[0]
    );
}

#[test]
fn a_filter_that_does_not_parse_is_refused() {
    assert!(telemetry::check_filter("info,rialto=debug").is_ok());
    let error = telemetry::check_filter("rialto=loud").expect_err("no such level");
    assert!(error.to_string().contains("telemetry.filter"), "{error}");
}
