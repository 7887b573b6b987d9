//! Canonical JSON (RFC 8785, JSON Canonicalization Scheme): one text for one value.
//!
//! Numbers are written as ECMAScript writes them. An integer whose ECMAScript form is not its own
//! digits (beyond 2^53 most are not) is refused, because a reader that follows the standard would
//! get another number: write it as a string.

use serde_json::Value;

/// Why a value or a text has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// An integer that a double cannot hold.
    #[error(
        "the integer {number} cannot be written exactly as a JSON number; write it as a string"
    )]
    Integer {
        /// The integer.
        number: String,
    },
    /// The text is not JSON.
    #[error("not JSON: {message}")]
    Syntax {
        /// What the reader said, with line and column.
        message: String,
    },
    /// The text is JSON but not in canonical form (order of keys, spaces, number form, …).
    #[error("not in canonical form: it differs from byte {offset} on")]
    NotCanonical {
        /// First byte that differs.
        offset: usize,
    },
}

/// The canonical text of a value.
///
/// # Errors
/// [`CanonicalError::Integer`] for an integer that a double cannot hold.
pub fn to_canonical(value: &Value) -> Result<String, CanonicalError> {
    let mut text = String::new();
    write_value(value, &mut text)?;
    Ok(text)
}

/// Reads a text that must be in canonical form.
///
/// # Errors
/// [`CanonicalError`] when it is not JSON or not canonical.
pub fn from_canonical(text: &[u8]) -> Result<Value, CanonicalError> {
    let value: Value = serde_json::from_slice(text).map_err(|error| CanonicalError::Syntax {
        message: error.to_string(),
    })?;
    let again = to_canonical(&value)?;
    if again.as_bytes() == text {
        return Ok(value);
    }
    let same = again.bytes().zip(text).take_while(|(a, b)| a == *b).count();
    Err(CanonicalError::NotCanonical { offset: same })
}

fn write_value(value: &Value, out: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(name, out);
                out.push(':');
                write_value(member, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

fn write_number(number: &serde_json::Number, out: &mut String) -> Result<(), CanonicalError> {
    const SAFE: i64 = 1 << 53;
    let digits = number.to_string();
    if number
        .as_i64()
        .is_some_and(|integer| (-SAFE..=SAFE).contains(&integer))
    {
        out.push_str(&digits);
        return Ok(());
    }
    // `as_f64` always answers without the arbitrary-precision feature.
    let double = number.as_f64().unwrap_or(f64::NAN);
    let written = ecmascript_number(double);
    if !number.is_f64() && written != digits {
        return Err(CanonicalError::Integer { number: digits });
    }
    out.push_str(&written);
    Ok(())
}

/// `Number::toString` of ECMAScript for a finite number (JSON has no other).
fn ecmascript_number(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let (digits, exponent) = shortest_digits(number.abs());
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let sign = if number < 0.0 { "-" } else { "" };
    // Number of digits before the decimal point.
    let point = exponent + 1;
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let body = if (count..=21).contains(&point) {
        format!("{digits}{}", zeros(point - count))
    } else if (1..=21).contains(&point) {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        format!("{whole}.{fraction}")
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = digits.split_at(1);
        let fraction = if rest.is_empty() {
            String::new()
        } else {
            format!(".{rest}")
        };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        format!("{first}{fraction}e{exponent_sign}{}", exponent.abs())
    };
    format!("{sign}{body}")
}

/// The shortest decimal digits that read back as `number`, and the exponent of the first.
fn shortest_digits(number: f64) -> (String, i32) {
    let (digits, exponent) = split_scientific(&format!("{number:e}"));
    // Rust and ECMAScript both take the closest of the shortest; halfway between two, ECMAScript
    // takes the even one and Rust does not. It is halfway when the exact decimal expansion has
    // one digit more, a 5.
    let (longer, _) = split_scientific(&format!("{number:.*e}", digits.len()));
    if !longer.ends_with('5') {
        return (digits, exponent);
    }
    // A double has at most 767 significant digits.
    let (exact, _) = split_scientific(&format!("{number:.767e}"));
    if exact.trim_end_matches('0') != longer {
        return (digits, exponent);
    }
    let lower: u64 = longer[..digits.len()].parse().unwrap_or(0);
    let even = (lower + lower % 2).to_string();
    let scale = exponent - i32::try_from(digits.len()).unwrap_or(0) + 1;
    let same = format!("{even}e{scale}").parse() == Ok(number) && even.len() == digits.len();
    (if same { even } else { digits }, exponent)
}

/// The digits and the exponent of Rust's `d.ddde±x`.
fn split_scientific(text: &str) -> (String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let digits = mantissa.chars().filter(|c| *c != '.').collect();
    (digits, exponent.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// RFC 8785, appendix B: IEEE 754 bits and the number's canonical text.
    const NUMBERS: &[(u64, &str)] = &[
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ];

    #[test]
    fn numbers_are_written_as_the_standard_lists_them() {
        for (bits, text) in NUMBERS {
            assert_eq!(ecmascript_number(f64::from_bits(*bits)), *text);
        }
    }

    #[test]
    fn the_standard_s_sample_gets_its_canonical_form() {
        let text = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let value: Value = serde_json::from_str(text).expect("JSON");
        let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,\
                        0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(to_canonical(&value).expect("canonical"), expected);
    }

    #[test]
    fn keys_are_ordered_by_utf_16_units() {
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis"
        });
        let text = to_canonical(&value).expect("canonical");
        let order: Vec<_> = [
            "Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew",
        ]
        .iter()
        .map(|name| text.find(name).expect("present"))
        .collect();
        assert!(order.is_sorted(), "{text}");
    }

    #[test]
    fn an_integer_that_a_double_cannot_hold_is_refused() {
        assert_eq!(
            to_canonical(&json!(9_007_199_254_740_992_i64)).expect("2^53"),
            "9007199254740992"
        );
        let error = to_canonical(&json!({"n": 9_007_199_254_740_993_i64})).expect_err("refused");
        assert!(error.to_string().contains("9007199254740993"), "{error}");
        assert!(to_canonical(&json!(i64::MAX)).is_err());
        assert!(to_canonical(&json!(u64::MAX)).is_err());
    }

    #[test]
    fn a_text_that_is_not_canonical_is_refused() {
        for text in [
            "{ }",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":1}",
            "1.0",
            "\"\\u0041\"",
            "1e2",
            " 1",
            "1 ",
        ] {
            let error = from_canonical(text.as_bytes()).expect_err(text);
            assert!(
                matches!(error, CanonicalError::NotCanonical { .. }),
                "{text}: {error}"
            );
        }
        assert!(matches!(
            from_canonical(b"{"),
            Err(CanonicalError::Syntax { .. })
        ));
        assert!(from_canonical("[".repeat(100_000).as_bytes()).is_err());
        assert!(from_canonical(b"\"\xff\"").is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
            any::<f64>()
                .prop_filter("finite", |n| n.is_finite())
                .prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_back_and_is_stable(value in any_json()) {
            let text = to_canonical(&value).expect("canonical");
            let again = from_canonical(text.as_bytes()).expect("its own form");
            prop_assert_eq!(to_canonical(&again).expect("canonical"), text);
        }

        #[test]
        fn a_double_reads_back_as_itself(bits: u64) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let text = ecmascript_number(number);
            prop_assert_eq!(text.parse::<f64>().expect("a number"), number);
        }
    }
}
