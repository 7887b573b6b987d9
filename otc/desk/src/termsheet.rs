//! Term sheets: read, checked, told in words.

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::{Compiled, Initials, compile_with};
use rialto_otc_contract::envelope::When;
use rialto_otc_contract::explain::{Language, explain};
use rialto_otc_contract::finding::Findings;
use rialto_otc_pricing::solve::unknowns;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::summary;
use crate::view::{Lines, SummaryView, Validation};
use crate::words;
use crate::{Desk, DeskError, blocking};

/// A contract compiled with what is known of its initial fixings; those not known stand at 1000.
pub fn compiled(desk: &Desk, sheet: &TermSheet, known: &Initials) -> Result<Compiled, Findings> {
    let mut initials = known.clone();
    for (code, _, _) in sheet.open_initials() {
        initials
            .entry(code.to_owned())
            .or_insert(Decimal::ONE_THOUSAND);
    }
    compile_with(sheet, desk.calendars(), &initials)
}

pub fn lines(contract: &Compiled) -> Lines {
    let text = |language| {
        explain(contract, language)
            .lines()
            .map(str::to_owned)
            .collect()
    };
    Lines {
        en: text(Language::En),
        zh: text(Language::Zh),
    }
}

fn date(when: Option<When>) -> Option<String> {
    match when {
        Some(When::Date(date)) => Some(date.to_string()),
        _ => None,
    }
}

fn summarised(sheet: &TermSheet, contract: &Compiled) -> SummaryView {
    SummaryView {
        product: summary::product(sheet),
        title: summary::title(sheet),
        underlyings: sheet.underlyings.iter().map(|u| u.code.clone()).collect(),
        currency: sheet.currency.clone(),
        notional: words::number(summary::notional(sheet)),
        start: date(sheet.dates.start),
        end: date(sheet.dates.end),
        words: lines(contract),
        unknowns: unknowns(sheet)
            .iter()
            .map(|u| u.name().to_owned())
            .collect(),
    }
}

impl Desk {
    /// Checks a term sheet, given as a JSON object or as text (JSON or YAML; findings then name
    /// line and column).
    ///
    /// # Errors
    /// Only trouble of ours: whatever is wrong with the sheet is in the answer.
    pub async fn validate(&self, terms: Value) -> Result<Validation, DeskError> {
        let desk = self.clone();
        blocking(move || {
            let read = match &terms {
                Value::String(text) => TermSheet::from_text(text),
                other => TermSheet::from_value(other),
            };
            let compiled = read.and_then(|sheet| {
                let contract = compiled(&desk, &sheet, &Initials::new())?;
                Ok((sheet, contract))
            });
            Ok(match compiled {
                Ok((sheet, contract)) => Validation {
                    valid: true,
                    findings: words::findings(&contract.notices),
                    summary: Some(summarised(&sheet, &contract)),
                },
                Err(found) => Validation {
                    valid: false,
                    findings: words::findings(&found),
                    summary: None,
                },
            })
        })
        .await
    }
}
