//! Times as test tools write them.

/// Seconds as written (`0.5`, `1e-05`, `1,234.5`, `0,25`) in whole microseconds.
///
/// Returns `None` for what is negative, infinite, longer than 30 years or not a number: such a time
/// is unknown, not zero.
pub fn read_seconds(text: &str) -> Option<u64> {
    const LONGEST_S: f64 = 1e9;
    let plain = without_commas(text.trim())?;
    let seconds: f64 = plain.parse().ok()?;
    if !seconds.is_finite() || !(0.0..=LONGEST_S).contains(&seconds) || seconds.is_sign_negative() {
        return None;
    }
    // In range by the check above: at most 1e15.
    Some((seconds * 1e6).round() as u64)
}

/// Takes out thousands commas, or turns a lone decimal comma into a point.
fn without_commas(text: &str) -> Option<String> {
    if !text.contains(',') {
        return Some(text.to_owned());
    }
    let (whole, fraction) = text
        .split_once('.')
        .map_or((text, None), |(w, f)| (w, Some(f)));
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let is_digits = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    let grouped = is_digits(first)
        && first.len() <= 3
        && !first.starts_with('0')
        && groups.all(|group| group.len() == 3 && is_digits(group));
    if grouped {
        let digits: String = whole.chars().filter(|c| *c != ',').collect();
        return Some(fraction.map_or(digits.clone(), |fraction| format!("{digits}.{fraction}")));
    }
    let lone_decimal_comma = fraction.is_none() && text.matches(',').count() == 1;
    lone_decimal_comma.then(|| text.replace(',', "."))
}

#[cfg(test)]
mod tests {
    use super::read_seconds;

    #[test]
    fn times_are_read_as_tools_write_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0.5", Some(500_000)),
            (" 1.25 ", Some(1_250_000)),
            ("1e-05", Some(10)),
            ("1,234.5", Some(1_234_500_000)),
            ("1,234,567", Some(1_234_567_000_000)),
            ("0,25", Some(250_000)),
            ("0,005", Some(5_000)),
        ] {
            assert_eq!(read_seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_is_unknown() {
        for text in [
            "-1", "-0.0", "NaN", "inf", "", "abc", "1,2,3", "1,23.4", "1e300", "12:30",
        ] {
            assert_eq!(read_seconds(text), None, "{text}");
        }
    }
}
