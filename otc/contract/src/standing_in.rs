//! Contracts whose initial fixings are not known yet, checked all the same.

use rialto_otc_time::Calendars;
use rust_decimal::Decimal;

use crate::compile::{Compiled, Initials, compile_with};
use crate::finding::{Finding, Findings, Severity};
use crate::sheet::TermSheet;

/// Like [`compile_with`], for looking at a contract: initial fixings that are not known are a notice,
/// and prices stand in for them.
///
/// # Errors
/// All findings at once.
pub fn compile_standing_in(
    sheet: &TermSheet,
    calendars: &Calendars,
    known: &Initials,
) -> Result<Compiled, Findings> {
    match compile_with(sheet, calendars, known) {
        Err(findings) if waits(&findings) => standing_in(sheet, calendars, known, &findings),
        done => done,
    }
}

/// Whether nothing is wrong but that initial fixings are not known yet.
fn waits(findings: &Findings) -> bool {
    let mut errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    errors.all(|finding| finding.code == "E-TERM-INITIAL")
}

/// Checks a contract whose initial fixings are not known yet with two prices in their stead. What
/// is found with both does not depend on the price, and is told; the open fixing is a notice when
/// nothing is.
fn standing_in(
    sheet: &TermSheet,
    calendars: &Calendars,
    known: &Initials,
    open: &Findings,
) -> Result<Compiled, Findings> {
    let with = |price: i64| {
        let mut initials = known.clone();
        for (code, ..) in sheet.open_initials() {
            initials
                .entry(code.to_owned())
                .or_insert(Decimal::from(price));
        }
        compile_with(sheet, calendars, &initials)
    };
    let same = |a: &Finding, b: &Finding| a.code == b.code && a.pointer == b.pointer;
    match (with(1), with(1_000_000)) {
        (Err(low), Err(high)) => {
            let both = low
                .iter()
                .filter(|finding| high.iter().any(|other| same(finding, other)));
            let both: Vec<Finding> = both.cloned().collect();
            let told = if both.is_empty() {
                open.clone()
            } else {
                Findings::from(both)
            };
            Err(told)
        }
        // Levels are prices: whether they fit shows only once the fixing is known.
        (Ok(mut compiled), _) | (_, Ok(mut compiled)) => {
            let mut notices = compiled.notices.clone();
            for finding in open {
                notices.push(Finding {
                    code: "N-TERM-INITIAL",
                    severity: Severity::Notice,
                    ..finding.clone()
                });
            }
            compiled.notices = notices;
            Ok(compiled)
        }
    }
}
