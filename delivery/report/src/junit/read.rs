//! The reader: one pass over the XML with a stack of what is open.

use std::collections::HashMap;

use super::case::OpenCase;
use super::counts::{Counted, Declared, Reruns, Writer};
use super::time::read_seconds;
use super::{TestReport, TestSuite, TestTotals};
use crate::contradiction::{self, Count, KEPT_CONTRADICTIONS};
use crate::detect;
use crate::limits::Limits;
use crate::outcome::{Outcome, push_note};
use crate::text::decode_xml;
use crate::xml::{Cursor, Element, Fault, Node};

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Outcome<TestReport> {
    if let Err(reason) = limits.check_size(bytes) {
        return Outcome::refused(reason, 0);
    }
    if let Some(reason) = detect::not_xml(bytes, "a JUnit test report") {
        return Outcome::refused(reason, 0);
    }
    let decoded = match decode_xml(bytes) {
        Ok(decoded) => decoded,
        Err(reason) => return Outcome::refused(reason, 1),
    };
    let mut reader = JunitReader::new(*limits);
    let mut cursor = Cursor::new(&decoded.text, *limits);
    let end = reader.run(&mut cursor);
    let root_seen = reader.root_seen;
    let mut report = reader.finish();
    if decoded.replaced {
        report.bytes_replaced = true;
        push_note(
            &mut report.notes,
            0,
            "bytes that are not text were replaced by U+FFFD",
        );
    }
    match end {
        Ok(()) if root_seen => Outcome::Parsed { value: report },
        Ok(()) => Outcome::refused("the file has no XML element", 1),
        Err(fault) if fault.hostile || !root_seen => Outcome::refused(fault.message, fault.line),
        Err(fault) => Outcome::Partial {
            value: report,
            reason: fault.message,
            line: fault.line,
        },
    }
}

/// An element that is open, innermost last.
enum Open {
    /// `testsuites`, or a `testsuite` with its place in the report.
    Suite(Box<OpenSuite>),
    /// `testcase`.
    Case(Box<OpenCase>),
    /// `failure`, `error`, `skipped`, a rerun or captured output inside a case: text is kept.
    CaseText,
    /// Anything else: text is passed over.
    Other,
}

struct OpenSuite {
    /// Index in `TestReport::suites`; `None` for the `testsuites` root.
    index: Option<usize>,
    /// Suites directly in it, and what they state of themselves, added up.
    nested: u64,
    stated_inside: [u64; 4],
    declared: Declared,
    offset: usize,
    /// Cases of this suite and of those nested in it.
    inclusive: TestTotals,
    /// Of these, cases that the file calls disabled.
    disabled: u64,
    /// Of these, further cases of a test that was written before.
    repeated: u64,
    writer: Writer,
    /// Failure and error elements.
    failure_elements: u64,
    error_elements: u64,
    /// Runs besides the one a case stands for.
    reruns: Reruns,
}

struct JunitReader {
    limits: Limits,
    report: TestReport,
    stack: Vec<Open>,
    root_seen: bool,
    /// How often each identity was met: suite path, classname, name, file.
    seen: HashMap<(String, String, String, Option<String>), u32>,
    /// The suite without a name for cases that stand outside any.
    outside: Option<usize>,
}

