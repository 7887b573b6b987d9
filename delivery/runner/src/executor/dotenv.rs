//! `artifacts:reports:dotenv`: variables a job hands to later jobs (specification §6.5).

use rialto_delivery_run::assignment::JobVariable;
use rialto_delivery_run::size::Size;

/// Largest file, bytes.
pub const MAX_BYTES: usize = 5 * 1024;
/// Most variables.
pub const MAX_VARIABLES: usize = 20;

/// A dotenv file that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDotenvError {
    /// Too large.
    #[error("the file has {}, at most {} are allowed", Size::of(*.0), Size::of(MAX_BYTES))]
    TooLarge(usize),
    /// Too many variables.
    #[error("line {line}: more than {MAX_VARIABLES} variables")]
    TooMany {
        /// 1-based line of the first one too many.
        line: usize,
    },
    /// Not UTF-8.
    #[error("the file is not UTF-8 (byte {0})")]
    NotUtf8(usize),
    /// A line that is not `KEY=value`.
    #[error("line {line}: {problem}; write KEY=value with a key of letters, digits and `_`")]
    Line {
        /// 1-based.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Reads a dotenv file: one `KEY=value` a line, values literal, the last of equal keys wins.
///
/// # Errors
/// On the first thing that breaks the format; blank and comment lines break it.
pub fn parse(bytes: &[u8]) -> Result<Vec<JobVariable>, ParseDotenvError> {
    if bytes.len() > MAX_BYTES {
        return Err(ParseDotenvError::TooLarge(bytes.len()));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|e| ParseDotenvError::NotUtf8(e.valid_up_to()))?;
    let mut variables: Vec<JobVariable> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        let wrong = |problem| ParseDotenvError::Line { line, problem };
        if raw.trim().is_empty() {
            return Err(wrong("a blank line"));
        }
        if raw.trim_start().starts_with('#') {
            return Err(wrong("a comment"));
        }
        let (key, value) = raw.split_once('=').ok_or_else(|| wrong("no `=`"))?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(wrong("not a valid key"));
        }
        if value.contains('\0') {
            return Err(wrong("a NUL character in the value"));
        }
        variables.retain(|v| v.key != key);
        if variables.len() == MAX_VARIABLES {
            return Err(ParseDotenvError::TooMany { line });
        }
        variables.push(JobVariable {
            key: key.to_owned(),
            value: value.to_owned(),
            masked: false,
            file: false,
        });
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text.as_bytes())
            .unwrap()
            .into_iter()
            .map(|v| (v.key, v.value))
            .collect()
    }

    #[test]
    fn the_last_of_equal_keys_wins_and_values_are_literal() {
        assert_eq!(
            pairs("A=1\nB=x=$A \"q\"\nA=2\n"),
            [("B".into(), "x=$A \"q\"".into()), ("A".into(), "2".into())]
        );
    }

    #[test]
    fn every_break_of_the_format_is_named_with_its_line() {
        let text = |t: &str| parse(t.as_bytes()).unwrap_err().to_string();
        assert!(text("A=1\n\nB=2").starts_with("line 2: a blank line"));
        assert!(text("# no").starts_with("line 1: a comment"));
        assert!(text("A=1\nnonsense").starts_with("line 2: no `=`"));
        assert!(text("A-B=1").starts_with("line 1: not a valid key"));
        assert!(text(&"A=1\n".repeat(2000)).contains("at most 5 KiB"));
        let many: String = (0..21).map(|n| format!("K{n}=1\n")).collect();
        assert!(text(&many).starts_with("line 21: more than 20"));
        assert_eq!(parse(b"A=\xff").unwrap_err(), ParseDotenvError::NotUtf8(2));
    }
}
