//! Prices, ladders and solved unknowns of term sheets.

use std::sync::Arc;

use rialto_otc_contract::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::{ModelConfig, ModelKind};
use rialto_otc_pricing::desk::desk as desk_greeks;
use rialto_otc_pricing::engine::{Greeking, PriceError};
use rialto_otc_pricing::reason::Reason;
use rialto_otc_pricing::select::{self, Candidate};
use rialto_otc_pricing::solve::{Question, Target, Unknown, increment_of, solve};
use rialto_otc_pricing::valuation::{Request, Valuation, value};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::ledger::word;
use crate::snapshot;
use crate::view::{
    EngineView, ErrorView, GreeksView, LadderPointView, LadderView, PriceView, SolveView, WhyView,
};
use crate::{Desk, DeskError, blocking};

/// Most points of a ladder.
const MOST_POINTS: u32 = 2_000;

/// A term sheet to be priced.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceInput {
    /// The term sheet.
    #[schema(value_type = Object)]
    pub terms: Value,
    /// Market by id.
    pub snapshot_id: Option<String>,
    /// Or the market itself.
    #[schema(value_type = Option<Object>)]
    pub market: Option<Value>,
    /// Engine by name, never replaced by another; chosen when not told.
    pub engine: Option<String>,
    /// `quoted` (default: what the market names), `gbm`, `local_vol` or `heston`.
    pub model: Option<String>,
    /// `none`, `spot` or `all` (default).
    pub greeks: Option<String>,
}

/// A term sheet to be priced at many spots.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LadderInput {
    /// The term sheet.
    #[schema(value_type = Object)]
    pub terms: Value,
    /// Market by id.
    pub snapshot_id: String,
    /// Underlying that moves; the only one when not told.
    pub underlying: Option<String>,
    /// Lowest spot, price units.
    pub from: f64,
    /// Highest spot.
    pub to: f64,
    /// How many points, 2 to 2,000.
    pub count: u32,
    /// Engine by name, never replaced by another; chosen when not told.
    pub engine: Option<String>,
    /// `quoted` (default: what the market names), `gbm`, `local_vol` or `heston`.
    pub model: Option<String>,
}

/// A term sheet with an unknown.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SolveInput {
    /// The term sheet; the unknown's present value is where the search begins.
    #[schema(value_type = Object)]
    pub terms: Value,
    /// Market by id.
    pub snapshot_id: String,
    /// `coupon`, `bonus`, `strike`, `ko_level`, `ki_level`, `premium`, `part`, `rebate`, `spread`.
    pub unknown: String,
    /// What the holder's value is to be: `"100%"` of the notional, or currency units as a decimal;
    /// the premium of the sheet when not told.
    pub target: Option<String>,
    /// Step of the answer, `"0.0001"`, rounded in the house's favour.
    pub increment: Option<String>,
    /// Engine by name, never replaced by another; chosen when not told.
    pub engine: Option<String>,
    /// `quoted` (default: what the market names), `gbm`, `local_vol` or `heston`.
    pub model: Option<String>,
}

pub fn why(all: &[Candidate]) -> Vec<WhyView> {
    all.iter()
        .map(|candidate| WhyView {
            engine: candidate.engine.to_owned(),
            chosen: candidate.chosen,
            reason: candidate.reason.en.clone(),
            reason_zh: candidate.reason.zh.clone(),
        })
        .collect()
}

pub fn view(sheet: &TermSheet, market: &Snapshot, found: Valuation) -> PriceView {
    let desk = desk_greeks(sheet, market, &found.greeks, None);
    let any = !found.greeks.delta.is_empty();
    let greeks = found.greeks;
    PriceView {
        house_value: f64::from(sheet.direction.house_sign()) * found.value,
        trade_id: found.trade_id,
        value: found.value,
        value_open: found.value_open,
        value_determined: found.value_determined,
        currency: found.currency,
        greeks: GreeksView {
            delta: greeks.delta,
            gamma: greeks.gamma,
            vega: greeks.vega,
            rho: greeks.rho,
            rho_q: greeks.rho_q,
            theta_1d: greeks.theta_1d,
        },
        desk: any.then(|| serde_json::to_value(desk).unwrap_or_default()),
        error_estimate: ErrorView {
            abs: found.error_estimate.abs,
            kind: word(&found.error_estimate.kind),
        },
        tolerance_met: found.tolerance_met,
        engine: found.engine.to_owned(),
        why: why(&found.why),
        notes: found.notes.into_iter().map(Into::into).collect(),
        snapshot_id: found.stamp.snapshot_id,
        as_of: serde_json::to_value(found.stamp.as_of).unwrap_or_default(),
        contract_hash: found.stamp.contract_hash,
    }
}

