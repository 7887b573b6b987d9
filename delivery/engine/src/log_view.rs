//! What readers of a log ask for: windows of lines, matches, sections, the line that failed.

use rialto_delivery_store::ids::JobId;
use rialto_delivery_store::job;
use serde::{Deserialize, Serialize};

use crate::error::blocking;
use crate::logs::LogReader;
use crate::{Delivery, DeliveryError};

/// Longest line text that is handed out; the offset leads to the rest.
const LINE_BYTES: u64 = 64 << 10;
/// Largest window of lines.
pub const MAX_LINES: u64 = 5000;
/// Bytes of text in one window.
const WINDOW_BYTES: usize = 16 << 20;

/// A line with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogLine {
    /// From 0.
    pub no: u64,
    /// First byte.
    pub offset: u64,
    /// Raw text, ANSI kept, without the line end.
    pub text: String,
}

/// A window of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LogLines {
    /// Lines in all.
    pub total_lines: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Nothing more will come.
    pub complete: bool,
    /// First line of the window.
    pub from: u64,
    /// The window.
    pub lines: Vec<LogLine>,
}

/// A line that matches, or that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogMatch {
    /// From 0.
    pub line: u64,
    /// First byte.
    pub offset: u64,
    /// Text without escapes.
    pub text: String,
}

/// Matches of a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LogMatches {
    /// Matching lines in all.
    pub total: u64,
    /// The first ones.
    pub matches: Vec<LogMatch>,
}

/// A section of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LogSection {
    /// Name.
    pub name: String,
    /// Heading.
    pub header: String,
    /// Line of the heading.
    pub start_line: u64,
    /// Line of its end.
    pub end_line: Option<u64>,
    /// RFC 3339.
    pub started_at: String,
    /// How long it took, when it ended.
    pub duration_ms: Option<i64>,
    /// Shown closed at first.
    pub collapsed: bool,
}

/// A piece of a log as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBytes {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// First byte.
    pub start: u64,
    /// Bytes in all.
    pub total: u64,
    /// Nothing more will come.
    pub complete: bool,
}

