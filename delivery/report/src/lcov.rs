//! LCOV tracefiles.
//!
//! `SF`, `DA` and `BRDA` are taken and every figure is recomputed from them; the totals `LF` and `LH`
//! are held against the lines ([`Coverage::contradictions`]), never used. Functions (`FN`, `FNDA`, `FNL`, `FNA`, `FNF`, `FNH`) are known and not counted.

use crate::coverage::{Coverage, FileCoverage};
use crate::detect::{self, Guess};
use crate::lcov_totals::Record;
use crate::limits::Limits;
use crate::outcome::{Outcome, push_note};
use crate::text::decode_plain;
use crate::xml::shorten;

/// Reads an LCOV tracefile under the default [`Limits`].
pub fn read(bytes: &[u8]) -> Outcome<Coverage> {
    read_with(bytes, &Limits::default())
}

/// Reads an LCOV tracefile under `limits`.
///
/// A record that cannot be read is skipped and makes the reading partial, and so does a missing
/// `end_of_record`; an unknown keyword is only noted.
pub fn read_with(bytes: &[u8], limits: &Limits) -> Outcome<Coverage> {
    if let Err(reason) = limits.check_size(bytes) {
        return Outcome::refused(reason, 0);
    }
    match detect::guess(bytes) {
        Guess::Lcov | Guess::Unknown => {}
        Guess::Empty => return Outcome::refused("the file is empty", 0),
        Guess::Xml => return Outcome::refused("the file is XML, not an LCOV tracefile", 1),
        Guess::Json => return Outcome::refused("the file is JSON, not an LCOV tracefile", 1),
        Guess::GoProfile => {
            return Outcome::refused("the file is a Go cover profile, not an LCOV tracefile", 1);
        }
        Guess::Zip | Guess::Gzip => {
            return Outcome::refused("the file is packed; upload the tracefile itself", 0);
        }
    }
    let decoded = decode_plain(bytes);
    let mut reader = LcovReader::default();
    for (index, line) in decoded.text.lines().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if u64::from(number) > limits.nodes {
            let reason = format!(
                "the file has more than {} lines; split the report",
                limits.nodes
            );
            return Outcome::refused(reason, number);
        }
        reader.take(number, line.trim_end_matches('\r').trim_start());
    }
    reader.finish(decoded.replaced)
}

#[derive(Default)]
struct LcovReader {
    coverage: Coverage,
    /// Path and facts of the open record, and the line it began at.
    open: Option<(String, FileCoverage, u32)>,
    /// What the open record says of itself, and the unreadable lines before it.
    record: Record,
    bad_before: u64,
    /// The file names gcovr as its writer.
    by_gcovr: bool,
    records: u64,
    first_bad: Option<(u32, String)>,
    bad: u64,
}

