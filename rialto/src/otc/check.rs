//! `rialto otc validate` and `explain`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use rialto_otc_contract::compile::{Initials, compile_standing_in, compile_with};
use rialto_otc_contract::explain::{Language, explain};
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_pricing::valuation::initials as known;
use rialto_otc_time::Calendars;
use serde::Serialize;

use super::fault::{Fault, Located};
use super::input::{Entry, Market, market, sheets};
use super::{Answer, Contracts, Lang, stop, tell};

/// Options of `rialto otc validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    contracts: Contracts,
    /// Market snapshot whose fixings give the initial prices that sheets leave open.
    #[arg(long, value_name = "FILE")]
    market: Option<PathBuf>,
}

/// Options of `rialto otc explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    contracts: Contracts,
    /// Market snapshot whose fixings give the initial prices that sheets leave open.
    #[arg(long, value_name = "FILE")]
    market: Option<PathBuf>,
}

/// What `rialto otc validate` prints for a contract that is valid.
#[derive(Debug, Serialize)]
struct Valid {
    trade_id: String,
    valid: bool,
    contract_hash: String,
    /// Dates on which something is looked at.
    observations: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notices: Vec<Located>,
}

/// What `rialto otc explain` prints.
#[derive(Debug, Serialize)]
struct Explained {
    trade_id: String,
    words: String,
}

/// Reads the files and answers for every sheet.
fn each<T: Serialize>(
    contracts: &Contracts,
    market_file: Option<&PathBuf>,
    answer: impl Fn(&Entry, &TermSheet, Option<&Market>) -> Result<T, Fault>,
    table: impl FnOnce(&[&T], Lang) -> String,
) -> Result<ExitCode> {
    let telling = contracts.telling;
    let read = sheets(&contracts.terms).and_then(|entries| {
        let market = market_file.map(|file| market(file)).transpose()?;
        Ok((entries, market))
    });
    let (entries, market) = match read {
        Ok(read) => read,
        Err(fault) => return stop(&fault, telling),
    };
    let answers: Vec<Answer<T>> = entries
        .list
        .iter()
        .map(|entry| {
            let origin = entry.origin(market.as_ref());
            let sheet = entry
                .sheet
                .as_ref()
                .map_err(|findings| origin.fault(findings));
            let result = sheet.and_then(|sheet| answer(entry, sheet, market.as_ref()));
            Answer::new(entry.trade_id.as_ref(), result)
        })
        .collect();
    tell(&answers, entries.many, telling, table)
}

/// Initial fixings that the market knows.
fn initials(sheet: &TermSheet, market: Option<&Market>) -> Initials {
    market.map_or_else(Initials::new, |market| known(sheet, &market.snapshot))
}

impl ValidateArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        each(
            &self.contracts,
            self.market.as_ref(),
            valid,
            |answers, lang| {
                let lines = answers.iter().map(|answer| {
                    let mut text = format!("{}: {}\n", answer.trade_id, lang.pick("valid", "有效"));
                    for notice in &answer.notices {
                        text += &format!("  {}\n", notice.line(lang));
                    }
                    text
                });
                lines.collect()
            },
        )
    }
}

fn valid(entry: &Entry, sheet: &TermSheet, market: Option<&Market>) -> Result<Valid, Fault> {
    let origin = entry.origin(market);
    let known = initials(sheet, market);
    let compiled = compile_standing_in(sheet, Calendars::builtin(), &known)
        .map_err(|findings| origin.fault(&findings))?;
    Ok(Valid {
        trade_id: sheet.trade_id.clone(),
        valid: true,
        contract_hash: sheet.hash(),
        observations: compiled.plan.instants.len(),
        notices: origin.locate(&compiled.notices),
    })
}

impl ExplainArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        let language = match self.contracts.telling.lang() {
            Lang::En => Language::En,
            Lang::Zh => Language::Zh,
        };
        let told = |entry: &Entry, sheet: &TermSheet, market: Option<&Market>| {
            let compiled = compile_with(sheet, Calendars::builtin(), &initials(sheet, market))
                .map_err(|findings| entry.origin(market).fault(&findings))?;
            Ok(Explained {
                trade_id: sheet.trade_id.clone(),
                words: explain(&compiled, language),
            })
        };
        each(&self.contracts, self.market.as_ref(), told, |answers, _| {
            let texts: Vec<String> = answers
                .iter()
                .map(|answer| format!("{}\n{}", answer.trade_id, answer.words))
                .collect();
            texts.join("\n")
        })
    }
}
