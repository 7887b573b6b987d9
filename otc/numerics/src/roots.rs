//! Roots of a continuous function of one variable, always inside a bracket.

use crate::error::{Error, Result, check_increasing, check_range};

/// When a root is good enough, and when to give up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RootTolerance {
    /// Half width of the last bracket, absolute; a rounding of the root is always allowed.
    pub x: f64,
    /// A value this small is a root.
    pub f: f64,
    /// Evaluations before giving up.
    pub max_evaluations: usize,
}

impl Default for RootTolerance {
    /// 1e-12 in the argument, an exact zero in the value, 200 evaluations.
    fn default() -> Self {
        Self {
            x: 1e-12,
            f: 0.0,
            max_evaluations: 200,
        }
    }
}

/// A root found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Root {
    /// The argument.
    pub x: f64,
    /// The function there.
    pub f: f64,
    /// Evaluations spent.
    pub evaluations: usize,
}

/// Two arguments where the function has opposite signs (or one where it is zero).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bracket {
    /// Lower argument.
    pub lo: f64,
    /// Upper argument.
    pub hi: f64,
    /// Value at the lower argument.
    pub f_lo: f64,
    /// Value at the upper argument.
    pub f_hi: f64,
}

/// A function that counts its evaluations and refuses NaN.
struct Counted<F> {
    f: F,
    count: usize,
}

impl<F> Counted<F> {
    fn checked(&self, value: f64) -> Result<f64> {
        if value.is_nan() {
            return Err(Error::NotFinite {
                what: "function",
                index: self.count,
                value,
            });
        }
        Ok(value)
    }
}

impl<F: FnMut(f64) -> f64> Counted<F> {
    fn at(&mut self, x: f64) -> Result<f64> {
        self.count += 1;
        let value = (self.f)(x);
        self.checked(value)
    }
}

fn check_bracket(lo: f64, hi: f64, f_lo: f64, f_hi: f64) -> Result<()> {
    if (f_lo > 0.0) == (f_hi > 0.0) && f_lo != 0.0 && f_hi != 0.0 {
        return Err(Error::NoBracket { lo, hi, f_lo, f_hi });
    }
    Ok(())
}

/// Brent's method (Brent 1973, ch. 4): inverse quadratic steps, bisection when they do not help.
///
/// # Errors
/// An empty or infinite interval, no change of sign, a NaN of the function, no convergence.
pub fn brent(
    lo: f64,
    hi: f64,
    tolerance: RootTolerance,
    f: impl FnMut(f64) -> f64,
) -> Result<Root> {
    check_increasing("ends of the bracket", &[lo, hi])?;
    let mut f = Counted { f, count: 0 };
    let (mut a, mut b) = (lo, hi);
    let (mut fa, mut fb) = (f.at(a)?, f.at(b)?);
    check_bracket(lo, hi, fa, fb)?;
    if fa == 0.0 {
        return Ok(Root {
            x: a,
            f: fa,
            evaluations: f.count,
        });
    }
    // b is the best point, c the other end of the bracket, a the point before b
    let (mut c, mut fc) = (a, fa);
    let (mut step, mut before) = (b - a, b - a);
    loop {
        if (fb > 0.0) == (fc > 0.0) {
            (c, fc) = (a, fa);
            step = b - a;
            before = step;
        }
        if fc.abs() < fb.abs() {
            (a, b, c) = (b, c, b);
            (fa, fb, fc) = (fb, fc, fb);
        }
        let slack = 2.0 * f64::EPSILON * b.abs() + 0.5 * tolerance.x;
        let half = 0.5 * (c - b);
        if half.abs() <= slack || fb.abs() <= tolerance.f || fb == 0.0 {
            return Ok(Root {
                x: b,
                f: fb,
                evaluations: f.count,
            });
        }
        if f.count >= tolerance.max_evaluations {
            let what = "Brent's root search";
            return Err(Error::NoConvergence {
                what,
                iterations: f.count,
                residual: half.abs(),
            });
        }
        let proposed = interpolated((a, fa), (b, fb), (c, fc));
        let useful = before.abs() >= slack
            && fa.abs() > fb.abs()
            && proposed * half > 0.0
            && 2.0 * proposed.abs() < (3.0 * half).abs() - slack
            && proposed.abs() < 0.5 * before.abs();
        (before, step) = if useful {
            (step, proposed)
        } else {
            (half, half)
        };
        (a, fa) = (b, fb);
        b += if step.abs() > slack {
            step
        } else {
            slack.copysign(half)
        };
        fb = f.at(b)?;
    }
}