impl LcovReader {
    fn take(&mut self, number: u32, line: &str) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if line == "end_of_record" {
            match self.open.take() {
                Some((path, file, _)) => {
                    // Of a record with unreadable lines nobody knows what its lines make.
                    if self.bad == self.bad_before {
                        let into = &mut self.coverage.contradictions;
                        self.record.judge(&path, &file, self.by_gcovr, into);
                    }
                    self.keep(path, &file);
                }
                None => self.skip(number, "an `end_of_record` without `SF`".to_owned()),
            }
            return;
        }
        let Some((keyword, value)) = line.split_once(':') else {
            self.skip(number, format!("`{}` is not an LCOV record", shorten(line)));
            return;
        };
        self.record.note(keyword, value, number);
        let known = match keyword {
            "SF" => self.open_file(number, value.trim()),
            "DA" => self.line_data(value),
            "BRDA" => self.branch_data(value),
            "TN" => {
                self.by_gcovr |= value.trim() == "GCOVR_report";
                Ok(())
            }
            "LF" | "LH" | "FN" | "FNDA" | "FNF" | "FNH" | "FNL" | "FNA" | "BRF" | "BRH" | "VER"
            | "BA" | "MCDC" | "MCF" | "MCH" => Ok(()),
            other => {
                push_note(
                    &mut self.coverage.notes,
                    number,
                    format!(
                        "the LCOV keyword `{}` is not known and was passed over",
                        shorten(other)
                    ),
                );
                Ok(())
            }
        };
        if let Err(why) = known {
            self.skip(number, format!("`{}`: {why}", shorten(line)));
        }
    }

    fn open_file(&mut self, number: u32, path: &str) -> Result<(), &'static str> {
        if let Some((path, file, began)) = self.open.take() {
            self.skip(
                began,
                format!("the record of {} has no `end_of_record`", shorten(&path)),
            );
            self.keep(path, &file);
        }
        if path.is_empty() {
            return Err("the path is missing");
        }
        self.records += 1;
        self.record = Record::default();
        self.bad_before = self.bad;
        self.open = Some((path.to_owned(), FileCoverage::default(), number));
        Ok(())
    }

    /// `DA:<line>,<hits>[,<checksum>]`
    fn line_data(&mut self, value: &str) -> Result<(), &'static str> {
        let (_, file, _) = self
            .open
            .as_mut()
            .ok_or("it stands outside a file record")?;
        let mut parts = value.split(',');
        let line = line_number(parts.next())?;
        let hits = hits(parts.next())?;
        file.hit(line, hits);
        self.record.line(hits, parts.next().is_some());
        Ok(())
    }

    /// `BRDA:<line>,[e]<block>,<branch>,<taken>`; the branch may itself hold commas.
    fn branch_data(&mut self, value: &str) -> Result<(), &'static str> {
        let (_, file, _) = self
            .open
            .as_mut()
            .ok_or("it stands outside a file record")?;
        let (line, rest) = value.split_once(',').ok_or("four fields are wanted")?;
        let (name, taken) = rest.rsplit_once(',').ok_or("four fields are wanted")?;
        if !name.contains(',') {
            return Err("four fields are wanted");
        }
        let line = line_number(Some(line))?;
        let hits = hits(Some(taken))?;
        let branches = file.branches.entry(line).or_default();
        let own = branches.named.entry(name.to_owned()).or_insert(0);
        *own = own.saturating_add(hits);
        Ok(())
    }

    fn keep(&mut self, path: String, file: &FileCoverage) {
        self.coverage.files.entry(path).or_default().merge(file);
    }

    fn skip(&mut self, number: u32, message: String) {
        self.bad += 1;
        if self.first_bad.is_none() {
            self.first_bad = Some((number, message));
        }
    }

    fn finish(mut self, replaced: bool) -> Outcome<Coverage> {
        if let Some((path, file, began)) = self.open.take() {
            let message = format!(
                "the record of {} has no `end_of_record`; the job may have been stopped while \
                 writing it",
                shorten(&path)
            );
            self.skip(began, message);
            self.keep(path, &file);
        }
        if replaced {
            self.coverage.bytes_replaced = true;
            push_note(
                &mut self.coverage.notes,
                0,
                "bytes that are not text were replaced by U+FFFD",
            );
        }
        if self.records == 0 {
            let line = self.first_bad.as_ref().map_or(1, |(line, _)| *line);
            return Outcome::refused("the file has no LCOV record (`SF:<path>`)", line);
        }
        match self.first_bad {
            None => Outcome::Parsed {
                value: self.coverage,
            },
            Some((line, message)) => {
                let more = match self.bad {
                    1 => String::new(),
                    count => format!(" (the first of {count} such lines)"),
                };
                let reason = format!("{message}{more}");
                Outcome::Partial {
                    value: self.coverage,
                    reason,
                    line,
                }
            }
        }
    }
}

fn line_number(text: Option<&str>) -> Result<u32, &'static str> {
    text.and_then(|text| text.trim().parse().ok())
        .filter(|line| *line > 0)
        .ok_or("the line is not a number from 1")
}

/// `-` means that the code was not reached at all.
fn hits(text: Option<&str>) -> Result<u64, &'static str> {
    let text = text.map(str::trim).unwrap_or_default();
    if text == "-" {
        return Ok(0);
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("the hits are not a count");
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}
