//! Cobertura coverage reports.
//!
//! Only lines and their hits are taken; every figure is recomputed from them. Totals the file states
//! are held against its lines ([`Coverage::contradictions`]), never used.

use std::collections::BTreeSet;

use crate::cobertura_totals::{Claims, Tally};
use crate::coverage::{Coverage, FileCoverage, LineBranches};
use crate::detect;
use crate::limits::Limits;
use crate::outcome::{Outcome, push_note};
use crate::text::decode_xml;
use crate::xml::{Cursor, Element, Fault, Node, shorten};

/// Reads a Cobertura report under the default [`Limits`].
pub fn read(bytes: &[u8]) -> Outcome<Coverage> {
    read_with(bytes, &Limits::default())
}

/// Reads a Cobertura report under `limits`.
///
/// A line in several classes of one file is covered if any of them ran it, and the hits are added.
/// Lines listed both in a method and in its class count once, as the class has them.
pub fn read_with(bytes: &[u8], limits: &Limits) -> Outcome<Coverage> {
    if let Err(reason) = limits.check_size(bytes) {
        return Outcome::refused(reason, 0);
    }
    if let Some(reason) = detect::not_xml(bytes, "a Cobertura report") {
        return Outcome::refused(reason, 0);
    }
    let decoded = match decode_xml(bytes) {
        Ok(decoded) => decoded,
        Err(reason) => return Outcome::refused(reason, 1),
    };
    let mut cursor = Cursor::new(&decoded.text, *limits);
    let mut reader = CoberturaReader::default();
    let end = reader.run(&mut cursor);
    let CoberturaReader {
        mut coverage,
        root_seen,
        first_bad,
        bad_lines,
        refused,
        claims,
        tally,
        ..
    } = reader;
    if decoded.replaced {
        coverage.bytes_replaced = true;
        push_note(
            &mut coverage.notes,
            0,
            "bytes that are not text were replaced by U+FFFD",
        );
    }
    match (end, first_bad) {
        (Ok(()), _) if !root_seen => Outcome::refused("the file has no XML element", 1),
        (Ok(()), None) => {
            coverage.contradictions = claims.contradictions(&tally, &coverage);
            Outcome::Parsed { value: coverage }
        }
        (Ok(()), Some(bad)) => {
            let more = match bad_lines {
                1 => String::new(),
                count => format!(" (the first of {count} such elements)"),
            };
            let reason = format!("{}{more}", bad.message);
            Outcome::Partial {
                value: coverage,
                reason,
                line: bad.line,
            }
        }
        (Err(fault), _) if fault.hostile || refused || !root_seen => {
            Outcome::refused(fault.message, fault.line)
        }
        (Err(fault), _) => Outcome::Partial {
            value: coverage,
            reason: fault.message,
            line: fault.line,
        },
    }
}

/// What is open, innermost last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Root,
    Sources,
    Source,
    Class,
    Methods,
    Lines,
    Other,
}

#[derive(Default)]
struct CoberturaReader {
    coverage: Coverage,
    stack: Vec<Open>,
    root_seen: bool,
    /// The root was recognised as another format.
    refused: bool,
    /// Path of the open class.
    file: Option<String>,
    class_lines: ListedLines,
    method_lines: ListedLines,
    source: String,
    first_bad: Option<Fault>,
    bad_lines: u64,
    /// What the root says of the whole, and what there is to hold it against.
    claims: Claims,
    tally: Tally,
}

/// Lines as listed, in order; a line may be listed again.
#[derive(Default)]
struct ListedLines {
    hits: Vec<(u32, u64)>,
    branches: Vec<(u32, LineBranches)>,
}

impl CoberturaReader {
    fn run(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        loop {
            match cursor.next()? {
                Node::Start(element) => {
                    let open = self.open(cursor, &element)?;
                    self.stack.push(open);
                }
                Node::Text(text) => {
                    if self.stack.last() == Some(&Open::Source) {
                        self.source.push_str(&text);
                    }
                }
                Node::End => self.close(),
                Node::Finish => return Ok(()),
            }
        }
    }

    fn open(&mut self, cursor: &Cursor<'_>, element: &Element<'_>) -> Result<Open, Fault> {
        let name = element.name();
        match (self.stack.last(), name) {
            (None, _) if self.root_seen => {
                Err(cursor.broken(element.offset(), "content after the end of the report"))
            }
            (None, "coverage") => {
                self.root_seen = true;
                if element.attribute(cursor, "clover")?.is_some() {
                    return self.refuse(cursor, element, CLOVER);
                }
                self.claims = Claims::read(cursor, element)?;
                Ok(Open::Root)
            }
            (None, other) => {
                let message =
                    detect::wrong_root(other, "a Cobertura report (root coverage) or LCOV");
                self.refuse(cursor, element, &message)
            }
            (Some(Open::Root), "project") => self.refuse(cursor, element, CLOVER),
            (Some(Open::Root), "file") => self.refuse(cursor, element, SONAR),
            (Some(Open::Root), "sources") => Ok(Open::Sources),
            (Some(Open::Sources), "source") => Ok(Open::Source),
            (_, "class") => {
                self.file = None;
                let file = element.attribute(cursor, "filename")?;
                match file
                    .as_deref()
                    .map(str::trim)
                    .filter(|file| !file.is_empty())
                {
                    Some(file) => self.file = Some(file.to_owned()),
                    None => self.bad(cursor, element, "a <class> has no filename"),
                }
                Ok(Open::Class)
            }
            (_, "methods") => Ok(Open::Methods),
            (_, "lines") => Ok(Open::Lines),
            (Some(Open::Lines), "line") => {
                self.take_line(cursor, element)?;
                Ok(Open::Other)
            }
            _ => Ok(Open::Other),
        }
    }

