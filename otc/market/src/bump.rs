//! Moves of a market, as values (specification, section 8.6).
//!
//! A bump acts on a [`Model`]: cheap, for Greeks. A [`Scenario`] is a list of bumps and perhaps a
//! later moment; [`crate::view::scenario`] puts it on a snapshot. Windows of time that cut up the
//! whole axis give bumps that add up to the parallel one.

use std::cell::Cell;
use std::sync::Arc;

use rialto_otc_time::AsOf;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::correlation::Correlation;
use crate::curve::Curve;
use crate::marks::{Marks, Reading};
use crate::model::{Dynamics, Model, Name};
use crate::snapshot::Snapshot;
use crate::vol::surface::LEAST_VOL;
use crate::vol::{Shift, Surface};

/// Which underlyings move.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// All.
    #[default]
    All,
    /// By position in the plan.
    Index(usize),
    /// By code.
    Code(String),
}

/// How far a spot moves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// By a share of itself: 0.01 is +1 %.
    Relative(f64),
    /// By a price difference.
    Absolute(f64),
}

/// What of volatility stays when the spot moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stickiness {
    /// Implied volatility by strike.
    #[default]
    Strike,
    /// Implied volatility by moneyness.
    Moneyness,
    /// Local volatility by price.
    LocalVol,
}

/// A window of time after the valuation moment, years: of the rate clock for r and q, of the
/// variance clock for volatility.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Begins.
    pub from: f64,
    /// Ends; never, when absent.
    pub to: Option<f64>,
}

impl Window {
    /// All time.
    pub const PARALLEL: Self = Self {
        from: 0.0,
        to: None,
    };

    /// Windows between increasing edges above 0, the first from 0, the last without end.
    #[must_use]
    pub fn cut(edges: &[f64]) -> Vec<Self> {
        let mut from = 0.0;
        let mut windows = Vec::with_capacity(edges.len() + 1);
        for edge in edges {
            windows.push(Self {
                from,
                to: Some(*edge),
            });
            from = *edge;
        }
        windows.push(Self { from, to: None });
        windows
    }

    fn end(self) -> f64 {
        self.to.unwrap_or(f64::INFINITY)
    }

    fn is_parallel(self) -> bool {
        self.from <= 0.0 && self.to.is_none()
    }
}

/// One move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Bump {
    /// Spot.
    Spot {
        /// Whose.
        #[serde(default)]
        of: Which,
        /// How far.
        by: Move,
        /// What stays.
        #[serde(default)]
        sticky: Stickiness,
    },
    /// Volatility per year at all strikes.
    Vol {
        /// Whose.
        #[serde(default)]
        of: Which,
        /// Added.
        by: f64,
        /// When.
        #[serde(default)]
        window: Window,
    },
    /// Volatility per unit of forward log-moneyness.
    Skew {
        /// Whose.
        #[serde(default)]
        of: Which,
        /// Added per unit of `ln(K/F)`.
        by: f64,
        /// When.
        #[serde(default)]
        window: Window,
    },
    /// Rate r of the contract's currency; q is held.
    Rate {
        /// Added.
        by: f64,
        /// When.
        #[serde(default)]
        window: Window,
    },
    /// Carry q; r is held.
    Carry {
        /// Whose.
        #[serde(default)]
        of: Which,
        /// Added.
        by: f64,
        /// When.
        #[serde(default)]
        window: Window,
    },
    /// Correlation of one pair by position, or of all.
    Correlation {
        /// Which pair.
        #[serde(default)]
        pair: Option<(usize, usize)>,
        /// Added.
        by: f64,
    },
    /// Time, with spot, and r, q and volatility by tenor, in place. What is observed in between is
    /// the caller's to put into the contract's state.
    Roll {
        /// Years of the variance clock, not below 0.
        variance: f64,
        /// Years of the rate clock, not below 0.
        rate: f64,
    },
}