impl Delivery {
    async fn log_reader(&self, id: &JobId) -> Result<(Option<LogReader>, bool), DeliveryError> {
        let row = job::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("job", id))?;
        let (logs, job) = (self.logs().clone(), id.clone());
        let reader = blocking(move || logs.reader(&job)).await?;
        Ok((reader, row.status.is_completed()))
    }

    /// A range of the stored bytes; without `length` up to 64 MiB.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn log_bytes(
        &self,
        id: &JobId,
        start: u64,
        length: Option<u64>,
    ) -> Result<LogBytes, DeliveryError> {
        let (reader, complete) = self.log_reader(id).await?;
        let Some(reader) = reader else {
            return Ok(LogBytes {
                bytes: Vec::new(),
                start: 0,
                total: 0,
                complete,
            });
        };
        blocking(move || {
            let bytes = reader
                .bytes(start, length.unwrap_or(64 << 20).min(64 << 20))
                .map_err(|source| DeliveryError::File {
                    path: "job log".into(),
                    source,
                })?;
            Ok(LogBytes {
                bytes,
                start,
                total: reader.size(),
                complete,
            })
        })
        .await
    }

    /// A window of lines; a negative `from` counts from the end.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn log_lines(
        &self,
        id: &JobId,
        from: i64,
        count: u64,
    ) -> Result<LogLines, DeliveryError> {
        let (reader, complete) = self.log_reader(id).await?;
        let Some(reader) = reader else {
            let lines = Vec::new();
            return Ok(LogLines {
                total_lines: 0,
                total_bytes: 0,
                complete,
                from: 0,
                lines,
            });
        };
        blocking(move || {
            let total = reader.line_count();
            let from = match u64::try_from(from) {
                Ok(from) => from.min(total),
                Err(_) => total.saturating_sub(from.unsigned_abs()),
            };
            let mut lines = Vec::new();
            let mut bytes = 0;
            for no in from..total.min(from + count.min(MAX_LINES)) {
                let text = reader.line(no, LINE_BYTES).map_err(unreadable)?;
                bytes += text.len();
                lines.push(LogLine {
                    no,
                    offset: reader.start_of(no),
                    text,
                });
                if bytes > WINDOW_BYTES {
                    break;
                }
            }
            let total_bytes = reader.size();
            Ok(LogLines {
                total_lines: total,
                total_bytes,
                complete,
                from,
                lines,
            })
        })
        .await
    }

    /// Lines that contain a text, letter case and escapes aside.
    ///
    /// # Errors
    /// [`DeliveryError::Invalid`] for an empty text.
    pub async fn log_search(
        &self,
        id: &JobId,
        query: &str,
        limit: usize,
    ) -> Result<LogMatches, DeliveryError> {
        if query.is_empty() {
            return Err(DeliveryError::invalid(
                "/q",
                "required",
                "give a text to look for",
            ));
        }
        let (reader, _) = self.log_reader(id).await?;
        let Some(reader) = reader else {
            return Ok(LogMatches {
                total: 0,
                matches: Vec::new(),
            });
        };
        let query = query.to_lowercase();
        blocking(move || {
            let text = reader.text().map_err(unreadable)?;
            let mut found = LogMatches {
                total: 0,
                matches: Vec::new(),
            };
            for (line, raw) in text.split('\n').enumerate() {
                let plain = strip_escapes(raw);
                if plain.to_lowercase().contains(&query) {
                    found.total += 1;
                    if found.matches.len() < limit {
                        let offset = reader.start_of(line as u64);
                        found.matches.push(LogMatch {
                            line: line as u64,
                            offset,
                            text: plain,
                        });
                    }
                }
            }
            Ok(found)
        })
        .await
    }

    /// Sections in order of their start.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn log_sections(&self, id: &JobId) -> Result<Vec<LogSection>, DeliveryError> {
        let (reader, _) = self.log_reader(id).await?;
        let Some(reader) = reader else {
            return Ok(Vec::new());
        };
        blocking(move || Ok(sections(&reader.text().map_err(unreadable)?))).await
    }
}

fn unreadable(source: std::io::Error) -> DeliveryError {
    DeliveryError::File {
        path: "job log".into(),
        source,
    }
}

/// Text without escape sequences; of a line rewritten by `CR`, what is seen last.
#[must_use]
pub fn strip_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            if !c.is_control() || c == '\t' {
                out.push(c);
            } else if c == '\r' && chars.peek().is_some() {
                out.clear();
            }
            continue;
        }
        match chars.next() {
            Some('[') => {
                let _ = chars.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c));
            }
            Some(']') => {
                let _ = chars.by_ref().find(|c| *c == '\u{7}' || *c == '\\');
            }
            _ => {}
        }
    }
    out
}

/// Reads the section marks of a log (specification §7); an unclosed one ends at its parent.
fn sections(text: &str) -> Vec<LogSection> {
    let mut found: Vec<LogSection> = Vec::new();
    // Open sections: index into `found` and start in seconds.
    let mut open: Vec<(usize, i64)> = Vec::new();
    for (line, raw) in (0_u64..).zip(text.split('\n')) {
        let mut rest = raw;
        while let Some(at) = rest.find("section_") {
            rest = &rest[at + "section_".len()..];
            if let Some(mark) = rest.strip_prefix("start:") {
                let Some((unix, name, options)) = parse_mark(mark) else {
                    continue;
                };
                let header = mark.split_once('\r').map_or("", |(_, header)| header);
                open.push((found.len(), unix));
                found.push(LogSection {
                    name: name.to_owned(),
                    header: strip_escapes(header),
                    start_line: line,
                    end_line: None,
                    started_at: rfc3339(unix),
                    duration_ms: None,
                    collapsed: options.contains("collapsed=true"),
                });
            } else if let Some(mark) = rest.strip_prefix("end:") {
                let Some((unix, name, _)) = parse_mark(mark) else {
                    continue;
                };
                let Some(depth) = open.iter().rposition(|(i, _)| found[*i].name == name) else {
                    continue;
                };
                for (index, start) in open.drain(depth..) {
                    found[index].end_line = Some(line);
                    found[index].duration_ms = Some((unix - start).max(0) * 1000);
                }
            }
        }
    }
    found
}

