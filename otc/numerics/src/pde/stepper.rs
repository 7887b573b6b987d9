//! Time stepping with a fixed step length.

use std::f64::consts::FRAC_1_SQRT_2;

use super::{Boundary, Operator};
use crate::error::{Result, check_length, check_range};
use crate::tridiagonal::{Factored, Tridiagonal};

/// `1 - 1/sqrt 2`: the value for which the two-stage method is of order 2 and L-stable.
const GAMMA: f64 = 1.0 - FRAC_1_SQRT_2;

/// Time discretisation, second order each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Crank-Nicolson; a run of steps begins with two steps made of two implicit half-steps each
    /// (Rannacher 1984; Giles and Carter 2006), which damps jumps in the data.
    CrankNicolsonRannacher,
    /// Singly diagonally implicit Runge-Kutta with two stages, `gamma = 1 - 1/sqrt 2` (Alexander 1977):
    /// L-stable and stiffly accurate, so it needs no special start.
    Sdirk2,
}

/// An operator ready for steps of one length.
#[derive(Debug, Clone)]
pub struct Stepper<const K: usize> {
    scheme: Scheme,
    dt: f64,
    implicit: Factored<K>,
    explicit: Option<Tridiagonal<K>>,
    left: Boundary,
    right: Boundary,
}

impl<const K: usize> Stepper<K> {
    /// Factors the implicit matrix for steps of `dt`.
    ///
    /// # Errors
    /// A step that is not positive and finite, or a matrix that is singular at this step.
    pub fn new(operator: &Operator<K>, scheme: Scheme, dt: f64) -> Result<Self> {
        let rule = "a time step is positive and finite";
        check_range("time step", dt, dt > 0.0 && dt.is_finite(), rule)?;
        let (left, right) = operator.boundaries();
        let matrix = operator.matrix();
        let (implicit, explicit) = match scheme {
            Scheme::CrankNicolsonRannacher => {
                // the implicit half-step of the start has the matrix of the full trapezoidal step
                (0.5 * dt, Some(matrix.identity_minus(-0.5 * dt)))
            }
            Scheme::Sdirk2 => (GAMMA * dt, None),
        };
        let implicit = matrix.identity_minus(implicit).factor()?;
        Ok(Self {
            scheme,
            dt,
            implicit,
            explicit,
            left,
            right,
        })
    }

    /// Advances `values` by `steps` steps from time `tau`, without Dirichlet ends (or with such ends
    /// held at their present value).
    ///
    /// # Errors
    /// A number of values other than the number of nodes.
    pub fn run(&self, values: &mut [[f64; K]], tau: f64, steps: usize) -> Result<()> {
        check_length("values", values.len(), self.implicit.size())?;
        let ends = [values[0], values[values.len() - 1]];
        self.run_with(values, tau, steps, |_| ends)
    }

    /// Advances `values` by `steps` steps from time `tau`, data after a jump taken care of.
    ///
    /// `ends(tau)` gives the values at Dirichlet ends (first, last); it is not used at other ends.
    ///
    /// # Errors
    /// A number of values other than the number of nodes.
    pub fn run_with(
        &self,
        values: &mut [[f64; K]],
        tau: f64,
        steps: usize,
        mut ends: impl FnMut(f64) -> [[f64; K]; 2],
    ) -> Result<()> {
        let n = self.implicit.size();
        check_length("values", values.len(), n)?;
        let mut stage = vec![[0.0; K]; n];
        for step in 0..steps {
            let now = tau + step as f64 * self.dt;
            match &self.explicit {
                Some(_) if step < 2 => {
                    for half in [0.5, 1.0] {
                        self.solve(values, &ends(now + half * self.dt))?;
                    }
                }
                Some(explicit) => {
                    explicit.multiply(values, &mut stage)?;
                    self.solve(&mut stage, &ends(now + self.dt))?;
                    values.copy_from_slice(&stage);
                }
                None => self.sdirk_step(values, &mut stage, now, &mut ends)?,
            }
        }
        Ok(())
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Step length.
    pub fn dt(&self) -> f64 {
        self.dt
    }

    fn sdirk_step(
        &self,
        values: &mut [[f64; K]],
        stage: &mut [[f64; K]],
        now: f64,
        ends: &mut impl FnMut(f64) -> [[f64; K]; 2],
    ) -> Result<()> {
        stage.copy_from_slice(values);
        self.solve(stage, &ends(now + GAMMA * self.dt))?;
        // (1 - gamma) dt L y1 = (1 - gamma)/gamma (y1 - v): the first stage's slope without a product
        let factor = (1.0 - GAMMA) / GAMMA;
        for (v, y) in values.iter_mut().zip(stage.iter()) {
            for k in 0..K {
                v[k] += factor * (y[k] - v[k]);
            }
        }
        self.solve(values, &ends(now + self.dt))
    }

    fn solve(&self, rhs: &mut [[f64; K]], ends: &[[f64; K]; 2]) -> Result<()> {
        let last = rhs.len() - 1;
        if self.left == Boundary::Dirichlet {
            rhs[0] = ends[0];
        }
        if self.right == Boundary::Dirichlet {
            rhs[last] = ends[1];
        }
        self.implicit.solve(rhs)
    }
}