    fn refuse(
        &mut self,
        cursor: &Cursor<'_>,
        element: &Element<'_>,
        message: &str,
    ) -> Result<Open, Fault> {
        self.refused = true;
        Err(cursor.broken(element.offset(), message))
    }

    fn bad(&mut self, cursor: &Cursor<'_>, element: &Element<'_>, message: &str) {
        self.bad_lines += 1;
        if self.first_bad.is_none() {
            self.first_bad = Some(cursor.broken(element.offset(), message));
        }
    }

    fn take_line(&mut self, cursor: &Cursor<'_>, element: &Element<'_>) -> Result<(), Fault> {
        if self.file.is_none() {
            return Ok(());
        }
        let [number, hits, conditions] =
            element.attributes(cursor, ["number", "hits", "condition-coverage"])?;
        let (Some(line), Some(hits)) = (
            number
                .as_deref()
                .and_then(|text| text.trim().parse().ok())
                .filter(|line| *line > 0),
            hits.as_deref().and_then(read_hits),
        ) else {
            let message = format!(
                "<line number=\"{}\" hits=\"{}\"> is not a line with a count of hits and was \
                 skipped",
                shorten(number.as_deref().unwrap_or_default()),
                shorten(hits.as_deref().unwrap_or_default()),
            );
            self.bad(cursor, element, &message);
            return Ok(());
        };
        let branches = conditions.as_deref().map(read_conditions);
        if let (Some(None), Some(text)) = (&branches, &conditions) {
            let message = format!(
                "condition-coverage=\"{}\" is not of the form `50% (1/2)` and was skipped",
                shorten(text)
            );
            self.bad(cursor, element, &message);
        }
        let lines = if self.stack.contains(&Open::Methods) {
            &mut self.method_lines
        } else {
            &mut self.class_lines
        };
        lines.hits.push((line, hits));
        lines
            .branches
            .extend(branches.flatten().map(|branches| (line, branches)));
        Ok(())
    }

    fn close(&mut self) {
        match self.stack.pop() {
            Some(Open::Source) => {
                let source = std::mem::take(&mut self.source);
                if !source.trim().is_empty() {
                    self.coverage.source_roots.insert(source.trim().to_owned());
                }
            }
            Some(Open::Class) => self.close_class(),
            _ => {}
        }
    }

    fn close_class(&mut self) {
        let methods = std::mem::take(&mut self.method_lines);
        let mut lines = std::mem::take(&mut self.class_lines);
        let Some(path) = self.file.take() else { return };
        self.tally.class(&lines.hits, &methods.hits);
        if !methods.hits.is_empty() {
            let listed: BTreeSet<u32> = lines.hits.iter().map(|(line, _)| *line).collect();
            let only = |line: u32| !listed.contains(&line);
            lines
                .hits
                .extend(methods.hits.into_iter().filter(|(line, _)| only(*line)));
            lines
                .branches
                .extend(methods.branches.into_iter().filter(|(line, _)| only(*line)));
        }
        let file: &mut FileCoverage = self.coverage.files.entry(path).or_default();
        if file.lines.is_empty() && lines.hits.is_sorted_by(|a, b| a.0 < b.0) {
            // The usual case, and much the fastest way to fill a map.
            file.lines = lines.hits.into_iter().collect();
        } else {
            for (line, hits) in lines.hits {
                file.hit(line, hits);
            }
        }
        for (line, branches) in lines.branches {
            file.branches.entry(line).or_default().merge(&branches);
        }
    }
}

const CLOVER: &str = "this is a Clover report, which is not read; write Cobertura instead \
     (PHPUnit: `--coverage-cobertura FILE`, istanbul: the `cobertura` reporter)";
const SONAR: &str = "this is a SonarQube generic coverage report, which is not read; write \
     Cobertura or LCOV instead";

/// A count of hits; some tools write counts past 2^64 or with a fraction of zero.
fn read_hits(text: &str) -> Option<u64> {
    let text = text.trim();
    let whole = text.strip_suffix(".0").unwrap_or(text);
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(whole.parse().unwrap_or(u64::MAX))
}

/// `50% (1/2)`: what is in the parentheses counts, the percentage is not trusted.
fn read_conditions(text: &str) -> Option<LineBranches> {
    let inside = text.split_once('(')?.1.split_once(')')?.0;
    let (covered, total) = inside.split_once('/')?;
    let (covered, total) = (covered.trim().parse().ok()?, total.trim().parse().ok()?);
    (covered <= total).then(|| LineBranches {
        counted_covered: covered,
        counted_total: total,
        ..LineBranches::default()
    })
}
