//! Greeks by parallel moves of the market: differences of this engine's own values.
//!
//! What a plan's dates do is read once for all moves, and the grid stays that of the market as it is:
//! the value is then smooth in the move, and one small step to one side is enough.

use rialto_otc_contract::plan::Plan;
use rialto_otc_market::bump::{Bump, Which, Window};
use rialto_otc_market::model::Model;

use super::solve::Solver;
use crate::backward::chain::Chain;
use crate::backward::dates::Dates;
use crate::backward::steps::Steps;
use crate::engine::{Greeks, PriceError};

/// Moves of the volatility, r and q. The difference is off by half the move times the second
/// derivative, some 1e-5 of the Greek, and by what rounding and the cut tails of the kernels leave of
/// two values, which is less.
const STEP: f64 = 1e-5;

/// A contract valued in the market as it is.
pub(super) struct Base<'a> {
    pub(super) plan: &'a Plan<f64>,
    pub(super) model: &'a Model,
    pub(super) dates: &'a Dates,
    pub(super) parts: &'a [Chain<'a>],
    pub(super) steps: &'a Steps,
    pub(super) order: usize,
    pub(super) value: f64,
}

impl Base<'_> {
    /// Fills vega, rho and the derivative by q. What a model cannot be moved by is left to others.
    pub(super) fn fill(&self, greeks: &mut Greeks) -> Result<(), PriceError> {
        let (by, window) = (STEP, Window::PARALLEL);
        let of = || Which::Index(0);
        let vol = Bump::Vol {
            of: of(),
            by,
            window,
        };
        if let Some(vega) = self.slope(&vol)? {
            greeks.vega = vec![vega];
        }
        greeks.rho = self.slope(&Bump::Rate { by, window })?;
        let carry = Bump::Carry {
            of: of(),
            by,
            window,
        };
        if let Some(rho_q) = self.slope(&carry)? {
            greeks.rho_q = vec![rho_q];
        }
        Ok(())
    }

    fn slope(&self, bump: &Bump) -> Result<Option<f64>, PriceError> {
        let Ok(moved) = self.model.bumped(bump) else {
            return Ok(None);
        };
        let steps = Steps::new(self.plan, &moved)?;
        let solver = Solver {
            plan: self.plan,
            steps: &steps,
            frame: self.steps,
            dates: self.dates,
            order: self.order,
        };
        let value = solver.sum(self.parts, &[steps.log_spot])?[0][0];
        Ok(Some((value - self.value) / STEP))
    }
}
