//! `rialto otc price`, `greeks` and `ladder`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use rialto_otc_contract::note::Note;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_pricing::batch;
use rialto_otc_pricing::desk::{DeskGreeks, desk};
use rialto_otc_pricing::engine::{Greeking, Greeks, LadderPoint};
use rialto_otc_pricing::valuation::{Request, Valuation, ValueError, value};
use rialto_otc_time::Calendars;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;

use super::fault::Fault;
use super::input::{Entries, Entry, Market, market, sheets};
use super::table::{money, notes, number, render};
use super::{Answer, Contracts, Lang, Pricing, stop, tell};

/// Options of `rialto otc price`.
#[derive(Debug, Args)]
pub struct PriceArgs {
    #[command(flatten)]
    contracts: Contracts,
    #[command(flatten)]
    pricing: Pricing,
    /// Which Greeks.
    #[arg(long, value_enum, default_value = "all")]
    greeks: Wanted,
}

/// Which Greeks are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// None.
    None,
    /// Delta and gamma.
    Spot,
    /// All.
    All,
}

/// Options of `rialto otc greeks`.
#[derive(Debug, Args)]
pub struct GreeksArgs {
    #[command(flatten)]
    contracts: Contracts,
    #[command(flatten)]
    pricing: Pricing,
    /// Currency units for each point of the hedging future; known for IF, IH, IC and IM.
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    multiplier: Option<f64>,
}

/// Options of `rialto otc ladder`.
#[derive(Debug, Args)]
pub struct LadderArgs {
    #[command(flatten)]
    contracts: Contracts,
    #[command(flatten)]
    pricing: Pricing,
    /// Spots: `70%:130%:25` (from, to, how many), or a list `5000,5500,6000`; percentages are of
    /// the spot of the market.
    #[arg(long, value_name = "SPOTS", value_parser = spots)]
    spots: Spots,
}

/// Spots of a ladder, increasing.
#[derive(Debug, Clone, PartialEq)]
struct Spots(Vec<Spot>);

/// A spot as written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Spot {
    Share(f64),
    Price(f64),
}

/// Most spots of one ladder.
const MAX_SPOTS: usize = 10_000;

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("write a number above 0".into()),
    }
}

fn spot(text: &str) -> Result<Spot, String> {
    match text.trim().strip_suffix('%') {
        Some(percent) => Ok(Spot::Share(positive(percent.trim())? / 100.0)),
        None => Ok(Spot::Price(positive(text.trim())?)),
    }
}

fn spots(text: &str) -> Result<Spots, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let list = match parts.as_slice() {
        [from, to, count] => {
            let count = count.trim().parse::<usize>().ok();
            let count = count.filter(|count| (2..=MAX_SPOTS).contains(count));
            let count = count.ok_or(format!("the number of spots is 2 to {MAX_SPOTS}"))?;
            let at =
                |n: usize, from: f64, to: f64| from + (to - from) * n as f64 / (count - 1) as f64;
            match (spot(from)?, spot(to)?) {
                (Spot::Share(from), Spot::Share(to)) => {
                    (0..count).map(|n| Spot::Share(at(n, from, to))).collect()
                }
                (Spot::Price(from), Spot::Price(to)) => {
                    (0..count).map(|n| Spot::Price(at(n, from, to))).collect()
                }
                _ => return Err("write both ends as percentages or both as prices".into()),
            }
        }
        [list] => list
            .split(',')
            .map(spot)
            .collect::<Result<Vec<Spot>, String>>()?,
        _ => return Err("write FROM:TO:COUNT, like 70%:130%:25, or a list".into()),
    };
    if list.len() > MAX_SPOTS {
        return Err(format!("at most {MAX_SPOTS} spots"));
    }
    let size = |spot: &Spot| match spot {
        Spot::Share(size) | Spot::Price(size) => *size,
    };
    if list.windows(2).any(|pair| {
        size(&pair[0]) >= size(&pair[1])
            || std::mem::discriminant(&pair[0]) != std::mem::discriminant(&pair[1])
    }) {
        return Err("spots must increase, and be all percentages or all prices".into());
    }
    Ok(Spots(list))
}

