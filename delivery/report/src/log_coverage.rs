//! The figure that the `coverage:` keyword takes from a job log.

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// A `coverage:` pattern, ready for use.
#[derive(Debug, Clone)]
pub struct LogCoverage {
    pattern: Regex,
    number: Regex,
}

/// Why a `coverage:` value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadLogPatternError {
    /// The slashes are missing.
    #[error(
        "`coverage` must be a regular expression between slashes, such as '/TOTAL.*\\s(\\d+)%/'"
    )]
    NoSlashes,
    /// The expression is wrong, too large, or uses what RE2 does not have.
    #[error("`coverage`: {0}")]
    Pattern(String),
}

impl LogCoverage {
    /// Reads the value of the keyword, `/expression/` in the RE2 language.
    ///
    /// # Errors
    /// [`ReadLogPatternError`] when the slashes are missing or the expression is wrong.
    pub fn new(keyword: &str) -> Result<Self, ReadLogPatternError> {
        const COMPILED_BYTES: usize = 1 << 20;
        let inner = keyword
            .trim()
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'))
            .ok_or(ReadLogPatternError::NoSlashes)?;
        let build = |text: &str| {
            RegexBuilder::new(text)
                .size_limit(COMPILED_BYTES)
                .build()
                .map_err(|error| ReadLogPatternError::Pattern(error.to_string()))
        };
        Ok(Self {
            pattern: build(inner)?,
            number: build(r"\d+(?:\.\d+)?")?,
        })
    }

    /// The figure as written in the log: of the last line with a match, the last match (its last
    /// group if it has groups), the first number in it. A line whose match holds no number does
    /// not count.
    pub fn find(&self, log: &str) -> Option<String> {
        log.lines().rev().find_map(|line| self.in_line(line))
    }

    fn in_line(&self, line: &str) -> Option<String> {
        let captures = self.pattern.captures_iter(line).last()?;
        let text = match captures.len() {
            1 => captures.get(0),
            groups => captures.get(groups - 1),
        }?;
        self.number
            .find(text.as_str())
            .map(|number| number.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{LogCoverage, ReadLogPatternError};

    fn find(pattern: &str, log: &str) -> Option<String> {
        LogCoverage::new(pattern).unwrap().find(log)
    }

    #[test]
    fn the_last_matching_line_the_last_match_and_the_first_number_count() {
        let log = "Coverage: 10%\nCoverage: 20% Coverage: 87.5% of 99\nbye\n";
        assert_eq!(find("/Coverage: [^C]*/", log).as_deref(), Some("87.5"));
    }

    #[test]
    fn an_escaped_slash_is_a_slash() {
        assert_eq!(
            find(r"/lines\/all \d+/", "lines/all 7").as_deref(),
            Some("7")
        );
        assert_eq!(find(r"/a\\\/\d/", r"a\/7").as_deref(), Some("7"));
    }

    #[test]
    fn a_group_narrows_the_match() {
        let log = "TOTAL    120   9    92%\n";
        assert_eq!(find(r"/TOTAL.*\s+(\d+)%/", log).as_deref(), Some("92"));
    }

    #[test]
    fn a_match_without_a_number_does_not_count() {
        assert_eq!(
            find(r"/cov \S+/", "cov 81\r\ncov none\r\n").as_deref(),
            Some("81")
        );
        assert_eq!(find(r"/cov \S+/", "nothing here"), None);
    }

    #[test]
    fn a_pattern_without_slashes_or_with_a_fault_is_refused() {
        assert_eq!(
            LogCoverage::new("TOTAL").unwrap_err(),
            ReadLogPatternError::NoSlashes
        );
        assert_eq!(
            LogCoverage::new("/").unwrap_err(),
            ReadLogPatternError::NoSlashes
        );
        assert!(matches!(
            LogCoverage::new("/(/"),
            Err(ReadLogPatternError::Pattern(_))
        ));
        let huge = "/(?:a{1000}){1000}/";
        assert!(matches!(
            LogCoverage::new(huge),
            Err(ReadLogPatternError::Pattern(_))
        ));
    }
}
