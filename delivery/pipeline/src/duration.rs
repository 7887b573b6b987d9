//! Durations as people write them: `1h 30m`, `3 mins 4 sec`, `2 weeks`, `1:30:00`, `90`.

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

/// Seconds of a written duration; a bare number counts seconds.
///
/// # Errors
/// The word that is no duration.
pub fn parse(text: &str) -> Result<u64, String> {
    let lower = text.trim().to_ascii_lowercase();
    if lower.is_empty() {
        return Err("the duration is empty".to_owned());
    }
    if lower.contains(':') {
        return clock(&lower).ok_or_else(|| format!("`{text}` is not a duration"));
    }
    let mut total = 0.0_f64;
    let mut pending: Option<f64> = None;
    for token in tokens(&lower) {
        if let Ok(number) = token.parse::<f64>() {
            if !number.is_finite() || number < 0.0 || pending.is_some() {
                return Err(format!("`{text}` is not a duration"));
            }
            pending = Some(number);
        } else if matches!(token, "and" | "with" | "plus" | ",") {
            continue;
        } else {
            let unit = unit(token).ok_or_else(|| format!("`{token}` is not a unit of time"))?;
            let count = pending
                .take()
                .ok_or_else(|| format!("`{token}` has no number before"))?;
            total += count * unit;
        }
    }
    total += pending.unwrap_or(0.0);
    if total >= 1e12 {
        return Err(format!("`{text}` is too long"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite, not negative and below 1e12 by the checks above"
    )]
    Ok(total.round() as u64)
}

/// Numbers and words, split at blanks and where one turns into the other.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_ascii_whitespace().flat_map(|word| {
        let mut parts = Vec::new();
        let mut start = 0;
        let numeric = |b: u8| b.is_ascii_digit() || b == b'.';
        for at in 1..word.len() {
            let (before, here) = (word.as_bytes()[at - 1], word.as_bytes()[at]);
            let turn = numeric(before) != numeric(here) || before == b',' || here == b',';
            if turn && word.is_char_boundary(at) {
                parts.push(&word[start..at]);
                start = at;
            }
        }
        parts.push(&word[start..]);
        parts
    })
}

fn unit(word: &str) -> Option<f64> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "wk" | "wks" | "week" | "weeks" => 7.0 * DAY,
        "mo" | "mos" | "mon" | "month" | "months" => 30.0 * DAY,
        "y" | "yr" | "yrs" | "year" | "years" => 365.25 * DAY,
        _ => return None,
    })
}

/// `h:m:s`, `m:s`, with days in front if there are four parts.
fn clock(text: &str) -> Option<u64> {
    let units = [1, 60, 3_600, 86_400];
    let parts: Vec<&str> = text.rsplit(':').collect();
    if parts.len() > units.len() {
        return None;
    }
    parts
        .iter()
        .zip(units)
        .try_fold(0_u64, |sum, (part, unit)| {
            sum.checked_add(
                part.trim()
                    .parse::<u32>()
                    .ok()
                    .map(u64::from)?
                    .checked_mul(unit)?,
            )
        })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn written_durations_are_seconds() {
        for (text, seconds) in [
            ("42", 42),
            ("42 seconds", 42),
            ("3 mins 4 sec", 184),
            ("2 hrs 20 min", 8_400),
            ("2h20min", 8_400),
            ("6 mos 1 day", 15_638_400),
            ("47 yrs 6 mos and 4d", 1_499_104_800),
            ("3 weeks and 2 days", 1_987_200),
            ("1.5 hours", 5_400),
            ("1:30:00", 5_400),
            ("1 week", 604_800),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn other_text_is_refused_by_its_word() {
        assert_eq!(parse("soon").unwrap_err(), "`soon` is not a unit of time");
        for text in ["", "hours", "1 2", "-1h", "1h é2", "99999999999999 y"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
