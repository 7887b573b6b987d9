//! `rialto otc …`: contracts checked, told in words, priced, solved and walked, without a server.

mod check;
mod fault;
mod fixings;
mod flows;
mod input;
mod observe;
mod price;
mod solve;
mod table;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand, ValueEnum};
use rialto_otc_market::view::{ModelConfig, ModelKind, VolAt};
use rialto_otc_pricing::engine::{Greeking, MOST_PATHS};
use rialto_otc_pricing::valuation::{Request, tolerance_of};
use rialto_otc_time::AsOf;
use serde::Serialize;

use self::fault::{Class, Fault};
use crate::lang::Lang;

/// The commands of `rialto otc`. Exit codes of all: 0 done, 1 something is found wrong in a
/// contract or refused, 2 the input cannot be read or the command line is wrong, 3 a fault of the
/// program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything that is wrong with term sheets, with file, line, column, rule and cure.
    Validate(check::ValidateArgs),
    /// The contract in words: what it remembers, which rules run when, its dates.
    Explain(check::ExplainArgs),
    /// The holder's present value, Greeks, error, engine and why that engine.
    Price(price::PriceArgs),
    /// Greeks in the units of a desk, with the sign of the house, beside the raw ones.
    Greeks(price::GreeksArgs),
    /// Value, delta and gamma at many spots from one solve.
    Ladder(price::LadderArgs),
    /// One unknown so that the value meets a target.
    Solve(solve::SolveArgs),
    /// Cash flows: those determined, and those expected with their probabilities.
    Cashflows(flows::CashflowsArgs),
    /// Walk contracts on fixings: events, flows with their formulas, state.
    Observe(observe::ObserveArgs),
    /// Walk all trades of a file on fixings and sum up what became of them. It walks term sheets;
    /// a booked trade's own record is replayed by the book.
    Replay(observe::ObserveArgs),
}

/// Runs a command.
pub fn execute(command: Command) -> Result<ExitCode> {
    // A fault of the program is told as one: with its own exit code.
    let done = catch_unwind(AssertUnwindSafe(|| match command {
        Command::Validate(arguments) => arguments.execute(),
        Command::Explain(arguments) => arguments.execute(),
        Command::Price(arguments) => arguments.execute(),
        Command::Greeks(arguments) => arguments.execute(),
        Command::Ladder(arguments) => arguments.execute(),
        Command::Solve(arguments) => arguments.execute(),
        Command::Cashflows(arguments) => arguments.execute(),
        Command::Observe(arguments) => arguments.execute(observe::Form::Trades),
        Command::Replay(arguments) => arguments.execute(observe::Form::Summary),
    }));
    match done {
        Ok(done) => done,
        Err(_) => Ok(ExitCode::from(Class::Internal as u8)),
    }
}

/// Where contracts come from and how answers are told.
#[derive(Debug, Args)]
struct Contracts {
    /// Term sheets, JSON or YAML: one, a JSON array, or JSON lines; `-` reads standard input.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    terms: Vec<PathBuf>,
    #[command(flatten)]
    telling: Telling,
}

/// How answers are told.
#[derive(Debug, Clone, Copy, Args)]
struct Telling {
    /// How to print; the objects of `json` are stable.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
    /// Language of messages and tables; that of the environment (LC_ALL, LC_MESSAGES, LANG) when
    /// not given.
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// One document.
    Json,
}

impl Telling {
    fn lang(self) -> Lang {
        Lang::told(self.lang)
    }
}

/// The market, and how it is modelled and priced in.
#[derive(Debug, Args)]
struct Pricing {
    /// Market snapshot, JSON or YAML; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    market: PathBuf,
    /// Moment of the valuation: `DATE`, `DATE:pre_open`, `DATE:intraday:10:30`, `DATE:post_close`,
    /// or years for numeric contracts; that of the market when not given.
    #[arg(long, value_name = "DATE[:PHASE]", value_parser = as_of)]
    as_of: Option<AsOf>,
    /// Model; the one that the market quotes when not given.
    #[arg(long, value_enum)]
    model: Option<ModelName>,
    /// Engine by name; never replaced by another. Chosen when not given.
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// Largest acceptable error as a share of the notional: `0.1bp`, `0.001%` or `1e-5`.
    #[arg(long, value_name = "SHARE", value_parser = tolerance, default_value = "0.1bp")]
    tolerance: f64,
    /// Seed of simulations: the same seed gives the same numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Paths of a simulation in all, a power of two; as many as the tolerance needs when not given.
    #[arg(long, value_parser = paths)]
    paths: Option<u64>,
}

/// A model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModelName {
    /// Geometric Brownian motion with the volatility of the forward.
    Gbm,
    /// Local volatility.
    #[value(name = "local_vol")]
    LocalVol,
    /// Heston.
    Heston,
}