/// Reads what a pricing command needs; a fault there ends it.
fn read(contracts: &Contracts, pricing: &Pricing) -> Result<(Entries, Market), Fault> {
    Ok((sheets(&contracts.terms)?, market(&pricing.market)?))
}

/// Values all sheets on all cores and turns each value into an answer, in order.
fn values<T>(
    entries: &[Entry],
    market: &Market,
    request: &Request,
    answer: impl Fn(&TermSheet, Valuation) -> T,
) -> Vec<Answer<T>> {
    let sound: Vec<TermSheet> = entries
        .iter()
        .filter_map(|entry| entry.sheet.as_ref().ok().cloned())
        .collect();
    let mut found =
        batch::values(&sound, &market.snapshot, Calendars::builtin(), request).into_iter();
    let answers = entries.iter().map(|entry| {
        let origin = entry.origin(Some(market));
        let result = match &entry.sheet {
            Err(findings) => Err(origin.fault(findings)),
            Ok(sheet) => match found.next() {
                Some(Ok(valuation)) => Ok(answer(sheet, valuation)),
                Some(Err(error)) => Err(origin.value(&error)),
                // The batch answers for every sheet.
                None => Err(Fault::refused("E-INTERNAL", "no answer", "没有结果")),
            },
        };
        Answer::new(entry.trade_id.as_ref(), result)
    });
    answers.collect()
}

impl PriceArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        let telling = self.contracts.telling;
        let (entries, market) = match read(&self.contracts, &self.pricing) {
            Ok(read) => read,
            Err(fault) => return stop(&fault, telling),
        };
        let greeks = match self.greeks {
            Wanted::None => Greeking::None,
            Wanted::Spot => Greeking::Spot,
            Wanted::All => Greeking::All,
        };
        let request = self.pricing.request(greeks);
        let answers = values(&entries.list, &market, &request, |_, valuation| valuation);
        tell(&answers, entries.many, telling, prices)
    }
}

fn prices(valuations: &[&Valuation], lang: Lang) -> String {
    if let [one] = valuations {
        return price(one, lang);
    }
    let head = [
        ("trade", "交易"),
        ("value", "价值"),
        ("currency", "币种"),
        ("error", "误差"),
        ("delta", "delta"),
        ("engine", "引擎"),
    ];
    let mut rows = vec![
        head.iter()
            .map(|(en, zh)| lang.pick(en, zh).to_owned())
            .collect(),
    ];
    for valuation in valuations {
        let delta = valuation.greeks.delta.first();
        rows.push(vec![
            valuation.trade_id.clone(),
            money(valuation.value),
            valuation.currency.clone(),
            number(valuation.error_estimate.abs),
            delta.map_or_else(String::new, |delta| number(*delta)),
            valuation.engine.to_owned(),
        ]);
    }
    render(&rows)
}

fn price(valuation: &Valuation, lang: Lang) -> String {
    let line = |en: &str, zh: &str, value: String| vec![lang.pick(en, zh).to_owned(), value];
    let currency = &valuation.currency;
    let mut rows = vec![
        line("trade", "交易", valuation.trade_id.clone()),
        line("as of", "估值时点", valuation.stamp.as_of.to_string()),
        line(
            "value",
            "价值",
            format!("{} {currency}", money(valuation.value)),
        ),
    ];
    if valuation.value_determined != 0.0 {
        let text = format!("{} {currency}", money(valuation.value_determined));
        rows.push(line("of it determined", "其中已确定", text));
    }
    let error = number(valuation.error_estimate.abs);
    let met = match valuation.tolerance_met {
        true => String::new(),
        false => lang
            .pick(" (more than asked for)", "（超过要求）")
            .to_owned(),
    };
    rows.push(line(
        "error up to",
        "误差上限",
        format!("{error} {currency}{met}"),
    ));
    rows.push(line("engine", "引擎", valuation.engine.to_owned()));
    rows.extend(raw(&valuation.greeks));
    let mut text = render(&rows);
    for candidate in valuation.why.iter().filter(|_| valuation.why.len() > 1) {
        let mark = if candidate.chosen { "*" } else { " " };
        let reason = lang.pick(&candidate.reason.en, &candidate.reason.zh);
        text += &format!("{mark} {}: {reason}\n", candidate.engine);
    }
    text += &notes(&valuation.notes, lang);
    text
}

