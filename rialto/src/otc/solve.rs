//! `rialto otc solve`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::solve::{Question, Solution, Target, Unknown, increment_of, solve};
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;

use super::input::{market, sheets};
use super::table::{money, notes, render};
use super::{Answer, Contracts, Lang, Pricing, stop, tell};

/// Options of `rialto otc solve`.
#[derive(Debug, Args)]
pub struct SolveArgs {
    #[command(flatten)]
    contracts: Contracts,
    #[command(flatten)]
    pricing: Pricing,
    /// What is unknown: coupon, bonus, strike, ko_level, ki_level, premium, part, rebate, spread.
    #[arg(long = "for", value_name = "UNKNOWN", value_parser = unknown)]
    unknown: Unknown,
    /// What the holder's value is to be: `100%` of the notional, an amount of currency, or
    /// `premium` for the one in the sheet. Of an unknown premium: what is to be left after it, 0
    /// when not given.
    #[arg(long, value_name = "TARGET", value_parser = target, default_value = "premium")]
    target: TargetWord,
    /// Step of the answer, rounded in the house's favour: `0.01%`, or a price.
    #[arg(long, value_name = "STEP", value_parser = step)]
    increment: Option<Decimal>,
}

/// A target that clap can keep.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TargetWord(Target);

fn unknown(text: &str) -> Result<Unknown, String> {
    Unknown::told(text)
}

fn target(text: &str) -> Result<TargetWord, String> {
    Ok(TargetWord(Target::told(text)?))
}

fn step(text: &str) -> Result<Decimal, String> {
    Ok(increment_of(text)?)
}

impl SolveArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        let telling = self.contracts.telling;
        let read = sheets(&self.contracts.terms)
            .and_then(|entries| Ok((entries, market(&self.pricing.market)?)));
        let (entries, market) = match read {
            Ok(read) => read,
            Err(fault) => return stop(&fault, telling),
        };
        let request = self.pricing.request(Greeking::All);
        let question = Question {
            unknown: self.unknown,
            target: self.target.0,
            increment: self.increment,
        };
        let answers: Vec<Answer<Solution>> = entries
            .list
            .iter()
            .map(|entry| {
                let origin = entry.origin(Some(&market));
                let sheet = entry
                    .sheet
                    .as_ref()
                    .map_err(|findings| origin.fault(findings));
                let result = sheet.and_then(|sheet| {
                    let calendars = Calendars::builtin();
                    solve(sheet, &market.snapshot, calendars, &request, &question)
                        .map_err(|error| origin.solve(&error))
                });
                Answer::new(entry.trade_id.as_ref(), result)
            })
            .collect();
        tell(&answers, entries.many, telling, table)
    }
}

fn table(answers: &[&Solution], lang: Lang) -> String {
    let mut text = String::new();
    for answer in answers {
        let row = |en: &str, zh: &str, value: String| vec![lang.pick(en, zh).to_owned(), value];
        let currency = &answer.valuation.currency;
        let amount = |value: f64| format!("{} {currency}", money(value));
        let mut rows = vec![
            row("trade", "交易", answer.trade_id.clone()),
            row(
                answer.unknown.name(),
                answer.unknown.name(),
                answer.value.clone(),
            ),
            row("target", "目标", amount(answer.target)),
            row("value", "价值", amount(answer.valuation.value)),
        ];
        if answer.edge.abs() >= 0.005 {
            rows.push(row(
                "left to the house",
                "留存于交易商",
                amount(answer.edge),
            ));
        }
        let how = format!(
            "{}, {} prices, {}",
            answer.method, answer.evaluations, answer.valuation.engine
        );
        rows.push(row("found by", "求解方式", how));
        text += &render(&rows);
        text += &notes(&answer.notes, lang);
    }
    text
}

#[cfg(test)]
mod tests {
    use rialto_otc_pricing::solve::{Target, Unknown};
    use rust_decimal::Decimal;

    use super::{TargetWord, step, target, unknown};

    #[test]
    fn unknowns_targets_and_steps_are_read_or_refused() {
        assert_eq!(unknown("ko_level"), Ok(Unknown::KoLevel));
        assert!(unknown("vol").is_err_and(|error| error.contains("coupon, bonus")));
        assert_eq!(target("100%"), Ok(TargetWord(Target::Share(1.0))));
        assert_eq!(target("-2500.5"), Ok(TargetWord(Target::Amount(-2500.5))));
        assert_eq!(target("premium"), Ok(TargetWord(Target::Premium)));
        assert!(target("NaN").is_err() && target("inf%").is_err() && target("par").is_err());
        assert_eq!(step("0.01%"), Ok(Decimal::new(1, 4)));
        assert!(step("0").is_err() && step("-1%").is_err() && step("x").is_err());
    }
}