/// Why a market cannot be moved so.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BumpError {
    /// A spot at or below 0.
    #[error("E-BUMP-SPOT: the spot of {code} would be {spot}; a spot is above 0")]
    Spot {
        /// Whose.
        code: String,
        /// What it would be.
        spot: f64,
    },
    /// A volatility below 0.
    #[error("E-BUMP-VOL: a volatility of {code} would fall below 0; move it less")]
    Vol {
        /// Whose.
        code: String,
    },
    /// The model has no such thing to move.
    #[error("E-BUMP-MODEL: {what} of {code} cannot be moved: {reason}")]
    Model {
        /// Whose.
        code: String,
        /// What.
        what: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The correlations would not be possible together.
    #[error("E-BUMP-CORRELATION: {0}")]
    Correlation(String),
    /// No such underlying.
    #[error("E-BUMP-NAME: there is no underlying {0} in this model")]
    Name(String),
    /// A size that is no number, a window that ends before it begins, time rolled back.
    #[error("E-BUMP-SIZE: {0}")]
    Size(String),
}

impl BumpError {
    /// Code of the finding it becomes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Spot { .. } => "E-BUMP-SPOT",
            Self::Vol { .. } => "E-BUMP-VOL",
            Self::Model { .. } => "E-BUMP-MODEL",
            Self::Correlation(_) => "E-BUMP-CORRELATION",
            Self::Name(_) => "E-BUMP-NAME",
            Self::Size(_) => "E-BUMP-SIZE",
        }
    }

    /// The error in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Spot { code, spot } => format!("{code} 的现价将为 {spot}，须大于零。"),
            Self::Vol { code } => format!("{code} 的波动率将低于零，请减小幅度。"),
            Self::Model { code, .. } => format!("{code} 的模型不支持这种波动率平移。"),
            Self::Correlation(_) => "平移后的相关矩阵不可行。".to_owned(),
            Self::Name(name) => format!("模型中没有标的 {name}。"),
            Self::Size(_) => "平移幅度、时间窗或时间平移无效。".to_owned(),
        }
    }
}

impl Bump {
    fn check(&self) -> Result<(), BumpError> {
        let (size, window) = match self {
            Self::Spot {
                by: Move::Relative(by) | Move::Absolute(by),
                ..
            }
            | Self::Correlation { by, .. } => (*by, Window::PARALLEL),
            Self::Vol { by, window, .. }
            | Self::Skew { by, window, .. }
            | Self::Rate { by, window }
            | Self::Carry { by, window, .. } => (*by, *window),
            Self::Roll { variance, rate } => {
                if !(*variance >= 0.0 && *rate >= 0.0 && variance.is_finite() && rate.is_finite()) {
                    let text = format!("time rolls forward: {variance}, {rate} years");
                    return Err(BumpError::Size(text));
                }
                (0.0, Window::PARALLEL)
            }
        };
        if !size.is_finite() {
            return Err(BumpError::Size(format!("{size} is no size")));
        }
        if !(window.from >= 0.0 && window.end() > window.from) {
            let text = format!(
                "the window from {} to {} is empty",
                window.from,
                window.end()
            );
            return Err(BumpError::Size(text));
        }
        Ok(())
    }
}

impl Model {
    /// The model after a bump.
    ///
    /// # Errors
    /// [`BumpError`]; the model stays as it was.
    pub fn bumped(&self, bump: &Bump) -> Result<Self, BumpError> {
        bump.check()?;
        let mut model = self.clone();
        match bump {
            Bump::Spot { of, by, sticky } => {
                for at in model.positions(of)? {
                    spot(&mut model.names[at], *by, *sticky, &self.discount)?;
                }
            }
            Bump::Vol { of, by, window } => {
                let shift = Shift {
                    vol: *by,
                    skew: 0.0,
                    from: window.from,
                    to: window.end(),
                };
                for at in model.positions(of)? {
                    vol(&mut model.names[at], shift, *window, &self.discount)?;
                }
            }
            Bump::Skew { of, by, window } => {
                let shift = Shift {
                    vol: 0.0,
                    skew: *by,
                    from: window.from,
                    to: window.end(),
                };
                for at in model.positions(of)? {
                    vol(&mut model.names[at], shift, *window, &self.discount)?;
                }
            }
            Bump::Rate { by, window } => rate(&mut model, *by, *window),
            Bump::Carry { of, by, window } => {
                for at in model.positions(of)? {
                    carry(&mut model.names[at], *by, *window, &self.discount);
                }
            }
            Bump::Correlation { pair, by } => correlation(&mut model, *pair, *by)?,
            Bump::Roll { variance, rate } => roll(&mut model, *variance, *rate),
        }
        Ok(model)
    }

