//! What every engine is asked, answers and refuses (specification, section 8.1).

use crate::reason::Reason;
use rialto_otc_contract::note::Note;
use rialto_otc_contract::plan::Plan;
use rialto_otc_market::model::Model;
use serde::Serialize;

/// A way to price plans.
pub trait Engine: Send + Sync {
    /// Name and version, `quad1d/1`: a stored valuation names it.
    fn id(&self) -> &'static str;

    /// Whether it can price this plan in this model, how well and at what cost.
    fn fit(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Fit;

    /// Prices. Values are to the holder, in currency units.
    ///
    /// # Errors
    /// [`PriceError`] when the plan is not one of this engine's, or a number went wrong.
    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError>;
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Which Greeks.
    pub greeks: Greeking,
    /// Spots at which the whole value is wanted from the same solve (price units, increasing);
    /// one underlying only.
    pub ladder: Vec<f64>,
    /// Expected flows by date, with probabilities.
    pub flows: bool,
    /// Largest acceptable error, currency units.
    pub tolerance: f64,
    /// Seed of simulated engines; the same seed gives the same bits for any number of threads.
    pub seed: u64,
    /// Paths of a simulation in all (a power of two), when it is to be fixed.
    pub paths: Option<u64>,
    /// The error is not asked for: an engine that finds it by a second solve may leave that out and
    /// tell an infinite one. For prices on the way to an answer that is priced with its error.
    pub draft: bool,
}

/// Paths of a simulation at most: over the sessions of a year already some 3e11 steps.
pub const MOST_PATHS: u64 = 1 << 30;

impl Ask {
    /// Refuses more paths than [`MOST_PATHS`].
    ///
    /// # Errors
    /// [`PriceError::Refused`] in the name of the engine.
    pub fn bounded(&self, engine: &'static str) -> Result<(), PriceError> {
        match self.paths {
            Some(paths) if paths > MOST_PATHS => Err(PriceError::Refused {
                engine,
                reason: Reason::new(
                    format!("{paths} paths; at most {MOST_PATHS} (2^30) are simulated"),
                    format!("{paths} 条路径，最多模拟 {MOST_PATHS}（2^30）条"),
                ),
            }),
            _ => Ok(()),
        }
    }
}

/// Which Greeks are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Greeking {
    /// None.
    #[default]
    None,
    /// Delta and gamma only, which most engines have for nothing.
    Spot,
    /// All first-order ones and gamma.
    All,
}

/// Whether an engine can price a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Fit {
    /// Exactly, up to rounding.
    Exact {
        /// Predicted floating-point work, in multiply-adds.
        cost: f64,
    },
    /// Approximately.
    Good {
        /// Predicted error, currency units.
        error: f64,
        /// Predicted floating-point work, in multiply-adds.
        cost: f64,
    },
    /// Not at all.
    No(Reason),
}

/// What an engine found.
#[derive(Debug, Clone, PartialEq)]
pub struct Priced {
    /// Holder's present value of all flows that are still to come, currency units.
    pub value: f64,
    /// Greeks it was asked for.
    pub greeks: Greeks,
    /// Values at the spots asked for.
    pub ladder: Vec<LadderPoint>,
    /// Expected flows, when asked for.
    pub flows: Vec<ExpectedFlow>,
    /// How far off it may be.
    pub error: ErrorEstimate,
    /// What a reader should know: approximations in force, tolerance not met.
    pub notes: Vec<Note>,
}

/// Raw Greeks per contract, to the holder (specification, section 8.6). One-underlying contracts
/// have one entry per list, others one for each underlying in the plan's order.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Greeks {
    /// dV/dS, currency per price unit.
    pub delta: Vec<f64>,
    /// d²V/dS².
    pub gamma: Vec<f64>,
    /// dV/dσ per 1.00 of volatility, parallel.
    pub vega: Vec<f64>,
    /// dV/dr per 1.00, parallel zero curve, q held.
    pub rho: Option<f64>,
    /// dV/dq per 1.00, r held.
    pub rho_q: Vec<f64>,
    /// Change to the next session with everything else in place, flows paid between included.
    pub theta_1d: Option<f64>,
}

