//! Sizes with a unit, as people write them.

const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// Reads `512MiB`, `2 GiB` or `100MB` into bytes.
///
/// # Errors
/// A sentence saying what is wrong: no whole number, no or an unknown unit, or too large.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = (&text[..digits], text[digits..].trim_start());
    if number.is_empty() {
        return Err(format!(
            "\"{text}\" is not a size; write a whole number and a unit, such as \"512MiB\""
        ));
    }
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    let Some((_, factor)) = known else {
        return Err(format!(
            "\"{text}\" has no unit that is known; units are B, KB, KiB, MB, MiB, GB, GiB"
        ));
    };
    let bytes = number.parse::<u64>().ok();
    bytes
        .and_then(|number| number.checked_mul(*factor))
        .ok_or_else(|| format!("\"{text}\" is too large for a size"))
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn units_are_read_and_slips_are_named() {
        assert_eq!(parse_size("512MiB"), Ok(512 << 20));
        assert_eq!(parse_size(" 2 GB "), Ok(2_000_000_000));
        for slip in ["512", "1.5GiB", "MiB", "2 gib", "", "99999999999999999GiB"] {
            assert!(parse_size(slip).is_err(), "{slip}");
        }
    }
}