    /// The model after bumps, one after the other.
    ///
    /// # Errors
    /// [`BumpError`] of the first that fails.
    pub fn bumped_by(&self, bumps: &[Bump]) -> Result<Self, BumpError> {
        bumps
            .iter()
            .try_fold(self.clone(), |model, bump| model.bumped(bump))
    }

    fn positions(&self, of: &Which) -> Result<Vec<usize>, BumpError> {
        let n = self.names.len();
        match of {
            Which::All => Ok((0..n).collect()),
            Which::Index(at) if *at < n => Ok(vec![*at]),
            Which::Index(at) => Err(BumpError::Name(format!("number {at}"))),
            Which::Code(code) => match self.names.iter().position(|name| name.code == *code) {
                Some(at) => Ok(vec![at]),
                None => Err(BumpError::Name(code.clone())),
            },
        }
    }
}

/// Changes a name's marks, and reads its dynamics and carry again when asked.
fn remark(name: &mut Name, discount: &Curve, again: bool, change: impl FnOnce(&mut Marks)) {
    let Some(marks) = &name.marks else { return };
    let mut marks = Marks::clone(marks);
    change(&mut marks);
    if again {
        name.dynamics = marks.dynamics().0;
    }
    name.carry = marks.carry(discount);
    name.marks = Some(Arc::new(marks));
}

fn reads_local_vol(name: &Name) -> bool {
    name.marks
        .as_ref()
        .is_some_and(|marks| matches!(marks.reading, Reading::LocalVol(_)))
}

fn spot(name: &mut Name, by: Move, sticky: Stickiness, discount: &Curve) -> Result<(), BumpError> {
    let moved = match by {
        Move::Relative(share) => name.spot * (1.0 + share),
        Move::Absolute(price) => name.spot + price,
    };
    if !(moved > 0.0 && moved.is_finite()) {
        return Err(BumpError::Spot {
            code: name.code.clone(),
            spot: moved,
        });
    }
    let ratio = moved / name.spot;
    name.spot = moved;
    if name.marks.is_none() {
        // A local volatility without marks is a function of the price.
        if let (Dynamics::LocalVol(local), Stickiness::Moneyness) = (&mut name.dynamics, sticky) {
            local.reference *= ratio;
        }
        return Ok(());
    }
    let local = reads_local_vol(name);
    if local && sticky == Stickiness::LocalVol {
        // The surface that belongs to the old local volatility at the new spot is not known.
        name.marks = None;
        return Ok(());
    }
    let moneyness = sticky == Stickiness::Moneyness;
    remark(name, discount, local || moneyness, |marks| {
        marks.now.spot = moved;
        if moneyness {
            marks.reference.spot *= ratio;
        }
    });
    Ok(())
}

fn vol(name: &mut Name, shift: Shift, window: Window, discount: &Curve) -> Result<(), BumpError> {
    let code = name.code.clone();
    let refused = |reason: &'static str| {
        let what = if shift.skew == 0.0 {
            "the volatility"
        } else {
            "the skew"
        };
        Err(BumpError::Model {
            code: code.clone(),
            what,
            reason,
        })
    };
    if let Some(marks) = &name.marks {
        match &marks.surface {
            Surface::Term(variance) => {
                checked_vols(variance, shift, &name.code)?;
            }
            Surface::Smiles(_) => {
                let moved = marks.surface.shifted(shift);
                if moved
                    .knots()
                    .iter()
                    .any(|time| moved.vol(0.0, *time) <= LEAST_VOL)
                {
                    return Err(BumpError::Vol { code });
                }
            }
        }
        remark(name, discount, true, |marks| {
            marks.surface = marks.surface.shifted(shift)
        });
        return Ok(());
    }
    if shift.skew != 0.0 {
        return refused("the model holds no smile; view it from volatility quotes");
    }
    match &mut name.dynamics {
        Dynamics::Gbm { variance } => *variance = checked_vols(variance, shift, &name.code)?,
        _ if !window.is_parallel() => {
            return refused("the model holds no tenors; move it in parallel");
        }
        Dynamics::LocalVol(local) => match &mut local.cev {
            Some(cev) => {
                // The whole function is scaled, so that it moves by the shift at the reference.
                let scale = 1.0 + shift.vol / cev.a;
                if !(scale >= 0.0 && scale.is_finite()) {
                    return Err(BumpError::Vol { code });
                }
                (cev.a, cev.lo, cev.hi) = (cev.a * scale, cev.lo * scale, cev.hi * scale);
            }
            None => {
                if local.vols.iter().any(|vol| vol + shift.vol < 0.0) {
                    return Err(BumpError::Vol { code });
                }
                local.vols.iter_mut().for_each(|vol| *vol += shift.vol);
            }
        },
        Dynamics::Heston(heston) => {
            let (v0, theta) = (
                heston.v0.sqrt() + shift.vol,
                heston.theta.sqrt() + shift.vol,
            );
            if v0 < 0.0 || theta < 0.0 {
                return Err(BumpError::Vol { code });
            }
            (heston.v0, heston.theta) = (v0 * v0, theta * theta);
        }
    }
    Ok(())
}