impl Pricing {
    fn request(&self, greeks: Greeking) -> Request {
        let kind = match self.model {
            None => ModelKind::Quoted,
            Some(ModelName::Gbm) => ModelKind::Gbm {
                vol: VolAt::default(),
            },
            Some(ModelName::LocalVol) => ModelKind::LocalVol,
            Some(ModelName::Heston) => ModelKind::Heston,
        };
        Request {
            as_of: self.as_of,
            config: ModelConfig { kind },
            engine: self.engine.clone(),
            greeks,
            ladder: Vec::new(),
            flows: false,
            tolerance: self.tolerance,
            seed: self.seed,
            paths: self.paths,
        }
    }
}

fn as_of(text: &str) -> Result<AsOf, String> {
    text.parse::<AsOf>().map_err(|error| error.to_string())
}

fn tolerance(text: &str) -> Result<f64, String> {
    tolerance_of(text).map_err(str::to_owned)
}

fn paths(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(paths) if paths.is_power_of_two() && (2..=MOST_PATHS).contains(&paths) => Ok(paths),
        _ => Err(format!(
            "write a power of two, like 65536, up to {MOST_PATHS} (2^30)"
        )),
    }
}

/// The answer for one contract.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer<T> {
    Done(T),
    Failed {
        trade_id: Option<String>,
        error: Fault,
    },
}

impl<T> Answer<T> {
    fn new(trade_id: Option<&String>, result: Result<T, Fault>) -> Self {
        match result {
            Ok(done) => Self::Done(done),
            Err(error) => Self::Failed {
                trade_id: trade_id.cloned(),
                error,
            },
        }
    }
}

/// Prints answers, faults on standard error too, and gives the exit code: that of the one contract,
/// of many 1 when one of them failed (3 when that was a fault of the program).
fn tell<T: Serialize>(
    answers: &[Answer<T>],
    many: bool,
    telling: Telling,
    table: impl FnOnce(&[&T], Lang) -> String,
) -> Result<ExitCode> {
    let lang = telling.lang();
    match (telling.output, many) {
        (Output::Json, true) => print(&json(&answers)?)?,
        (Output::Json, false) => {
            if let Some(answer) = answers.first() {
                print(&json(answer)?)?;
            }
        }
        (Output::Table, _) => {
            let done: Vec<&T> = answers
                .iter()
                .filter_map(|answer| match answer {
                    Answer::Done(done) => Some(done),
                    Answer::Failed { .. } => None,
                })
                .collect();
            if !done.is_empty() {
                print(&table(&done, lang))?;
            }
        }
    }
    let mut worst = None;
    for answer in answers {
        if let Answer::Failed { trade_id, error } = answer {
            report(error, trade_id.as_deref().filter(|_| many), lang);
            worst = worst.max(Some(error.class));
        }
    }
    Ok(match worst {
        None => ExitCode::SUCCESS,
        Some(Class::Input) if many => ExitCode::from(Class::Refused as u8),
        Some(class) => ExitCode::from(class as u8),
    })
}

/// Tells a fault that ends the command.
fn stop(fault: &Fault, telling: Telling) -> Result<ExitCode> {
    if telling.output == Output::Json {
        #[derive(Serialize)]
        struct Stopped<'f> {
            error: &'f Fault,
        }
        print(&json(&Stopped { error: fault })?)?;
    }
    report(fault, None, telling.lang());
    Ok(ExitCode::from(fault.class as u8))
}

fn report(fault: &Fault, trade: Option<&str>, lang: Lang) {
    for line in fault.lines(lang) {
        match trade {
            Some(trade) => eprintln!("{trade}: {line}"),
            None => eprintln!("{line}"),
        }
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    let mut text = serde_json::to_string_pretty(value).context("the answer cannot be written")?;
    text.push('\n');
    Ok(text)
}

fn print(text: &str) -> Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}

#[cfg(test)]
mod tests {
    use super::{as_of, paths, tolerance};

    #[test]
    fn moments_tolerances_and_paths_are_read_or_refused() {
        assert_eq!(
            as_of("2026-05-18").unwrap().to_string(),
            "2026-05-18 post_close"
        );
        assert_eq!(
            as_of("2026-05-18:intraday:10:30").unwrap().to_string(),
            "2026-05-18 intraday 10:30:00"
        );
        assert_eq!(as_of("0.25").unwrap().to_string(), "0.25");
        for wrong in [
            "NaN",
            "-1",
            "2026-13-01",
            "2026-05-18:noon",
            "2026-05-18:intraday",
        ] {
            assert!(as_of(wrong).is_err(), "{wrong}");
        }
        assert_eq!(tolerance("0.1bp"), Ok(1e-5));
        assert_eq!(tolerance("1%"), Ok(0.01));
        for wrong in ["0", "-1bp", "NaN", "inf", "x", "2"] {
            assert!(tolerance(wrong).is_err(), "{wrong}");
        }
        assert_eq!(paths("1024"), Ok(1024));
        assert!(paths("1000").is_err() && paths("0").is_err());
        assert_eq!(paths("1073741824"), Ok(1 << 30));
        for many in ["2147483648", "1152921504606846976"] {
            assert!(paths(many).unwrap_err().contains("2^30"));
        }
    }
}
