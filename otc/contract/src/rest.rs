//! The rest of the findings: what is wrong with a product's terms is told also when something before
//! them is wrong. The faults before are put right in a copy by neutral values, and what the copy's
//! terms are told then is added.

use rialto_otc_time::Calendars;
use rust_decimal::Decimal;

use crate::compile::{Initials, compile_with};
use crate::document::{Key, Node, Value};
use crate::finding::{Finding, Findings, Severity};
use crate::schedule::find;
use crate::sheet::{Source, TermSheet};

/// How often a copy is put right: a value that was wrong may hide another in the same block.
const ROUNDS: usize = 4;

/// `found`, and what is wrong with the terms besides.
pub(crate) fn with_terms(root: &Node, found: Findings, calendars: &Calendars) -> Findings {
    let of_terms = |finding: &Finding| {
        ["/terms", "/program"].iter().any(|block| {
            let rest = finding.pointer.strip_prefix(block);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    if found.iter().any(of_terms) || (root.get("terms").or(root.get("program"))).is_none() {
        return found;
    }
    let mut copy = root.clone();
    let mut wrong = found.clone();
    for _ in 0..ROUNDS {
        let before = copy.clone();
        for finding in wrong.iter().filter(|f| f.severity == Severity::Error) {
            put_right(&mut copy, &finding.pointer);
        }
        if copy == before {
            break;
        }
        wrong = match TermSheet::read_alone(&copy) {
            Err(findings) => findings,
            Ok(sheet) => match compiled(sheet, &copy, calendars) {
                Ok(()) => break,
                Err(findings) => findings,
            },
        };
        if wrong.iter().any(of_terms) {
            break;
        }
    }
    // Dates of the copy are not the sheet's: what is said of them would be wrong.
    let dated = copy.get("dates") != root.get("dates");
    let mut all = found;
    for finding in wrong {
        let of_dates = finding.code.starts_with("E-SCHED") || finding.code.starts_with("E-CAL");
        let wrong = finding.severity == Severity::Error;
        if wrong && of_terms(&finding) && !(dated && of_dates) {
            all.push(finding);
        }
    }
    all
}

fn compiled(sheet: TermSheet, copy: &Node, calendars: &Calendars) -> Result<(), Findings> {
    let sheet = TermSheet {
        source: Source(copy.clone()),
        ..sheet
    };
    let open = sheet.open_initials().into_iter();
    let initials: Initials = open
        .map(|(code, ..)| (code.to_owned(), Decimal::ONE_HUNDRED))
        .collect();
    compile_with(&sheet, calendars, &initials).map(|_| ())
}

/// Puts a neutral value in the place of what is wrong, or takes it away.
fn put_right(root: &mut Node, pointer: &str) {
    let numeric = find(root, "/dates/start").is_none_or(|start| start.scalar() == Some("0"));
    let block = pointer.split('/').nth(1).unwrap_or_default();
    let neutral = match (block, pointer) {
        ("schema", _) => Some(Node::text(crate::sheet::SCHEMA)),
        ("trade_id", _) => Some(Node::text("T")),
        ("direction", _) => Some(Node::text("house_sells")),
        ("notional" | "quantity", _) => Some(number("1000000")),
        ("dates", _) if numeric => Some(Node::map([("start", number("0")), ("end", number("1"))])),
        ("dates", _) => Some(Node::map([
            ("start", Node::text("2026-01-05")),
            ("end", Node::text("2027-01-05")),
        ])),
        ("underlying", _) => Some(Node::map([
            ("code", Node::text("XSHG:000905")),
            ("initial", number("100")),
        ])),
        ("terms" | "program" | "template" | "preset" | "underlyings", _) => return,
        _ => None,
    };
    let Value::Map(pairs) = &mut root.value else {
        return;
    };
    match neutral {
        Some(neutral) => match pairs.iter_mut().find(|(key, _)| key.name == block) {
            Some((_, node)) => *node = neutral,
            None => pairs.push((Key::new(block), neutral)),
        },
        None => pairs.retain(|(key, _)| key.name != block),
    }
}

fn number(text: &str) -> Node {
    Value::Number(text.to_owned()).into()
}