/// Raw Greeks, one line each.
fn raw(greeks: &Greeks) -> Vec<Vec<String>> {
    let list = |values: &[f64]| {
        let texts: Vec<String> = values.iter().map(|value| number(*value)).collect();
        texts.join("  ")
    };
    let lists = [
        ("delta", &greeks.delta),
        ("gamma", &greeks.gamma),
        ("vega", &greeks.vega),
        ("rho_q", &greeks.rho_q),
    ];
    let lists = lists.iter().filter(|(_, values)| !values.is_empty());
    let mut rows: Vec<Vec<String>> = lists
        .map(|(name, values)| vec![(*name).to_owned(), list(values)])
        .collect();
    for (name, value) in [("rho", greeks.rho), ("theta_1d", greeks.theta_1d)] {
        rows.extend(value.map(|value| vec![name.to_owned(), number(value)]));
    }
    rows
}

/// What `rialto otc greeks` prints for one contract.
#[derive(Debug, Serialize)]
struct GreeksAnswer {
    trade_id: String,
    value: f64,
    currency: String,
    /// In desk units, to the house.
    desk: DeskGreeks,
    /// Raw, to the holder.
    raw: Greeks,
    engine: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Note>,
}

impl GreeksArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        let telling = self.contracts.telling;
        let (entries, market) = match read(&self.contracts, &self.pricing) {
            Ok(read) => read,
            Err(fault) => return stop(&fault, telling),
        };
        let request = self.pricing.request(Greeking::All);
        let answers = values(&entries.list, &market, &request, |sheet, valuation| {
            GreeksAnswer {
                desk: desk(sheet, &market.snapshot, &valuation.greeks, self.multiplier),
                trade_id: valuation.trade_id,
                value: valuation.value,
                currency: valuation.currency,
                raw: valuation.greeks,
                engine: valuation.engine,
                notes: valuation.notes,
            }
        });
        tell(&answers, entries.many, telling, greeks_table)
    }
}

