//! Messages that say where in a text something is wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A message about a place in a text file.
///
/// `Display` writes `file:line:column: message`, leaving out the parts that are not known, which
/// is the form editors and the command line turn into links.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Located {
    /// Path as the user gave it, or the name of the input.
    pub file: String,
    /// Line, counted from 1; 0 when the whole file is meant.
    pub line: u32,
    /// Column in characters, counted from 1; 0 when the whole line is meant.
    pub column: u32,
    /// What is wrong and what to do.
    pub message: String,
}

impl Located {
    /// A message about one place in `file` (`line` and `column` counted from 1).
    pub fn new(
        file: impl Into<String>,
        line: u32,
        column: u32,
        message: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            line,
            column,
            message: message.into(),
        }
    }

    /// A message about a whole file.
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(file, 0, 0, message)
    }

    /// A message about the byte `offset` of `text`, which was read from `file`.
    ///
    /// An offset outside the text, or inside a character, is moved back to the nearest character.
    pub fn at_offset(
        file: impl Into<String>,
        text: &str,
        offset: usize,
        message: impl Into<String>,
    ) -> Self {
        let (line, column) = line_and_column(text, offset);
        Self::new(file, line, column, message)
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Located {}

/// Line and column (characters), both counted from 1, of the byte `offset` in `text`.
pub fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let start_of_line = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before[start_of_line..].chars().count() + 1;
    (
        u32::try_from(line).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unknown_places_are_left_out() {
        assert_eq!(
            Located::new("a.yml", 3, 7, "bad").to_string(),
            "a.yml:3:7: bad"
        );
        assert_eq!(
            Located::new("a.yml", 3, 0, "bad").to_string(),
            "a.yml:3: bad"
        );
        assert_eq!(Located::of_file("a.yml", "bad").to_string(), "a.yml: bad");
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = "一二\n三四五";
        let offset = text.find('五').expect("present");
        assert_eq!(line_and_column(text, offset), (2, 3));
    }

    proptest! {
        #[test]
        fn every_offset_has_a_place(text in "(?s).{0,80}", offset in 0_usize..400) {
            let (line, column) = line_and_column(&text, offset);
            prop_assert!(line >= 1 && column >= 1);
            prop_assert!(line as usize <= text.matches('\n').count() + 1);
        }
    }
}