/// Which Greeks a word asks for.
pub fn greeking(text: Option<&str>) -> Result<Greeking, DeskError> {
    match text {
        None | Some("all") => Ok(Greeking::All),
        Some("spot") => Ok(Greeking::Spot),
        Some("none") => Ok(Greeking::None),
        Some(other) => Err(DeskError::not_among(
            "/greeks",
            other,
            &["none", "spot", "all"],
        )),
    }
}

/// A share of the notional, or currency units; of nothing, the premium of the sheet.
pub fn target(pointer: &str, text: Option<&str>) -> Result<Target, DeskError> {
    let Some(text) = text else {
        return Ok(Target::Premium);
    };
    let refuse = || {
        let message = format!("`{text}` is neither a percentage like 100% nor an amount");
        let zh = format!("`{text}` 既不是 100% 这样的比例，也不是金额");
        DeskError::invalid(pointer, "invalid", message, zh)
    };
    let number = |text: &str| {
        let value: Decimal = text.trim().parse().map_err(|_| refuse())?;
        value.to_f64().ok_or_else(refuse)
    };
    match text.trim().strip_suffix('%') {
        Some(percent) => Ok(Target::Share(number(percent)? / 100.0)),
        None => Ok(Target::Amount(number(text)?)),
    }
}

/// An unknown by name.
pub fn unknown(name: &str) -> Result<Unknown, DeskError> {
    Unknown::named(name).ok_or_else(|| {
        let known: Vec<&str> = Unknown::ALL.iter().map(|unknown| unknown.name()).collect();
        DeskError::not_among("/unknown", name, &known)
    })
}

/// A positive step.
pub fn increment(text: Option<&str>) -> Result<Option<Decimal>, DeskError> {
    let zh = "步长须大于 0，例如 0.01%、0.0001 或一个价格";
    let refused = |told| DeskError::invalid("/increment", "invalid", told, zh);
    text.map(|text| increment_of(text).map_err(refused))
        .transpose()
}

/// All engines, in order of preference.
#[must_use]
pub fn engines() -> Vec<EngineView> {
    let named = select::names().map(|id| EngineView {
        name: id.split('/').next().unwrap_or(id).to_owned(),
        id: id.to_owned(),
    });
    named.collect()
}

/// How a value is found: the engine and the model that were asked for by name.
///
/// # Errors
/// [`DeskError::Invalid`] for an unknown model; an unknown engine is refused where it would price.
pub fn request(
    engine: Option<String>,
    model: Option<&str>,
    greeks: Greeking,
) -> Result<Request, DeskError> {
    let kind = match model {
        None => ModelKind::default(),
        Some(name) => ModelKind::named(name)
            .ok_or_else(|| DeskError::not_among("/model", name, &ModelKind::NAMES))?,
    };
    Ok(Request {
        engine,
        config: ModelConfig { kind },
        greeks,
        ..Request::default()
    })
}

impl Desk {
    async fn market_of(
        &self,
        id: Option<&str>,
        given: Option<Value>,
    ) -> Result<Arc<Snapshot>, DeskError> {
        match (id, given) {
            (Some(id), None) => self.market(id).await,
            (None, Some(market)) => {
                blocking(move || Ok(Arc::new(snapshot::read(&market)?.0))).await
            }
            _ => Err(DeskError::invalid(
                "/snapshot_id",
                "missing",
                "give either snapshot_id or market",
                "请给出 snapshot_id 或 market 之一",
            )),
        }
    }

