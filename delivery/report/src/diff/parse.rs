//! The parser: hunks are read by their counts, so text that looks like a header stays text.

use thiserror::Error;

use super::path::{of_git_header, strip_prefixes, unquote};
use super::{Change, Diff, FileDiff, Hunk, HunkLine, Side};

/// Why bytes are not a diff that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadDiffError {
    /// A combined diff has several old sides, so "new line" has no meaning.
    #[error(
        "line {line}: this is a combined diff of a merge; make a plain one with \
         `git diff -M --no-color BASE HEAD`"
    )]
    Combined {
        /// Line of the diff, counted from 1.
        line: u64,
    },
    /// The diff was coloured for a terminal.
    #[error("line {line}: the diff holds terminal colours; make it with `--no-color`")]
    Coloured {
        /// Line of the diff, counted from 1.
        line: u64,
    },
    /// Something stands where a header or a hunk should.
    #[error("line {line}: {message}")]
    Malformed {
        /// Line of the diff, counted from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
}

pub(super) fn read(bytes: &[u8]) -> Result<Diff<'_>, ReadDiffError> {
    let mut parser = Parser {
        rest: bytes,
        line: 0,
        diff: Diff::default(),
        in_file: false,
    };
    parser.run()?;
    let nothing = parser.diff.files.is_empty();
    if nothing && !bytes.trim_ascii().is_empty() {
        return Err(ReadDiffError::Malformed {
            line: 1,
            message: "this is not a unified diff; make one with `git diff -M --no-color BASE HEAD`"
                .to_owned(),
        });
    }
    Ok(parser.diff)
}

/// How the headers of a combined diff begin.
const COMBINED: [&[u8]; 3] = [b"diff --cc ", b"diff --combined ", b"@@@ "];

struct Parser<'a> {
    rest: &'a [u8],
    /// Number of the line read last.
    line: u64,
    diff: Diff<'a>,
    /// A file header was met: text between files is no longer allowed.
    in_file: bool,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), ReadDiffError> {
        while let Some(line) = self.next_line() {
            if let Some(rest) = line.strip_prefix(b"diff --git ") {
                self.begin_git_file(rest);
            } else if COMBINED.iter().any(|start| line.starts_with(start)) {
                return Err(ReadDiffError::Combined { line: self.line });
            } else if line.first() == Some(&0x1B) {
                return Err(ReadDiffError::Coloured { line: self.line });
            } else if line.starts_with(b"@@ ") {
                self.hunk(line)?;
            } else if let Some(old) = line.strip_prefix(b"--- ") {
                self.paths(old)?;
            } else if self.in_file {
                self.extended_header(line)?;
            }
        }
        Ok(())
    }

    /// The next line without its `\n`; `None` at the end.
    fn next_line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let (line, rest) = match self.rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &self.rest[self.rest.len()..]),
        };
        self.rest = rest;
        Some(line)
    }

    fn malformed(&self, message: impl Into<String>) -> ReadDiffError {
        ReadDiffError::Malformed {
            line: self.line,
            message: message.into(),
        }
    }

    fn begin_git_file(&mut self, rest: &[u8]) {
        self.in_file = true;
        let mut file = FileDiff::default();
        if let Some((old, new)) = of_git_header(rest) {
            let (old, new) = strip_prefixes(&old, &new);
            file.old_path = Some(old.to_owned());
            file.new_path = Some(new.to_owned());
        }
        self.diff.files.push(file);
    }

    /// `--- old` and the `+++ new` that must follow.
    fn paths(&mut self, old: &'a [u8]) -> Result<(), ReadDiffError> {
        let follows = self.rest.strip_prefix(b"+++ ").is_some();
        if !follows {
            // A mail signature (`-- `) or a line of text before the first file.
            return if self.in_file {
                Err(self.malformed("a `--- ` line is not followed by `+++ `"))
            } else {
                Ok(())
            };
        }
        let old = unquote(old).map_err(|why| self.malformed(why))?;
        let new = self
            .next_line()
            .and_then(|line| line.strip_prefix(b"+++ "))
            .unwrap_or_default();
        let new = unquote(new).map_err(|why| self.malformed(why))?;
        let (old, new) = strip_prefixes(&old, &new);
        let begun = self
            .diff
            .files
            .last()
            .is_some_and(|file| file.hunks.is_empty());
        if !self.in_file || !begun {
            self.in_file = true;
            self.diff.files.push(FileDiff::default());
        }
        let path = |side: &str| (side != "/dev/null").then(|| side.to_owned());
        if let Some(file) = self.diff.files.last_mut() {
            file.old_path = path(old);
            file.new_path = path(new);
            match (&file.old_path, &file.new_path) {
                (None, _) => file.change = Change::Added,
                (_, None) => file.change = Change::Deleted,
                _ => {}
            }
        }
        Ok(())
    }

    /// The lines git writes between `diff --git` and the first hunk.
    fn extended_header(&mut self, line: &'a [u8]) -> Result<(), ReadDiffError> {
        let text = String::from_utf8_lossy(line);
        if text.starts_with("GIT binary patch") {
            self.skip_binary();
        }
        let taken = self
            .diff
            .files
            .last_mut()
            .is_some_and(|file| take_header(file, &text));
        if taken {
            Ok(())
        } else {
            self.renames(line, &text)
        }
    }

    fn renames(&mut self, line: &'a [u8], text: &str) -> Result<(), ReadDiffError> {
        for (prefix, change, to) in [
            ("rename from ", Change::Renamed, false),
            ("rename to ", Change::Renamed, true),
            ("copy from ", Change::Copied, false),
            ("copy to ", Change::Copied, true),
        ] {
            let Some(written) = line.strip_prefix(prefix.as_bytes()) else {
                continue;
            };
            let path = unquote(written)
                .map_err(|why| self.malformed(why))?
                .into_owned();
            if let Some(file) = self.diff.files.last_mut() {
                file.change = change;
                *(if to {
                    &mut file.new_path
                } else {
                    &mut file.old_path
                }) = Some(path);
            }
            return Ok(());
        }
        let harmless = text.is_empty()
            || text.starts_with("similarity index ")
            || text.starts_with("dissimilarity index ")
            || text.starts_with("\\ ");
        if harmless {
            return Ok(());
        }
        // The signature at the end of a mailed patch; what follows is not the diff.
        if text == "-- " || text == "--" {
            self.rest = &[];
            return Ok(());
        }
        let text: String = text.chars().take(60).collect();
        Err(self.malformed(format!("`{text}` is not part of a unified diff")))
    }

    fn skip_binary(&mut self) {
        while !self.rest.is_empty() && !self.rest.starts_with(b"diff --git ") {
            self.next_line();
        }
    }

    fn hunk(&mut self, header: &[u8]) -> Result<(), ReadDiffError> {
        let at = self.line;
        let ranges = read_ranges(header)
            .ok_or_else(|| self.malformed("the hunk header is not `@@ -l,n +l,n @@`"))?;
        if !self.in_file {
            return Err(self.malformed("a hunk stands before any file header"));
        }
        let Ranges {
            old_start,
            mut old_left,
            new_start,
            mut new_left,
        } = ranges;
        let expected = (old_left as usize)
            .saturating_add(new_left as usize)
            .min(self.rest.len());
        let mut lines = Vec::with_capacity(expected.min(4096));
        while old_left > 0 || new_left > 0 {
            let Some(line) = self.next_line() else {
                return Err(ReadDiffError::Malformed {
                    line: at,
                    message: format!(
                        "the diff ends inside this hunk: {old_left} old and {new_left} new lines \
                         are missing"
                    ),
                });
            };
            let (side, text) = match line {
                [b'+', text @ ..] if new_left > 0 => (Side::Added, text),
                [b'-', text @ ..] if old_left > 0 => (Side::Deleted, text),
                [b' ', text @ ..] if old_left > 0 && new_left > 0 => (Side::Context, text),
                // Some programs strip the blank of an empty context line.
                [] | [b'\r'] if old_left > 0 && new_left > 0 => (Side::Context, line),
                [b'\\', ..] => continue,
                _ => return Err(self.malformed("the hunk does not have the lines it announces")),
            };
            old_left -= u32::from(side != Side::Added);
            new_left -= u32::from(side != Side::Deleted);
            lines.push(HunkLine { side, text });
        }
        if let Some(file) = self.diff.files.last_mut() {
            file.hunks.push(Hunk {
                old_start,
                new_start,
                lines,
            });
        }
        Ok(())
    }
}

