//! Durations with a unit, as people write them.

/// Reads `500ms`, `20s`, `15m`, `2h`, also several parts such as `1m 30s`, into milliseconds.
///
/// # Errors
/// A sentence saying what is wrong: no number, no unit, an unknown unit, or too long (over 30
/// days).
pub fn parse_duration_ms(text: &str) -> Result<u64, String> {
    const LIMIT_MS: u64 = 30 * 24 * 3_600_000;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("the duration is empty; write a number and a unit, such as \"20s\"".to_owned());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(format!(
                "\"{text}\" is not a duration; write a whole number and a unit (ms, s, m, h), such as \"20s\""
            ));
        }
        let number: u64 = rest[..digits]
            .parse()
            .map_err(|_| format!("the number in \"{text}\" is too large for a duration"))?;
        rest = rest[digits..].trim_start();
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let factor = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" => {
                return Err(format!(
                    "\"{text}\" has no unit; write ms, s, m or h, such as \"{number}s\""
                ));
            }
            other => {
                return Err(format!(
                    "\"{other}\" in \"{text}\" is not a unit; units are ms, s, m, h, d"
                ));
            }
        };
        rest = rest[letters..].trim_start();
        total = number
            .checked_mul(factor)
            .and_then(|part| total.checked_add(part))
            .filter(|sum| *sum <= LIMIT_MS)
            .ok_or_else(|| format!("\"{text}\" is longer than 30 days"))?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::parse_duration_ms;

    #[test]
    fn units_are_read_and_a_bare_number_is_refused() {
        assert_eq!(parse_duration_ms("500ms"), Ok(500));
        assert_eq!(parse_duration_ms("1m 30s"), Ok(90_000));
        assert_eq!(parse_duration_ms("2h"), Ok(7_200_000));
        assert!(parse_duration_ms("20").unwrap_err().contains("no unit"));
        assert!(parse_duration_ms("20x").unwrap_err().contains("not a unit"));
        assert!(
            parse_duration_ms("-3s")
                .unwrap_err()
                .contains("not a duration")
        );
        assert!(parse_duration_ms("99999d").unwrap_err().contains("30 days"));
        assert!(
            parse_duration_ms("99999999999999999999s")
                .unwrap_err()
                .contains("too large")
        );
        assert!(parse_duration_ms("3秒").unwrap_err().contains("no unit"));
    }
}