/// `UNIX:NAME[options]` up to the carriage return.
fn parse_mark(mark: &str) -> Option<(i64, &str, &str)> {
    let mark = mark.split(['\r', '\u{1b}']).next()?;
    let (unix, rest) = mark.split_once(':')?;
    let (name, options) = rest.split_once('[').unwrap_or((rest, ""));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let valid = !name.is_empty() && name.bytes().all(plain);
    valid.then_some(())?;
    Some((unix.parse().ok()?, name, options))
}

fn rfc3339(unix: i64) -> String {
    jiff::Timestamp::from_second(unix).map_or_else(|_| String::new(), |at| at.to_string())
}

/// Marks of a failure, strongest first.
const FAILURE_MARKS: &[&[&str]] = &[
    &[
        "panicked at",
        "Traceback (most recent call last)",
        "AssertionError",
        "assertion failed",
    ],
    &[
        "error[E", "error: ", "ERROR: ", "Error: ", "fatal: ", ": error:", "npm ERR!",
    ],
    &["FAILED", "FAIL:", "--- FAIL", "not ok ", "[FAIL]"],
    &[
        "command not found",
        "No such file or directory",
        "Permission denied",
        "Killed",
    ],
];

/// Section of a log that holds the output of the script; everything else is the runner's.
const SCRIPT_SECTION: &str = "step_script";

/// The line that says why a script failed: the first of its lines with the strongest mark there is,
/// lines the runner echoed aside; otherwise its last line that is not blank. Nothing where the log
/// has sections and the script none of them: what failed then is the runner's to say.
pub(crate) fn failing_line(reader: &LogReader) -> std::io::Result<Option<LogMatch>> {
    let found = failing_line_of(&reader.text()?);
    Ok(found.map(|(line, text)| LogMatch {
        line,
        offset: reader.start_of(line),
        text: text.chars().take(500).collect(),
    }))
}

fn failing_line_of(text: &str) -> Option<(u64, String)> {
    let own = script_lines(text);
    let mut best: Option<(usize, u64, String)> = None;
    let mut last: Option<(u64, String)> = None;
    for (line, raw) in (0_u64..).zip(text.split('\n')) {
        let mark = raw.contains("section_start:") || raw.contains("section_end:");
        if mark || !own.contains(&line) {
            continue;
        }
        let plain = strip_escapes(raw);
        if plain.trim().is_empty() {
            continue;
        }
        if !plain.starts_with("$ ") {
            let rank = FAILURE_MARKS
                .iter()
                .position(|marks| marks.iter().any(|m| plain.contains(m)));
            let better = |rank: usize| best.as_ref().is_none_or(|(known, ..)| rank < *known);
            // The closing word of the runner is true of every failed job and says nothing.
            if let Some(rank) =
                rank.filter(|r| better(*r) && !plain.starts_with("ERROR: Job failed"))
            {
                best = Some((rank, line, plain.clone()));
            }
        }
        last = Some((line, plain));
    }
    best.map(|(_, line, text)| (line, text)).or(last)
}