/// Step from `b` to the root of the inverse interpolation through the points (secant if two coincide).
fn interpolated(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> f64 {
    let s = b.1 / a.1;
    let (p, q) = if a.0 == c.0 {
        ((c.0 - b.0) * s, 1.0 - s)
    } else {
        let (q, r) = (a.1 / c.1, b.1 / c.1);
        let p = s * ((c.0 - b.0) * q * (q - r) - (b.0 - a.0) * (r - 1.0));
        (p, (q - 1.0) * (r - 1.0) * (s - 1.0))
    };
    let step = -p / q;
    // coinciding values give no curve; zero makes the caller bisect
    if step.is_finite() { step } else { 0.0 }
}

/// Newton's method kept inside a shrinking bracket; bisection whenever a step leaves it or is slow.
///
/// `f` returns value and derivative.
///
/// # Errors
/// As [`brent`].
pub fn newton(
    lo: f64,
    hi: f64,
    tolerance: RootTolerance,
    mut f: impl FnMut(f64) -> (f64, f64),
) -> Result<Root> {
    check_increasing("ends of the bracket", &[lo, hi])?;
    let mut count = Counted { f: (), count: 0 };
    let mut at = |x: f64| -> Result<(f64, f64, usize)> {
        count.count += 1;
        let (value, slope) = f(x);
        Ok((count.checked(value)?, slope, count.count))
    };
    let (f_lo, _, n) = at(lo)?;
    if f_lo == 0.0 {
        return Ok(Root {
            x: lo,
            f: f_lo,
            evaluations: n,
        });
    }
    let (f_hi, _, n) = at(hi)?;
    if f_hi == 0.0 {
        return Ok(Root {
            x: hi,
            f: f_hi,
            evaluations: n,
        });
    }
    check_bracket(lo, hi, f_lo, f_hi)?;
    // the function is negative at `below`, positive at `above`
    let (mut below, mut above) = if f_lo < 0.0 { (lo, hi) } else { (hi, lo) };
    let mut x = 0.5 * (lo + hi);
    let mut last = hi - lo;
    let mut before = last;
    loop {
        let (value, slope, evaluations) = at(x)?;
        if value == 0.0 || value.abs() <= tolerance.f {
            return Ok(Root {
                x,
                f: value,
                evaluations,
            });
        }
        if value < 0.0 {
            below = x;
        } else {
            above = x;
        }
        let slack = (2.0 * f64::EPSILON * x.abs()).max(tolerance.x);
        let step = -value / slope;
        let next = x + step;
        let inside = next > below.min(above) && next < below.max(above);
        let next = if inside && step.abs() < 0.5 * before.abs() {
            next
        } else {
            0.5 * (below + above)
        };
        (before, last) = (last, next - x);
        if last.abs() <= slack || (above - below).abs() <= slack {
            let (f, _, evaluations) = at(next)?;
            return Ok(Root {
                x: next,
                f,
                evaluations,
            });
        }
        if evaluations >= tolerance.max_evaluations {
            let what = "bracketed Newton's method";
            return Err(Error::NoConvergence {
                what,
                iterations: evaluations,
                residual: last.abs(),
            });
        }
        x = next;
    }
}

/// Widens `[lo, hi]` within `[least, most]` until the function changes sign (growth by the golden ratio
/// on the side where the function is smaller).
///
/// # Errors
/// An empty interval, limits that do not enclose it, a NaN of the function, no change of sign within the
/// limits or in `max_evaluations`.
pub fn expand_bracket(
    (lo, hi): (f64, f64),
    (least, most): (f64, f64),
    max_evaluations: usize,
    f: impl FnMut(f64) -> f64,
) -> Result<Bracket> {
    const GROWTH: f64 = 1.618_033_988_749_895;
    check_increasing("ends of the bracket", &[lo, hi])?;
    check_range(
        "lower limit",
        least,
        least <= lo,
        "limits enclose the first interval",
    )?;
    check_range(
        "upper limit",
        most,
        most >= hi,
        "limits enclose the first interval",
    )?;
    let mut f = Counted { f, count: 0 };
    let mut b = Bracket {
        lo,
        hi,
        f_lo: f.at(lo)?,
        f_hi: f.at(hi)?,
    };
    loop {
        if check_bracket(b.lo, b.hi, b.f_lo, b.f_hi).is_ok() {
            return Ok(b);
        }
        let (can_fall, can_rise) = (b.lo > least, b.hi < most);
        if !(can_fall || can_rise) || f.count >= max_evaluations {
            return Err(Error::NoBracket {
                lo: b.lo,
                hi: b.hi,
                f_lo: b.f_lo,
                f_hi: b.f_hi,
            });
        }
        let width = GROWTH * (b.hi - b.lo);
        if can_fall && (!can_rise || b.f_lo.abs() < b.f_hi.abs()) {
            b.lo = (b.lo - width).max(least);
            b.f_lo = f.at(b.lo)?;
        } else {
            b.hi = (b.hi + width).min(most);
            b.f_hi = f.at(b.hi)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case = (f64, f64, f64, fn(f64) -> (f64, f64));
    const CASES: [Case; 6] = [
        (0.0, 2.0, std::f64::consts::SQRT_2, |x| {
            (x * x - 2.0, 2.0 * x)
        }),
        (-5.0, 5.0, 0.0, |x| (x.atan(), 1.0 / (1.0 + x * x))),
        (0.0, 10.0, 1.0, |x| {
            ((x - 1.0).powi(9), 9.0 * (x - 1.0).powi(8))
        }),
        (0.0, 1.0, 0.567_143_290_409_783_8, |x| {
            (x - (-x).exp(), 1.0 + (-x).exp())
        }),
        (-1.0, 1e6, 1e-3, |x| {
            ((x - 1e-3).signum() * (x - 1e-3).abs().sqrt(), 0.0)
        }),
        (-40.0, 3.0, 2.0, |x| {
            ((x - 2.0).exp() - 1.0, (x - 2.0).exp())
        }),
    ];

    #[test]
    fn both_methods_find_the_root_within_their_bound() {
        for (i, (lo, hi, want, f)) in CASES.into_iter().enumerate() {
            let a = brent(lo, hi, RootTolerance::default(), |x| f(x).0).unwrap();
            let b = newton(lo, hi, RootTolerance::default(), f).unwrap();
            // the ninth power is flat to rounding over 1e-12 around its root and beyond
            let slack = if i == 2 { 1e-6 } else { 2e-12 };
            assert!((a.x - want).abs() < slack, "case {i}: brent {a:?}");
            assert!((b.x - want).abs() < slack, "case {i}: newton {b:?}");
            assert!(a.evaluations <= 200 && b.evaluations <= 201);
        }
        let smooth = brent(0.0, 2.0, RootTolerance::default(), |x| x * x - 2.0).unwrap();
        assert!(smooth.evaluations <= 12, "{smooth:?}");
        let smooth = newton(0.0, 2.0, RootTolerance::default(), |x| {
            (x * x - 2.0, 2.0 * x)
        })
        .unwrap();
        assert!(smooth.evaluations <= 9, "{smooth:?}");
    }

    #[test]
    fn a_root_at_an_end_is_found() {
        assert_eq!(
            brent(1.0, 2.0, RootTolerance::default(), |x| x - 1.0)
                .unwrap()
                .x,
            1.0
        );
        assert_eq!(
            brent(1.0, 2.0, RootTolerance::default(), |x| x - 2.0)
                .unwrap()
                .x,
            2.0
        );
        assert_eq!(
            newton(1.0, 2.0, RootTolerance::default(), |x| (x - 2.0, 1.0))
                .unwrap()
                .x,
            2.0
        );
    }

    #[test]
    fn failures_are_typed() {
        let t = RootTolerance::default();
        assert!(matches!(
            brent(0.0, 1.0, t, |x| x + 1.0),
            Err(Error::NoBracket { .. })
        ));
        assert!(matches!(
            brent(0.0, 1.0, t, |_| f64::NAN),
            Err(Error::NotFinite { .. })
        ));
        assert!(brent(1.0, 1.0, t, |x| x).is_err());
        assert!(matches!(
            newton(0.0, 1.0, t, |_| (1.0, 0.0)),
            Err(Error::NoBracket { .. })
        ));
        let few = RootTolerance {
            max_evaluations: 3,
            ..t
        };
        assert!(matches!(
            brent(0.0, 9.0, few, |x| x.powi(3) - 5.0),
            Err(Error::NoConvergence { .. })
        ));
    }

    #[test]
    fn brackets_grow_towards_the_root_and_stop_at_their_limits() {
        let b = expand_bracket((0.0, 0.1), (-100.0, 100.0), 50, |x| x - 37.0).unwrap();
        assert!(b.f_lo < 0.0 && b.f_hi >= 0.0 && b.hi <= 100.0);
        let b = expand_bracket((0.0, 0.1), (-100.0, 100.0), 50, |x| x + 37.0).unwrap();
        assert!(b.f_lo <= 0.0 && b.f_hi > 0.0 && b.lo >= -100.0);
        let none = expand_bracket((0.0, 0.1), (-10.0, 10.0), 50, |x| x * x + 1.0);
        assert!(matches!(
            none,
            Err(Error::NoBracket {
                lo: -10.0,
                hi: 10.0,
                ..
            })
        ));
        assert!(expand_bracket((0.0, 0.1), (0.05, 10.0), 50, |x| x).is_err());
    }
}