/// Takes a mode, index or binary line; false if it is none of these.
fn take_header(file: &mut FileDiff<'_>, text: &str) -> bool {
    let mode = |written: &str| u32::from_str_radix(written.trim(), 8).ok();
    if let Some(written) = text.strip_prefix("new file mode ") {
        file.change = Change::Added;
        file.old_path = None;
        file.new_mode = mode(written);
    } else if let Some(written) = text.strip_prefix("deleted file mode ") {
        file.change = Change::Deleted;
        file.new_path = None;
        file.old_mode = mode(written);
    } else if let Some(written) = text.strip_prefix("old mode ") {
        file.old_mode = mode(written);
    } else if let Some(written) = text.strip_prefix("new mode ") {
        file.new_mode = mode(written);
    } else if let Some(written) = text.strip_prefix("index ") {
        if let Some((_, written)) = written.split_once(' ') {
            file.old_mode = mode(written);
            file.new_mode = file.old_mode;
        }
    } else if text.starts_with("Binary files ") || text.starts_with("GIT binary patch") {
        file.binary = true;
    } else {
        return false;
    }
    true
}

struct Ranges {
    old_start: u32,
    old_left: u32,
    new_start: u32,
    new_left: u32,
}

/// `@@ -l[,n] +l[,n] @@`; `n` is 1 when left out.
fn read_ranges(header: &[u8]) -> Option<Ranges> {
    let text = header.strip_prefix(b"@@ -")?;
    let end = text.windows(3).position(|three| three == b" @@")?;
    let (old, new) = std::str::from_utf8(&text[..end]).ok()?.split_once(" +")?;
    let range = |written: &str| -> Option<(u32, u32)> {
        match written.split_once(',') {
            Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
            None => Some((written.parse().ok()?, 1)),
        }
    };
    let ((old_start, old_left), (new_start, new_left)) = (range(old)?, range(new)?);
    // Every line of the hunk has a number.
    old_start.checked_add(old_left)?;
    new_start.checked_add(new_left)?;
    Some(Ranges {
        old_start,
        old_left,
        new_start,
        new_left,
    })
}