/// Lines of the script's own section; all of them in a log without sections.
///
/// A script may open sections of its own inside, and print what looks like an end of the outer one:
/// the last end counts, which is the runner's.
fn script_lines(text: &str) -> std::ops::Range<u64> {
    let mut any = false;
    let (mut start, mut end) = (None, None);
    for (line, raw) in (0_u64..).zip(text.split('\n')) {
        for part in raw.split("section_").skip(1) {
            let marks = [("start:", true), ("end:", false)];
            let mark = marks.iter().find_map(|(word, opens)| {
                let (_, name, _) = parse_mark(part.strip_prefix(word)?)?;
                Some((name, *opens))
            });
            any |= mark.is_some();
            match mark {
                Some((SCRIPT_SECTION, true)) if start.is_none() => start = Some(line + 1),
                Some((SCRIPT_SECTION, false)) => end = Some(line),
                _ => {}
            }
        }
    }
    match start {
        Some(start) => start..end.unwrap_or(u64::MAX),
        None if any => 0..0,
        None => 0..u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_nest_and_an_unclosed_one_ends_with_its_parent() {
        let log = "\u{1b}[0Ksection_start:100:outer\r\u{1b}[0K\u{1b}[1mOuter\u{1b}[0m\n\
                   \u{1b}[0Ksection_start:101:inner[collapsed=true]\r\u{1b}[0KInner\nx\n\
                   \u{1b}[0Ksection_end:105:outer\r\u{1b}[0K\n";
        let found = sections(log);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].name.as_str(), found[0].header.as_str()),
            ("outer", "Outer")
        );
        assert_eq!((found[0].start_line, found[0].end_line), (0, Some(3)));
        assert_eq!(found[0].duration_ms, Some(5000));
        assert!(found[1].collapsed && !found[0].collapsed);
        assert_eq!(
            (found[1].end_line, found[1].duration_ms),
            (Some(3), Some(4000))
        );
        assert_eq!(found[0].started_at, "1970-01-01T00:01:40Z");
    }

    #[test]
    fn escapes_are_nothing_and_a_rewritten_line_shows_its_last_text() {
        assert_eq!(strip_escapes("\u{1b}[31mred\u{1b}[0m"), "red");
        assert_eq!(strip_escapes("10%\r20%\r30%"), "30%");
        assert_eq!(strip_escapes("done\r"), "done");
        assert_eq!(strip_escapes("\u{1b}]8;;http://x\u{7}link"), "link");
    }

    /// A log as the runner writes it: sections of its own around the script's.
    fn log_around(script: &str, after: &str) -> String {
        let section = |name: &str, text: &str| {
            format!(
                "\u{1b}[0Ksection_start:100:{name}\r\u{1b}[0K\u{1b}[36;1mHead\u{1b}[0;m\n{text}\
                 \u{1b}[0Ksection_end:101:{name}\r\u{1b}[0K"
            )
        };
        section(
            "restore_cache",
            "WARNING: fatal: the cache cannot be read\n",
        ) + &section("step_script", script)
            + &section("after_script", after)
            + &section(
                "upload_artifacts",
                "ERROR: report.xml: No such file or directory\n",
            )
            + "ERROR: Job failed: the script ended with exit status 1\n"
    }

    #[test]
    fn the_line_that_failed_is_one_of_the_script_and_never_one_of_the_runner() {
        let found = |script: &str| failing_line_of(&log_around(script, "error: not mine\n"));
        let weak = found("$ ./check\n2 of 5 differ\n");
        assert_eq!(weak, Some((4, "2 of 5 differ".to_owned())));
        let marked = found("$ make\nx.c:1: error: no y\nmake: leaving\n");
        assert_eq!(marked, Some((4, "x.c:1: error: no y".to_owned())));
        // Sections of the script's own belong to it, an end it printed ends nothing.
        let nested = "a\n\u{1b}[0Ksection_start:100:mine\r\u{1b}[0KMine\n\
                      section_end:100:step_script\r\nFAILED x\n";
        assert_eq!(found(nested), Some((6, "FAILED x".to_owned())));
        assert_eq!(found(""), None);
    }

    #[test]
    fn a_job_that_never_came_to_its_script_has_no_line_that_failed() {
        let log = "\u{1b}[0Ksection_start:100:get_sources\r\u{1b}[0KSources\nfatal: not found\n\
                   \u{1b}[0Ksection_end:101:get_sources\r\u{1b}[0K\
                   ERROR: Job failed: the sources could not be read\n";
        assert_eq!(failing_line_of(log), None);
        let bare = "fatal: not found\nbye\n";
        assert_eq!(
            failing_line_of(bare),
            Some((0, "fatal: not found".to_owned()))
        );
    }
}