impl JunitReader {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            report: TestReport::default(),
            stack: Vec::new(),
            root_seen: false,
            seen: HashMap::new(),
            outside: None,
        }
    }

    fn run(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        loop {
            match cursor.next()? {
                Node::Start(element) if cursor.depth() == 1 => self.open_root(cursor, &element)?,
                Node::Start(element) => self.open_inner(cursor, &element)?,
                Node::Text(text) => self.take_text(&text),
                Node::End => self.close(cursor),
                Node::Finish => return Ok(()),
            }
        }
    }

    fn finish(mut self) -> TestReport {
        for suite in &self.report.suites {
            self.report.totals.add(&suite.totals);
        }
        self.report
    }

    fn open_root(&mut self, cursor: &Cursor<'_>, element: &Element<'_>) -> Result<(), Fault> {
        if self.root_seen {
            let message = "content after the end of the report";
            return Err(cursor.broken(element.offset(), message));
        }
        match element.name() {
            "testsuites" => {
                self.root_seen = true;
                self.push_suite(cursor, element, None)
            }
            "testsuite" => {
                self.root_seen = true;
                self.open_suite(cursor, element)
            }
            other => Err(cursor.broken(
                element.offset(),
                &detect::wrong_root(other, "a JUnit test report (root testsuites or testsuite)"),
            )),
        }
    }

    fn open_inner(&mut self, cursor: &Cursor<'_>, element: &Element<'_>) -> Result<(), Fault> {
        let in_suite = matches!(self.stack.last(), Some(Open::Suite(_)));
        let in_case = matches!(self.stack.last(), Some(Open::Case(_)));
        match element.name() {
            "testsuite" | "testsuites" if in_suite => self.open_suite(cursor, element),
            "testcase" if in_suite => self.open_case(cursor, element),
            "testcase" => {
                let line = cursor.line_at(element.offset());
                push_note(
                    &mut self.report.notes,
                    line,
                    "a test case inside another element was read as a case of its own",
                );
                self.open_case(cursor, element)
            }
            // A suite that broke in its set-up is a case that broke, or nobody would see it.
            "error" | "failure" if in_suite => {
                let mut open = OpenCase::new("(suite)".to_owned());
                open.take_part(cursor, element, self.limits.case_text_bytes)?;
                self.stack.push(Open::Case(Box::new(open)));
                Ok(())
            }
            _ if in_case => {
                let Some(Open::Case(open)) = self.stack.last_mut() else {
                    return Ok(());
                };
                let keeps_text = open.take_part(cursor, element, self.limits.case_text_bytes)?;
                self.stack.push(if keeps_text {
                    Open::CaseText
                } else {
                    Open::Other
                });
                Ok(())
            }
            // Text nested in a failure, such as a stack trace in a rerun, belongs to it.
            _ if matches!(self.stack.last(), Some(Open::CaseText)) => {
                self.stack.push(Open::CaseText);
                Ok(())
            }
            _ => {
                self.stack.push(Open::Other);
                Ok(())
            }
        }
    }

    fn open_suite(&mut self, cursor: &Cursor<'_>, element: &Element<'_>) -> Result<(), Fault> {
        let mut path = self.suite_path();
        path.push(text_of(cursor, element, "name")?.unwrap_or_default());
        let duration_us = element
            .attribute(cursor, "time")?
            .and_then(|text| read_seconds(&text));
        self.report.suites.push(TestSuite {
            path,
            duration_us,
            ..TestSuite::default()
        });
        self.push_suite(cursor, element, Some(self.report.suites.len() - 1))
    }

    fn push_suite(
        &mut self,
        cursor: &Cursor<'_>,
        element: &Element<'_>,
        index: Option<usize>,
    ) -> Result<(), Fault> {
        let declared = Declared::read(cursor, element)?;
        let writer = Writer::of(cursor, element)?;
        if let Some(Open::Suite(parent)) = self.stack.last_mut() {
            parent.nested += 1;
            for (sum, (_, said)) in parent.stated_inside.iter_mut().zip(declared.by_name()) {
                *sum = sum.saturating_add(said.and_then(Count::number).unwrap_or(0));
            }
        }
        self.stack.push(Open::Suite(Box::new(OpenSuite {
            index,
            nested: 0,
            stated_inside: [0; 4],
            declared,
            offset: element.offset(),
            inclusive: TestTotals::default(),
            disabled: 0,
            repeated: 0,
            writer,
            failure_elements: 0,
            error_elements: 0,
            reruns: Reruns::default(),
        })));
        Ok(())
    }

    fn open_case(&mut self, cursor: &Cursor<'_>, element: &Element<'_>) -> Result<(), Fault> {
        let name = text_of(cursor, element, "name")?.unwrap_or_default();
        let mut open = OpenCase::new(name);
        open.case.classname = text_of(cursor, element, "classname")?.unwrap_or_default();
        open.case.file = text_of(cursor, element, "file")?.filter(|file| !file.is_empty());
        open.case.duration_us = element
            .attribute(cursor, "time")?
            .and_then(|text| read_seconds(&text));
        for attribute in ["status", "result"] {
            if let Some(word) = element.attribute(cursor, attribute)? {
                open.take_status_word(&word);
            }
        }
        self.stack.push(Open::Case(Box::new(open)));
        Ok(())
    }

    fn take_text(&mut self, text: &str) {
        let room = self.limits.case_text_bytes;
        let in_suite_failure =
            matches!(self.stack.last(), Some(Open::Case(open)) if open.case.name == "(suite)");
        if !in_suite_failure && !matches!(self.stack.last(), Some(Open::CaseText)) {
            return;
        }
        let owner = self.stack.iter_mut().rev().find_map(|open| match open {
            Open::Case(case) => Some(case),
            Open::Suite(_) | Open::CaseText | Open::Other => None,
        });
        if let Some(case) = owner {
            let room = room.saturating_sub(case.message.kept_bytes());
            case.output.push(text, room);
        }
    }

    fn close(&mut self, cursor: &Cursor<'_>) {
        match self.stack.pop() {
            Some(Open::Case(open)) => self.close_case(*open),
            Some(Open::Suite(suite)) => self.close_suite(*suite, cursor),
            Some(Open::CaseText | Open::Other) | None => {}
        }
    }

    fn close_case(&mut self, open: OpenCase) {
        let index = self.current_suite();
        let OpenCase {
            mut case,
            message,
            output,
            disabled,
            failures,
            errors,
            rerun_failures,
            rerun_errors,
        } = open;
        case.message = message.finish();
        case.output = output.finish();
        let suite = &mut self.report.suites[index];
        let identity = (
            suite.path.join("\u{1f}"),
            case.classname.clone(),
            case.name.clone(),
            case.file.clone(),
        );
        let number = self.seen.entry(identity).or_insert(0);
        *number += 1;
        case.number = *number;
        let repeats = u64::from(*number > 1);
        suite.totals.count(&case);
        for open in &mut self.stack {
            if let Open::Suite(suite) = open {
                suite.inclusive.count(&case);
                suite.disabled += u64::from(disabled);
                suite.repeated += repeats;
                suite.failure_elements += failures;
                suite.error_elements += errors;
                let again = (rerun_failures, rerun_errors);
                suite.reruns.case((failures, errors), again);
            }
        }
        suite.cases.push(case);
    }

    fn close_suite(&mut self, open: OpenSuite, cursor: &Cursor<'_>) {
        let own = open.index.map(|index| self.report.suites[index].totals);
        let name = open
            .index
            .map(|i| self.report.suites[i].name())
            .unwrap_or_default();
        let line = cursor.line_at(open.offset);
        let counted = Counted {
            own: own.as_ref(),
            all: &open.inclusive,
            nested: open.nested,
            stated_inside: open.stated_inside,
            disabled: open.disabled,
            repeated: open.repeated,
            failure_elements: open.failure_elements,
            error_elements: open.error_elements,
            reruns: open.reruns,
            writer: open.writer,
        };
        let mismatches = &mut self.report.count_mismatches;
        mismatches.extend(counted.mismatches(&open.declared, &name, line));
        mismatches.truncate(KEPT_CONTRADICTIONS);
        for (attribute, said) in open.declared.by_name() {
            if let Some(Count::Unreadable(text)) = said {
                let place = super::place(&name);
                let message = format!("{place} says {attribute}=\"{text}\", which is not a count");
                contradiction::push(&mut self.report.unreadable_counts, line, message);
            }
        }
    }

    fn suite_path(&self) -> Vec<String> {
        let index = self.stack.iter().rev().find_map(|open| match open {
            Open::Suite(suite) => suite.index,
            Open::Case(_) | Open::CaseText | Open::Other => None,
        });
        index
            .map(|index| self.report.suites[index].path.clone())
            .unwrap_or_default()
    }

    /// Index of the innermost open suite, or of the nameless one.
    fn current_suite(&mut self) -> usize {
        let open = self.stack.iter().rev().find_map(|open| match open {
            Open::Suite(suite) => suite.index,
            Open::Case(_) | Open::CaseText | Open::Other => None,
        });
        if let Some(index) = open {
            return index;
        }
        *self.outside.get_or_insert_with(|| {
            self.report.suites.push(TestSuite::default());
            self.report.suites.len() - 1
        })
    }
}

fn text_of(
    cursor: &Cursor<'_>,
    element: &Element<'_>,
    name: &str,
) -> Result<Option<String>, Fault> {
    Ok(element
        .attribute(cursor, name)?
        .map(std::borrow::Cow::into_owned))
}
