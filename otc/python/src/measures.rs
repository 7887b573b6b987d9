//! The columns of a table of prices.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::{DataType, Field};
use rialto_otc_pricing::desk::{DeskGreeks, NameGreeks};
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::valuation::Valuation;

/// A number that is wanted of every contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Holder's present value.
    Pv,
    /// Of it, not yet determined.
    PvOpen,
    /// Of it, determined and unpaid.
    PvDetermined,
    /// How far off it may be.
    Error,
    /// dV/dS; none for contracts on several underlyings.
    Delta,
    /// d²V/dS²; none for contracts on several underlyings.
    Gamma,
    /// dV/dσ, all underlyings together.
    Vega,
    /// dV/dr.
    Rho,
    /// dV/dq, all underlyings together.
    RhoQ,
    /// Change to the next session.
    Theta1d,
    /// One entry for each underlying.
    DeltaByName,
    /// One entry for each underlying.
    GammaByName,
    /// One entry for each underlying.
    VegaByName,
    /// One entry for each underlying.
    RhoQByName,
    /// House: `delta S`.
    CashDelta,
    /// House: currency for +1 % of the spot.
    Delta1pct,
    /// House: change of the cash delta for +1 %; none for contracts on several underlyings.
    Gamma1pct,
    /// House: currency for +1 volatility point.
    Vega1pt,
    /// House: currency for +1 bp of the zero curve.
    Rho1bp,
    /// House: currency for +1 bp of the carry.
    RhoQ1bp,
    /// House: change to the next session.
    ThetaHouse,
}