/// Value of the contract at another spot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LadderPoint {
    /// Spot, price units.
    pub spot: f64,
    /// Value, currency units.
    pub value: f64,
    /// dV/dS there.
    pub delta: f64,
    /// d²V/dS² there.
    pub gamma: f64,
}

/// What is expected on one date.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExpectedFlow {
    /// Index of the instant at which it is decided.
    pub instant: usize,
    /// Name of the flow.
    pub leg: String,
    /// Probability, under the pricing measure, that it is paid.
    pub probability: f64,
    /// Expected amount given that it is paid, currency units.
    pub amount: f64,
    /// Contribution to the value: discounted and weighted, currency units.
    pub contribution: f64,
}

/// How far off a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ErrorEstimate {
    /// Currency units.
    pub abs: f64,
    /// How it was found.
    pub kind: ErrorKind,
}

/// How an error was estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Rounding only.
    Exact,
    /// Richardson extrapolation over two grids.
    Richardson,
    /// Two orders or two grids side by side.
    TwoGrid,
    /// Standard error over independent scrambles.
    StdError,
}

/// Why there is no price.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PriceError {
    /// The engine does not price such plans.
    #[error("E-ENGINE-REFUSED: {engine} cannot price this: {reason}")]
    Refused {
        /// Engine.
        engine: &'static str,
        /// Why.
        reason: Reason,
    },
    /// An engine of that name does not exist.
    #[error("E-ENGINE-UNKNOWN: there is no engine `{name}`; there are {known}")]
    Unknown {
        /// Name asked for.
        name: String,
        /// Names that exist.
        known: String,
    },
    /// Something in the model cannot be.
    #[error("E-MODEL: {0}")]
    Model(String),
    /// A number became infinite or undefined.
    #[error("E-NUMBER: {stage} gave {value}")]
    Number {
        /// Where.
        stage: &'static str,
        /// What.
        value: f64,
    },
}

impl PriceError {
    /// `E-ENGINE-REFUSED`, `E-ENGINE-UNKNOWN`, `E-MODEL` or `E-NUMBER`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "E-ENGINE-REFUSED",
            Self::Unknown { .. } => "E-ENGINE-UNKNOWN",
            Self::Model(_) => "E-MODEL",
            Self::Number { .. } => "E-NUMBER",
        }
    }

    /// The text in English, without the code.
    #[must_use]
    pub fn en(&self) -> String {
        let text = self.to_string();
        match text.strip_prefix(self.code()) {
            Some(rest) => rest.trim_start_matches(": ").to_owned(),
            None => text,
        }
    }

    /// The text in Simplified Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Refused { engine, reason } => {
                format!("引擎 {engine} 不能为此合约定价：{}", reason.zh)
            }
            Self::Unknown { name, known } => format!("没有引擎 {name:?}；可用引擎：{known}"),
            Self::Model(reason) => format!("模型不成立：{reason}"),
            Self::Number { stage, value } => format!("计算出现非有限数：{stage} 为 {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{Ask, Engine as _, MOST_PATHS};
    use crate::testing::{ask, european, flat};

    #[test]
    fn more_paths_than_can_be_walked_are_refused() {
        let (plan, model) = (european(1.0, 100.0, 1.0), flat(100.0, 0.02, 0.0, 0.2));
        let of = |paths: u64| Ask {
            paths: Some(paths),
            ..ask()
        };
        assert_eq!(of(MOST_PATHS).bounded("x"), Ok(()));
        for paths in [2 * MOST_PATHS, 1 << 60, u64::MAX] {
            let rqmc = crate::rqmc::Rqmc.price(&plan, &model, &of(paths));
            let naive = crate::naive::Naive.price(&plan, &model, &of(paths));
            for refused in [rqmc, naive] {
                let text = refused.map(|priced| priced.value).unwrap_err().to_string();
                assert!(text.contains("at most 1073741824 (2^30)"), "{text}");
            }
        }
    }
}