fn greeks_table(answers: &[&GreeksAnswer], lang: Lang) -> String {
    let mut text = String::new();
    for answer in answers {
        let side = match answer.desk.sign {
            1 => lang.pick("house holds", "交易商持有"),
            _ => lang.pick("house sold", "交易商卖出"),
        };
        text += &format!("{} ({side}, {})\n", answer.trade_id, answer.currency);
        let head = [
            "",
            "cash_delta",
            "delta_1pct",
            "gamma_1pct",
            "vega_1pt",
            "rho_q_1bp",
            "lots",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for name in &answer.desk.underlyings {
            let cell = |value: Option<f64>| value.map_or_else(String::new, money);
            let lots = name.lots.as_ref().map_or_else(String::new, |lots| {
                format!("{:.2} {}", lots.lots, lots.future)
            });
            rows.push(vec![
                name.code.clone(),
                cell(name.cash_delta),
                cell(name.delta_1pct),
                cell(name.gamma_1pct),
                cell(name.vega_1pt),
                cell(name.rho_q_1bp),
                lots,
            ]);
        }
        text += &render(&rows);
        for (label, value) in [
            ("rho_1bp", answer.desk.rho_1bp),
            ("theta_1d", answer.desk.theta_1d),
        ] {
            if let Some(value) = value {
                text += &format!("{label} {}\n", money(value));
            }
        }
        text += lang.pick("raw, to the holder:\n", "原始值（对持有人）：\n");
        text += &render(&raw(&answer.raw));
        text += &notes(&answer.notes, lang);
    }
    text
}

/// What `rialto otc ladder` prints for one contract.
#[derive(Debug, Serialize)]
struct LadderAnswer {
    trade_id: String,
    value: f64,
    currency: String,
    spot: f64,
    ladder: Vec<LadderPoint>,
    error_estimate: rialto_otc_pricing::engine::ErrorEstimate,
    engine: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Note>,
}

impl LadderArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        let telling = self.contracts.telling;
        let (entries, market) = match read(&self.contracts, &self.pricing) {
            Ok(read) => read,
            Err(fault) => return stop(&fault, telling),
        };
        let answers: Vec<Answer<LadderAnswer>> = entries
            .list
            .iter()
            .map(|entry| Answer::new(entry.trade_id.as_ref(), self.ladder(entry, &market)))
            .collect();
        tell(&answers, entries.many, telling, ladders)
    }

    fn ladder(&self, entry: &Entry, market: &Market) -> Result<LadderAnswer, Fault> {
        let origin = entry.origin(Some(market));
        let sheet = entry
            .sheet
            .as_ref()
            .map_err(|findings| origin.fault(findings))?;
        let [underlying] = sheet.underlyings.as_slice() else {
            let en = "A ladder needs a contract on one underlying.";
            return Err(Fault::refused(
                "E-LADDER-UNDERLYINGS",
                en,
                "情景阶梯仅适用于单标的合约。",
            ));
        };
        let quotes = market.snapshot.underlying(&underlying.code);
        let spot = quotes
            .and_then(|quotes| quotes.spot.to_f64())
            .unwrap_or(f64::NAN);
        let request = Request {
            ladder: self
                .spots
                .0
                .iter()
                .map(|written| match written {
                    Spot::Share(share) => share * spot,
                    Spot::Price(price) => *price,
                })
                .filter(|spot| spot.is_finite())
                .collect(),
            ..self.pricing.request(Greeking::Spot)
        };
        let priced = |request: &Request| -> Result<Valuation, ValueError> {
            value(sheet, &market.snapshot, Calendars::builtin(), request)
        };
        let valuation = priced(&request).map_err(|error| origin.value(&error))?;
        if valuation.ladder.len() != self.spots.0.len() {
            let engine = valuation.engine;
            let en = format!(
                "{engine} gives no ladder for this contract. Name another engine, or price at each spot."
            );
            let zh = format!("引擎 {engine} 不提供该合约的情景阶梯，请改用其他引擎或逐点定价。");
            return Err(Fault::refused("E-LADDER-ENGINE", en, zh));
        }
        Ok(LadderAnswer {
            trade_id: valuation.trade_id,
            value: valuation.value,
            currency: valuation.currency,
            spot,
            ladder: valuation.ladder,
            error_estimate: valuation.error_estimate,
            engine: valuation.engine,
            notes: valuation.notes,
        })
    }
}

fn ladders(answers: &[&LadderAnswer], lang: Lang) -> String {
    let mut text = String::new();
    for answer in answers {
        text += &format!(
            "{} ({}, {})\n",
            answer.trade_id, answer.currency, answer.engine
        );
        let head = [
            ("spot", "标的价格"),
            ("of spot", "占现价"),
            ("value", "价值"),
            ("delta", "delta"),
            ("gamma", "gamma"),
        ];
        let mut rows = vec![
            head.iter()
                .map(|(en, zh)| lang.pick(en, zh).to_owned())
                .collect::<Vec<String>>(),
        ];
        for point in &answer.ladder {
            rows.push(vec![
                format!("{:.4}", point.spot),
                format!("{:.2}%", 100.0 * point.spot / answer.spot),
                money(point.value),
                number(point.delta),
                number(point.gamma),
            ]);
        }
        text += &render(&rows);
        text += &notes(&answer.notes, lang);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Spot, Spots, spots};

    #[test]
    fn spots_are_a_range_or_a_list_and_increase() {
        assert_eq!(
            spots("70%:130%:3"),
            Ok(Spots(vec![
                Spot::Share(0.7),
                Spot::Share(1.0),
                Spot::Share(1.3)
            ]))
        );
        assert_eq!(
            spots("90, 100"),
            Ok(Spots(vec![Spot::Price(90.0), Spot::Price(100.0)]))
        );
        for wrong in [
            "",
            "70%:130:3",
            "70%:130%:1",
            "130%:70%:5",
            "NaN",
            "1,1",
            "0",
            "1:2",
            "90%,100",
        ] {
            assert!(spots(wrong).is_err(), "{wrong}");
        }
    }
}