    /// Prices a term sheet.
    ///
    /// # Errors
    /// Findings of sheet and market; the reason why no engine has a price.
    pub async fn price(&self, input: PriceInput) -> Result<PriceView, DeskError> {
        let market = self
            .market_of(input.snapshot_id.as_deref(), input.market)
            .await?;
        let greeks = greeking(input.greeks.as_deref())?;
        let request = request(input.engine, input.model.as_deref(), greeks)?;
        let desk = self.clone();
        blocking(move || {
            let sheet = TermSheet::from_value(&input.terms)?;
            let found = value(&sheet, &market, desk.calendars(), &request)?;
            Ok(view(&sheet, &market, found))
        })
        .await
    }

    /// Prices a term sheet at many spots from one solve.
    ///
    /// # Errors
    /// As [`Desk::price`]; a contract on several underlyings has no ladder yet.
    pub async fn ladder(&self, input: LadderInput) -> Result<LadderView, DeskError> {
        let (low, high, count) = (input.from, input.to, input.count);
        if !(2..=MOST_POINTS).contains(&count) {
            let text = format!("{count} is not 2 to {MOST_POINTS}");
            let zh = format!("{count} 不在 2 至 {MOST_POINTS} 之间");
            return Err(DeskError::invalid("/count", "out_of_range", text, zh));
        }
        let sound = low > 0.0 && low < high && high.is_finite();
        if !sound {
            let text = "from is above 0 and below to";
            let zh = "from 须大于 0 且小于 to";
            return Err(DeskError::invalid("/from", "out_of_range", text, zh));
        }
        let request = request(input.engine, input.model.as_deref(), Greeking::Spot)?;
        let market = self.market(&input.snapshot_id).await?;
        let desk = self.clone();
        blocking(move || {
            let sheet = TermSheet::from_value(&input.terms)?;
            let [only] = sheet.underlyings.as_slice() else {
                let text = "a ladder moves one underlying, and this contract has several";
                let zh = "阶梯估值只移动一个标的，而该合约有多个标的";
                return Err(DeskError::invalid(
                    "/terms",
                    "several_underlyings",
                    text,
                    zh,
                ));
            };
            if input
                .underlying
                .as_ref()
                .is_some_and(|asked| *asked != only.code)
            {
                let text = format!("the contract's underlying is {}", only.code);
                let zh = format!("合约标的为 {}", only.code);
                return Err(DeskError::invalid("/underlying", "unknown", text, zh));
            }
            let step = (high - low) / f64::from(count - 1);
            let request = Request {
                ladder: (0..count).map(|n| low + step * f64::from(n)).collect(),
                ..request
            };
            let found = value(&sheet, &market, desk.calendars(), &request)?;
            if found.ladder.is_empty() {
                return Err(DeskError::Price(PriceError::Refused {
                    engine: found.engine,
                    reason: Reason::new("this engine has no ladder", "该引擎不支持阶梯估值"),
                }));
            }
            let points = found.ladder.iter().map(|point| LadderPointView {
                spot: point.spot,
                value: point.value,
                delta: point.delta,
                gamma: point.gamma,
            });
            Ok(LadderView {
                underlying: only.code.clone(),
                points: points.collect(),
                engine: found.engine.to_owned(),
                why: why(&found.why),
            })
        })
        .await
    }

    /// Solves a term sheet for an unknown.
    ///
    /// # Errors
    /// As [`Desk::price`]; [`DeskError::Solve`] when there is no answer.
    pub async fn solve(&self, input: SolveInput) -> Result<SolveView, DeskError> {
        let question = Question {
            unknown: unknown(&input.unknown)?,
            target: target("/target", input.target.as_deref())?,
            increment: increment(input.increment.as_deref())?,
        };
        let request = request(input.engine, input.model.as_deref(), Greeking::None)?;
        let market = self.market(&input.snapshot_id).await?;
        let desk = self.clone();
        blocking(move || {
            let sheet = TermSheet::from_value(&input.terms)?;
            let found = solve(&sheet, &market, desk.calendars(), &request, &question)?;
            Ok(SolveView {
                value: found.exact,
                rounded: found.value,
                pointer: found.pointer,
                edge: found.edge,
                method: found.method.to_owned(),
                evaluations: found.evaluations as u64,
                engine: found.valuation.engine.to_owned(),
                terms: found.terms,
                notes: found.notes.into_iter().map(Into::into).collect(),
            })
        })
        .await
    }
}
