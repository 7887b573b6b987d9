//! Our side of `cargo xtask bench otc`: one JSON question a line on standard input, one answer a
//! line on standard output. Times are the best of some runs, in seconds, of the pricing alone unless
//! the question says `"from": "text"`.

use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use rialto_otc_contract::shape::Side;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::ModelConfig;
use rialto_otc_pricing::closed::european;
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::select;
use rialto_otc_pricing::solve::{Question as Wanted, Target, Unknown, solve};
use rialto_otc_pricing::valuation::{Prepared, Request, prepare, value};
use rialto_otc_time::Calendars;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    task: Task,
    /// Term sheets with their markets.
    #[serde(default)]
    contracts: Vec<(Value, Value)>,
    /// Spot, strike, years, r, q, volatility.
    #[serde(default)]
    options: Vec<[f64; 6]>,
    engine: Option<String>,
    #[serde(default)]
    greeks: Wish,
    #[serde(default)]
    ladder: Vec<f64>,
    /// Share of the notional.
    tolerance: Option<f64>,
    paths: Option<u64>,
    seed: Option<u64>,
    unknown: Option<String>,
    /// Share of the notional.
    target: Option<f64>,
    reps: usize,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Task {
    /// Values of prepared contracts.
    Prices,
    /// The same from their texts.
    Texts,
    /// An unknown of the first contract.
    Solve,
    /// European options at flat parameters.
    Europeans,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum Wish {
    #[default]
    None,
    Spot,
    All,
}

impl Question {
    fn request(&self) -> Request {
        let usual = Request::default();
        Request {
            engine: self.engine.clone(),
            greeks: match self.greeks {
                Wish::None => Greeking::None,
                Wish::Spot => Greeking::Spot,
                Wish::All => Greeking::All,
            },
            ladder: self.ladder.clone(),
            tolerance: self.tolerance.unwrap_or(usual.tolerance),
            paths: self.paths,
            seed: self.seed.unwrap_or(usual.seed),
            ..usual
        }
    }

    fn best<T>(&self, mut act: impl FnMut() -> Result<T>) -> Result<(f64, T)> {
        let mut best = f64::INFINITY;
        let mut out = act()?;
        for _ in 0..self.reps {
            let start = Instant::now();
            out = black_box(act()?);
            best = best.min(start.elapsed().as_secs_f64());
        }
        Ok((best, out))
    }

    fn read(&self) -> Result<Vec<(TermSheet, Snapshot)>> {
        let read = |(sheet, market): &(Value, Value)| {
            let sheet = TermSheet::from_value(sheet).map_err(|f| anyhow::anyhow!("{f}"))?;
            let (market, _) =
                Snapshot::from_text(&market.to_string()).map_err(|f| anyhow::anyhow!("{f}"))?;
            Ok((sheet, market))
        };
        self.contracts.iter().map(read).collect()
    }

    fn prices(&self) -> Result<Value> {
        let (request, config) = (self.request(), ModelConfig::default());
        let prepared = self
            .read()?
            .iter()
            .map(|(sheet, market)| {
                prepare(sheet, market, Calendars::builtin(), None, &config)
                    .map_err(|findings| anyhow::anyhow!("{findings}"))
            })
            .collect::<Result<Vec<Prepared>>>()?;
        let asks: Vec<_> = prepared.iter().map(|one| one.ask(&request)).collect();
        let engine = request.engine.as_deref();
        let (seconds, chosen) = self.best(|| {
            let priced = prepared.iter().zip(&asks).map(|(one, ask)| {
                let chosen = select::price(&one.plan, &one.model, ask, engine)?;
                Ok((chosen.engine, chosen.priced))
            });
            priced.collect::<Result<Vec<_>>>()
        })?;
        let told = chosen.iter().map(|(engine, priced)| {
            json!({
                "engine": engine,
                "value": priced.value,
                "error": priced.error.abs,
                "greeks": priced.greeks,
                "ladder": priced.ladder,
                "notes": priced.notes,
            })
        });
        let dates: usize = prepared.iter().map(|one| one.plan.instants.len()).sum();
        Ok(json!({ "seconds": seconds, "dates": dates, "priced": told.collect::<Vec<_>>() }))
    }

    fn texts(&self) -> Result<Value> {
        let texts: Vec<(String, String)> = self
            .contracts
            .iter()
            .map(|(sheet, market)| (sheet.to_string(), market.to_string()))
            .collect();
        let request = self.request();
        let (seconds, values) = self.best(|| {
            let valued = texts.iter().map(|(sheet, market)| {
                let sheet = TermSheet::from_text(sheet).map_err(|f| anyhow::anyhow!("{f}"))?;
                let (market, _) =
                    Snapshot::from_text(market).map_err(|f| anyhow::anyhow!("{f}"))?;
                Ok(value(&sheet, &market, Calendars::builtin(), &request)?.value)
            });
            valued.collect::<Result<Vec<f64>>>()
        })?;
        Ok(json!({ "seconds": seconds, "values": values }))
    }

    fn solve(&self) -> Result<Value> {
        let contracts = self.read()?;
        let (sheet, market) = contracts.first().context("solve needs a contract")?;
        let name = self.unknown.as_deref().context("solve needs an unknown")?;
        let wanted = Wanted {
            unknown: Unknown::named(name).with_context(|| format!("there is no unknown {name}"))?,
            target: Target::Share(self.target.context("solve needs a target")?),
            increment: None,
        };
        let request = self.request();
        let (seconds, solution) = self.best(|| {
            Ok(solve(
                sheet,
                market,
                Calendars::builtin(),
                &request,
                &wanted,
            )?)
        })?;
        Ok(json!({ "seconds": seconds, "number": solution.exact }))
    }

    fn europeans(&self) -> Result<Value> {
        if self.options.is_empty() {
            bail!("no options");
        }
        let (seconds, priced) = self.best(|| {
            let one = |[spot, strike, time, r, q, vol]: &[f64; 6]| {
                european(Side::Call, *spot, *strike, *time, (*r, *q, *vol))
            };
            Ok(self.options.iter().map(one).collect::<Vec<_>>())
        })?;
        let values: Vec<f64> = priced.iter().map(|option| option.value).collect();
        Ok(json!({ "seconds": seconds / self.options.len() as f64, "values": values }))
    }
}

fn answer(line: &str) -> Result<Value> {
    let question: Question = serde_json::from_str(line)?;
    match question.task {
        Task::Prices => question.prices(),
        Task::Texts => question.texts(),
        Task::Solve => question.solve(),
        Task::Europeans => question.europeans(),
    }
}

fn main() -> Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let told = answer(&line?).unwrap_or_else(|error| json!({ "failed": format!("{error:#}") }));
        writeln!(out, "{told}")?;
        out.flush()?;
    }
    Ok(())
}