/// A valuation with its desk Greeks.
#[derive(Debug, Clone)]
pub struct Valued {
    /// The valuation.
    pub valuation: Valuation,
    /// Its Greeks to the house.
    pub desk: DeskGreeks,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Pv,
        Self::PvOpen,
        Self::PvDetermined,
        Self::Error,
        Self::Delta,
        Self::Gamma,
        Self::Vega,
        Self::Rho,
        Self::RhoQ,
        Self::Theta1d,
        Self::DeltaByName,
        Self::GammaByName,
        Self::VegaByName,
        Self::RhoQByName,
        Self::CashDelta,
        Self::Delta1pct,
        Self::Gamma1pct,
        Self::Vega1pt,
        Self::Rho1bp,
        Self::RhoQ1bp,
        Self::ThetaHouse,
    ];

    /// Name of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pv => "pv",
            Self::PvOpen => "pv_open",
            Self::PvDetermined => "pv_determined",
            Self::Error => "error_estimate",
            Self::Delta => "delta",
            Self::Gamma => "gamma",
            Self::Vega => "vega",
            Self::Rho => "rho",
            Self::RhoQ => "rho_q",
            Self::Theta1d => "theta_1d",
            Self::DeltaByName => "delta_by_name",
            Self::GammaByName => "gamma_by_name",
            Self::VegaByName => "vega_by_name",
            Self::RhoQByName => "rho_q_by_name",
            Self::CashDelta => "cash_delta",
            Self::Delta1pct => "delta_1pct",
            Self::Gamma1pct => "gamma_1pct",
            Self::Vega1pt => "vega_1pt",
            Self::Rho1bp => "rho_1bp",
            Self::RhoQ1bp => "rho_q_1bp",
            Self::ThetaHouse => "theta_1d_house",
        }
    }

    /// The measures of a name: `greeks` and `desk` stand for several.
    pub fn named(name: &str) -> Option<Vec<Self>> {
        match name {
            "greeks" => Some(vec![
                Self::Delta,
                Self::Gamma,
                Self::Vega,
                Self::Rho,
                Self::RhoQ,
                Self::Theta1d,
            ]),
            "desk" => Some(vec![
                Self::CashDelta,
                Self::Delta1pct,
                Self::Gamma1pct,
                Self::Vega1pt,
                Self::Rho1bp,
                Self::RhoQ1bp,
                Self::ThetaHouse,
            ]),
            _ => {
                let mut all = Self::ALL.into_iter();
                all.find(|measure| measure.name() == name).map(|m| vec![m])
            }
        }
    }

    /// Which Greeks it needs.
    pub const fn greeking(self) -> Greeking {
        match self {
            Self::Pv | Self::PvOpen | Self::PvDetermined | Self::Error => Greeking::None,
            Self::Delta
            | Self::Gamma
            | Self::DeltaByName
            | Self::GammaByName
            | Self::CashDelta
            | Self::Delta1pct
            | Self::Gamma1pct => Greeking::Spot,
            _ => Greeking::All,
        }
    }

    /// Its value.
    pub fn of(self, valued: &Valued) -> Option<f64> {
        let Valued { valuation, desk } = valued;
        let greeks = &valuation.greeks;
        let only = |list: &[f64]| match list {
            [one] => Some(*one),
            _ => None,
        };
        let sum = |list: &[f64]| (!list.is_empty()).then(|| list.iter().sum());
        let names = |part: fn(&NameGreeks) -> Option<f64>| -> Option<f64> {
            let parts: Option<Vec<f64>> = desk.underlyings.iter().map(part).collect();
            sum(&parts?)
        };
        match self {
            Self::Pv => Some(valuation.value),
            Self::PvOpen => Some(valuation.value_open),
            Self::PvDetermined => Some(valuation.value_determined),
            Self::Error => Some(valuation.error_estimate.abs),
            Self::Delta => only(&greeks.delta),
            Self::Gamma => only(&greeks.gamma),
            Self::Vega => sum(&greeks.vega),
            Self::Rho => greeks.rho,
            Self::RhoQ => sum(&greeks.rho_q),
            Self::Theta1d => greeks.theta_1d,
            Self::CashDelta => names(|name| name.cash_delta),
            Self::Delta1pct => names(|name| name.delta_1pct),
            Self::Gamma1pct => match desk.underlyings.as_slice() {
                [one] => one.gamma_1pct,
                _ => None,
            },
            Self::Vega1pt => names(|name| name.vega_1pt),
            Self::Rho1bp => desk.rho_1bp,
            Self::RhoQ1bp => names(|name| name.rho_q_1bp),
            Self::ThetaHouse => desk.theta_1d,
            Self::DeltaByName | Self::GammaByName | Self::VegaByName | Self::RhoQByName => None,
        }
    }

    fn by_name(self, valued: &Valued) -> Option<&[f64]> {
        let greeks = &valued.valuation.greeks;
        match self {
            Self::DeltaByName => Some(&greeks.delta),
            Self::GammaByName => Some(&greeks.gamma),
            Self::VegaByName => Some(&greeks.vega),
            Self::RhoQByName => Some(&greeks.rho_q),
            _ => None,
        }
    }

    const fn is_list(self) -> bool {
        matches!(
            self,
            Self::DeltaByName | Self::GammaByName | Self::VegaByName | Self::RhoQByName
        )
    }

    /// Its column over all rows, and the field of it.
    pub fn column<'v>(self, rows: impl Iterator<Item = Option<&'v Valued>>) -> (Field, ArrayRef) {
        let array: ArrayRef = if self.is_list() {
            let mut lists = ListBuilder::new(Float64Builder::new());
            for row in rows {
                let list = row.and_then(|valued| self.by_name(valued));
                lists.append_option(list.map(|list| list.iter().map(|value| Some(*value))));
            }
            Arc::new(lists.finish())
        } else {
            let all = rows.map(|row| row.and_then(|valued| self.of(valued)));
            Arc::new(all.collect::<Float64Array>())
        };
        let kind: DataType = array.data_type().clone();
        (Field::new(self.name(), kind, true), array)
    }
}

/// The Greeks that some measures need together.
pub fn greeking(measures: &[Measure]) -> Greeking {
    let needs = |greeking: Greeking| measures.iter().any(|m| m.greeking() == greeking);
    if needs(Greeking::All) {
        Greeking::All
    } else if needs(Greeking::Spot) {
        Greeking::Spot
    } else {
        Greeking::None
    }
}
