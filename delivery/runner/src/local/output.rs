//! From log bytes to the lines a person at a terminal wants to see.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::Reporter;
use crate::log::{FileSink, LogSink};

/// A line that does not end is shown in pieces of this many bytes.
const LONGEST_LINE: usize = 16 * 1024;

/// Keeps the whole log in a file and shows the script's lines; of the other sections only
/// warnings and errors.
pub(super) struct ScreenSink {
    pub file: FileSink,
    pub job: String,
    pub reporter: Arc<Mutex<Box<dyn Reporter>>>,
    pub line: Vec<u8>,
    pub in_script: bool,
}

impl LogSink for ScreenSink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)?;
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            self.show(false);
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > LONGEST_LINE {
            self.show(true);
        }
        Ok(())
    }

    /// The log of a local run need not survive a power cut.
    fn sync(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.show(false);
        }
        Ok(())
    }
}

impl ScreenSink {
    fn show(&mut self, partial: bool) {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let Some(text) = self.without_markers(text.trim_end_matches('\r')) else {
            return;
        };
        let told = text.starts_with("\u{1b}[33;1mWARNING") || text.starts_with("\u{1b}[31;1mERROR");
        if self.in_script || told {
            let mut reporter = self.reporter.lock().unwrap_or_else(PoisonError::into_inner);
            reporter.line(&self.job, text, partial);
        }
    }

    /// Takes section markers off the front of a line and notes where the log is. `None` when the
    /// line is a section's header.
    fn without_markers<'t>(&mut self, line: &'t str) -> Option<&'t str> {
        let mut rest = line;
        while let Some(marker) = rest.strip_prefix("\u{1b}[0Ksection_") {
            let Some((marker, after)) = marker.split_once('\r') else {
                break;
            };
            let after = after.strip_prefix("\u{1b}[0K").unwrap_or(after);
            let name = marker.rsplit(':').next().unwrap_or_default();
            if marker.starts_with("start:") {
                self.in_script = matches!(name, "step_script" | "after_script");
                return None;
            }
            self.in_script = false;
            rest = after;
        }
        Some(rest)
    }
}

/// A line without its terminal control sequences.
#[must_use]
pub fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            if c == '\t' || !c.is_control() {
                out.push(c);
            }
        } else if chars.peek() == Some(&'[') {
            chars.next();
            for c in chars.by_ref() {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_taken_out() {
        assert_eq!(plain("\u{1b}[32;1m$ a\u{1b}[0;m\tb\u{7}\r"), "$ a\tb");
    }
}
