//! Every row of the specification's scalar table (§4.1).

use rialto_delivery_pipeline::yaml::{Scalar, tokenize};

use crate::support::{codes, plan, variable};

fn text(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}

#[test]
fn the_table_of_plain_scalars_holds() {
    let rows: Vec<(&[&str], Scalar)> = vec![
        (
            &["yes", "on", "true", "YES", "On", "TRUE", "yEs"],
            Scalar::Bool(true),
        ),
        (
            &["no", "off", "false", "NO", "Off", "FALSE", "fAlse"],
            Scalar::Bool(false),
        ),
        (&["~", "null", "Null", "NULL", ""], Scalar::Null),
        (&["012345"], Scalar::Int(5_349)),
        (&["0644"], Scalar::Int(420)),
        (&["-012"], Scalar::Int(-10)),
        (&["1_000", "1,000"], Scalar::Int(1_000)),
        (&["1,2,3"], Scalar::Int(123)),
        (&["12:30"], Scalar::Int(45_000)),
        (&["22:22"], Scalar::Int(80_520)),
        (&["05:00"], Scalar::Int(18_000)),
        (&["12:30:45"], Scalar::Int(45_045)),
        (&["12:30.5"], Scalar::Float(45_030.0)),
        (&["0x1F"], Scalar::Int(31)),
        (&["0b101"], Scalar::Int(5)),
        (&["3.10"], Scalar::Float(3.1)),
        (&["1.0e+3"], Scalar::Float(1_000.0)),
        (&["1."], Scalar::Float(1.0)),
        (&[".5"], Scalar::Float(0.5)),
        (&[".inf", "+.inf", ".INF"], Scalar::Float(f64::INFINITY)),
        (&["-.inf"], Scalar::Float(f64::NEG_INFINITY)),
        (
            &[
                "2024-01-01",
                "2024-1-1",
                "2024-01-01 10:00:00",
                "2024-01-01T10:00:00Z",
            ],
            Scalar::Timestamp,
        ),
        (&[":foo"], text("foo")),
    ];
    for (inputs, expected) in rows {
        for input in inputs {
            assert_eq!(tokenize(input), expected, "{input}");
        }
    }
    assert!(matches!(tokenize(".nan"), Scalar::Float(value) if value.is_nan()));
}

#[test]
fn what_only_looks_like_a_number_is_text() {
    let strings = [
        "y",
        "n",
        "nil",
        "08",
        "09",
        "0o644",
        "1__0",
        "100_",
        "_100",
        "1:60",
        "1:2:3:4",
        "1e3",
        "1.0e3",
        "1e+3",
        "1.2.3",
        ".",
        "-",
        "+",
        "12:3x",
        "0x",
        "0b2",
        "truex",
        "2024-13-01",
    ];
    for input in strings {
        assert_eq!(tokenize(input), text(input), "{input}");
    }
}

#[test]
fn variables_become_text_the_ruby_way_and_lint_says_so() {
    let source = "variables: {A: 0644, B: 3.10, C: yes, D: 12:30, E: 1.0e+3, F: '0644', G: 7}\n\
                  job: {script: x}";
    let plan = plan(source);
    let expected = [
        ("A", "420"),
        ("B", "3.1"),
        ("C", "true"),
        ("D", "45000"),
        ("E", "1000.0"),
        ("F", "0644"),
        ("G", "7"),
    ];
    for (name, value) in expected {
        assert_eq!(variable(&plan, "job", name), value, "{name}");
    }
    assert_eq!(codes(source), ["value_reads_differently"; 5]);
}

#[test]
fn a_key_that_reads_differently_is_told() {
    assert_eq!(
        codes("variables: {on: 1}\njob: {script: x}"),
        ["key_reads_differently"]
    );
}