fn checked_vols(variance: &Curve, shift: Shift, code: &str) -> Result<Curve, BumpError> {
    let sunk = Cell::new(false);
    let moved = variance.mapped(&[shift.from, shift.to], |from, _, rate| {
        if from < shift.from || from >= shift.to {
            return rate;
        }
        let vol = rate.max(0.0).sqrt() + shift.vol;
        sunk.set(sunk.get() || vol < 0.0);
        vol * vol
    });
    if sunk.get() {
        Err(BumpError::Vol {
            code: code.to_owned(),
        })
    } else {
        Ok(moved)
    }
}

fn rate(model: &mut Model, by: f64, window: Window) {
    let moved = |curve: &Curve| curve.shifted_within(window.from, window.end(), by);
    model.discount = moved(&model.discount);
    for name in &mut model.names {
        let again = reads_local_vol(name);
        remark(name, &model.discount, again, |marks| {
            // The forward of a quanto grows in its own currency.
            if marks.quanto.is_none() {
                marks.now.discount = moved(&marks.now.discount);
            }
        });
    }
}

fn carry(name: &mut Name, by: f64, window: Window, discount: &Curve) {
    let moved = |curve: &Curve| curve.shifted_within(window.from, window.end(), by);
    if name.marks.is_none() {
        name.carry = moved(&name.carry);
        return;
    }
    let again = reads_local_vol(name);
    remark(name, discount, again, |marks| {
        marks.now.carry = moved(&marks.now.carry)
    });
}

fn correlation(model: &mut Model, pair: Option<(usize, usize)>, by: f64) -> Result<(), BumpError> {
    let n = model.names.len();
    if let Some((a, b)) = pair
        && (a >= n || b >= n || a == b)
    {
        return Err(BumpError::Correlation(format!(
            "there is no pair ({a}, {b}) of {n} names"
        )));
    }
    for i in 0..n {
        for j in 0..n {
            let moves = pair.is_none_or(|pair| pair == (i, j) || pair == (j, i));
            if i != j && moves {
                model.correlation[i * n + j] += by;
            }
        }
    }
    Correlation::new(n, model.correlation.clone())
        .and_then(Correlation::positive)
        .map_err(|error| BumpError::Correlation(error.to_string()))?;
    Ok(())
}

fn roll(model: &mut Model, variance: f64, rate: f64) {
    model.as_of.variance += variance;
    model.as_of.rate += rate;
    for name in &mut model.names {
        for dividend in &mut name.dividends {
            dividend.variance -= variance;
            dividend.rate -= rate;
        }
        name.dividends.retain(|dividend| dividend.rate > 0.0);
        let dividends = name.dividends.clone();
        if let Some(marks) = &mut name.marks {
            let marks = Arc::make_mut(marks);
            marks.now.dividends.clone_from(&dividends);
            marks.reference.dividends = dividends;
        }
    }
}

/// Bumps of a snapshot, and the moment to which time rolls after them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// In the order in which they act.
    #[serde(default)]
    pub bumps: Vec<Bump>,
    /// A later moment, spot and quotes by tenor held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll_to: Option<AsOf>,
}

impl Scenario {
    /// Content id of a snapshot under this scenario: SHA-256 of the snapshot's id and the scenario.
    #[must_use]
    pub fn id(&self, snapshot: &Snapshot) -> String {
        // A scenario holds numbers, words and dates only, which always have a JSON text; numbers
        // that are not finite become null there and are refused when the scenario acts.
        let text = serde_json::to_string(self).unwrap_or_default();
        hex::encode(Sha256::digest(
            format!("{}\n{text}", snapshot.id()).as_bytes(),
        ))
    }
}
