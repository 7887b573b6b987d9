//! What is wrong, where, and what it makes of the exit code.

use std::fmt::Write as _;

use rialto_otc_contract::document::{Node, Value};
use rialto_otc_contract::finding::{Finding, Findings, Severity};
use rialto_otc_pricing::engine::PriceError;
use rialto_otc_pricing::solve::SolveError;
use rialto_otc_pricing::valuation::ValueError;
use serde::Serialize;

use super::Lang;

/// What a fault is about, from the least to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A contract or a market has findings, or an engine refuses it: exit code 1.
    Refused = 1,
    /// The input cannot be read, or the command line is wrong: exit code 2.
    Input = 2,
    /// A fault of the program: exit code 3.
    Internal = 3,
}

/// A finding with the file it is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Located {
    /// File, `-` for standard input.
    pub file: String,
    /// The finding; its lines are those of the file.
    #[serde(flatten)]
    pub finding: Finding,
}

impl Located {
    /// One line for people: `file:line:column: CODE /pointer: value: text`.
    pub fn line(&self, lang: Lang) -> String {
        let Finding {
            code,
            pointer,
            line,
            column,
            value,
            en,
            zh,
            ..
        } = &self.finding;
        let mut text = self.file.clone();
        for number in [line, column] {
            if *number > 0 {
                let _ = write!(text, ":{number}");
            }
        }
        let pointer = if pointer.is_empty() { "/" } else { pointer };
        let _ = write!(text, ": {code} {pointer}: ");
        // Many messages begin with the value themselves; of a whole object the size says nothing.
        let told = lang.pick(en, zh);
        if let Some(value) = value
            && !told.contains(value.as_str())
            && !value.starts_with("an object of")
        {
            let _ = write!(text, "{value}: ");
        }
        text + told
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fault {
    /// Stable code: that of the first error.
    pub code: String,
    /// What is wrong, in English.
    pub message: String,
    /// The same in Simplified Chinese.
    pub message_zh: String,
    /// All findings, when there are some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Located>,
    /// The other faults of the same input, when there are some.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub others: Box<[Fault]>,
    #[serde(skip)]
    pub class: Class,
}

impl Fault {
    /// A fault of the input.
    pub fn input(code: &str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: en.into(),
            message_zh: zh.into(),
            findings: Vec::new(),
            others: Box::default(),
            class: Class::Input,
        }
    }

    /// Many faults of one input: the first with the others behind it.
    pub fn all(faults: impl IntoIterator<Item = Self>, class: Class) -> Self {
        let mut faults = faults.into_iter();
        let first = faults.next().unwrap_or_else(|| {
            Self::input(
                "E-INTERNAL",
                "refused without a reason",
                "被拒绝但未给出原因",
            )
        });
        Self {
            others: faults.collect(),
            class,
            ..first
        }
    }

    /// Something that is refused.
    pub fn refused(code: &str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            class: Class::Refused,
            ..Self::input(code, en, zh)
        }
    }

    /// Lines for people.
    pub fn lines(&self, lang: Lang) -> Vec<String> {
        let mut lines: Vec<String> = match self.findings.is_empty() {
            true => {
                let message = lang.pick(&self.message, &self.message_zh);
                vec![format!("{}: {message}", self.code)]
            }
            false => self.findings.iter().map(|found| found.line(lang)).collect(),
        };
        lines.extend(self.others.iter().flat_map(|other| other.lines(lang)));
        lines
    }
}

/// Documents that findings point into, and where they stand in their files.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// File of the term sheet.
    pub file: &'a str,
    /// The sheet as a document, when it could be read so far.
    pub node: Option<&'a Node>,
    /// Line and column of its first character, from 1.
    pub at: (u32, u32),
    /// The market, when there is one.
    pub market: Option<&'a super::input::Market>,
}

impl Origin<'_> {
    /// Findings with their files and lines.
    pub fn locate(&self, findings: &Findings) -> Vec<Located> {
        findings
            .iter()
            .map(|finding| self.located(finding.clone()))
            .collect()
    }

    fn located(&self, mut finding: Finding) -> Located {
        let about_market = ["E-MKT", "N-MKT", "E-MODEL", "E-ASOF"]
            .iter()
            .any(|prefix| finding.code.starts_with(prefix));
        if about_market && let Some(market) = self.market {
            place(&mut finding, market.node.as_ref());
            return Located {
                file: market.file.clone(),
                finding,
            };
        }
        place(&mut finding, self.node);
        let (line, column) = self.at;
        if finding.line == 1 {
            finding.column += column - 1;
        }
        if finding.line > 0 {
            finding.line += line - 1;
        }
        Located {
            file: self.file.to_owned(),
            finding,
        }
    }

    /// A fault made of findings.
    pub fn fault(&self, findings: &Findings) -> Fault {
        let mut findings = self.locate(findings);
        findings.sort_by_key(|found| found.finding.severity);
        let errors = || {
            findings
                .iter()
                .map(|found| &found.finding)
                .filter(|finding| finding.severity == Severity::Error)
        };
        let unreadable = errors().any(|finding| finding.code.starts_with("E-DOC"));
        let class = if unreadable {
            Class::Input
        } else {
            Class::Refused
        };
        let Some(first) = errors().next() else {
            let en = "refused without a finding";
            return Fault {
                class: Class::Internal,
                ..Fault::input("E-INTERNAL", en, "被拒绝但未给出原因")
            };
        };
        Fault {
            code: first.code.to_owned(),
            message: first.en.clone(),
            message_zh: first.zh.clone(),
            class,
            findings,
            others: Box::default(),
        }
    }

    /// A fault made of a valuation's error.
    pub fn value(&self, error: &ValueError) -> Fault {
        match error {
            ValueError::Findings(findings) => self.fault(findings),
            ValueError::Price(error) => price(error),
        }
    }

    /// A fault made of a solver's error.
    pub fn solve(&self, error: &SolveError) -> Fault {
        match error {
            SolveError::Value(error) => self.value(error),
            other => Fault::refused(other.code(), other.to_string(), other.zh()),
        }
    }
}

/// Fills the line of a finding that only has a pointer.
fn place(finding: &mut Finding, node: Option<&Node>) {
    let Some(root) = node.filter(|_| finding.line == 0) else {
        return;
    };
    let mut node = root;
    for step in finding.pointer.split('/').skip(1) {
        let name = step.replace("~1", "/").replace("~0", "~");
        let next = match &node.value {
            Value::List(items) => name.parse::<usize>().ok().and_then(|n| items.get(n)),
            _ => node.get(&name),
        };
        // The nearest place there is: what is missing stands nowhere.
        let Some(next) = next else { break };
        node = next;
    }
    (finding.line, finding.column) = (node.line, node.column);
}

fn price(error: &PriceError) -> Fault {
    let class = match error {
        PriceError::Refused { .. } | PriceError::Model(_) => Class::Refused,
        PriceError::Unknown { .. } => Class::Input,
        PriceError::Number { .. } => Class::Internal,
    };
    Fault {
        class,
        ..Fault::input(error.code(), error.en(), error.zh())
    }
}
