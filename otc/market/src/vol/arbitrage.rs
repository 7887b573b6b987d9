//! What a surface must satisfy to be free of arbitrage (specification, section 4).

use super::smile::{Smile, Ssvi, Svi};
use crate::dupire::durrleman;

/// Points at which a smile is looked at.
const POINTS: i32 = 2000;
/// Rounding allowed below zero.
const ROUNDING: f64 = 1e-12;

/// A rule of no arbitrage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Total variance is above 0.
    Positive,
    /// Durrleman's `g(k) >= 0`: butterflies have no negative price.
    Butterfly,
    /// `b(1 − ρ) <= 2` (Lee 2004).
    LeftWing,
    /// `b(1 + ρ) <= 2` (Lee 2004).
    RightWing,
    /// `θφ(1 + |ρ|) < 4` (Gatheral and Jacquier 2014, theorem 4.2).
    SsviWing,
    /// `θφ²(1 + |ρ|) <= 4` (the same).
    SsviBend,
    /// `w(k, T)` does not fall in `T`: calendar spreads have no negative price.
    Calendar,
}

impl Rule {
    /// The rule in symbols.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Positive => "w(k) > 0",
            Self::Butterfly => "g(k) >= 0",
            Self::LeftWing => "b(1 - rho) <= 2",
            Self::RightWing => "b(1 + rho) <= 2",
            Self::SsviWing => "theta phi (1 + |rho|) < 4",
            Self::SsviBend => "theta phi^2 (1 + |rho|) <= 4",
            Self::Calendar => "w(k, T) not below w(k, previous T)",
        }
    }
}

/// A broken rule, where it is broken most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breach {
    /// Which.
    pub rule: Rule,
    /// Forward log-moneyness; `None` for rules about a whole smile.
    pub k: Option<f64>,
    /// The quantity that breaks it, in the rule's own terms (a difference for calendars).
    pub seen: f64,
}

/// Where a smile is looked at: two in log-moneyness and eight deviations to both sides; quotes by
/// strike as far as they go and half beyond.
fn range(smile: &Smile) -> (f64, f64) {
    let deviation = smile.at(0.0).value.max(0.0).sqrt();
    match smile {
        Smile::Quotes(spline) => {
            let (low, high) = spline.range();
            (low - 0.5, high + 0.5)
        }
        _ => (
            -(2.0_f64.max(8.0 * deviation)),
            2.0_f64.max(8.0 * deviation),
        ),
    }
}

fn grid((low, high): (f64, f64)) -> impl Iterator<Item = f64> {
    (0..=POINTS).map(move |i| low + (high - low) * f64::from(i) / f64::from(POINTS))
}

/// The point at which `value` is least.
fn least(range: (f64, f64), value: impl Fn(f64) -> f64) -> (f64, f64) {
    grid(range)
        .map(|k| (k, value(k)))
        .fold((f64::NAN, f64::INFINITY), |best, next| {
            // A NaN counts as the worst there is.
            if next.1 < best.1 || next.1.is_nan() {
                next
            } else {
                best
            }
        })
}

/// Broken rules of one smile.
#[must_use]
pub fn smile(smile: &Smile) -> Vec<Breach> {
    let range = range(smile);
    let (k, w) = least(range, |k| smile.at(k).value);
    if w <= 0.0 || w.is_nan() {
        return vec![Breach {
            rule: Rule::Positive,
            k: Some(k),
            seen: w,
        }];
    }
    let mut breaches = Vec::new();
    if let Smile::Svi(svi) = smile {
        breaches.extend(wings(svi));
    }
    let (k, g) = least(range, |k| durrleman(smile.at(k), k));
    if g < -ROUNDING || g.is_nan() {
        breaches.push(Breach {
            rule: Rule::Butterfly,
            k: Some(k),
            seen: g,
        });
    }
    breaches
}

fn wings(svi: &Svi) -> Vec<Breach> {
    let (left, right) = svi.wings();
    [(Rule::LeftWing, left), (Rule::RightWing, right)]
        .into_iter()
        .filter(|(_, slope)| *slope > 2.0 + ROUNDING)
        .map(|(rule, seen)| Breach {
            rule,
            k: None,
            seen,
        })
        .collect()
}

/// Broken conditions of an SSVI slice with at-the-money variance `theta`.
#[must_use]
pub fn ssvi(ssvi: &Ssvi, theta: f64) -> Vec<Breach> {
    let phi = ssvi.phi(theta);
    let wing = theta * phi * (1.0 + ssvi.rho.abs());
    let bend = wing * phi;
    let mut breaches = Vec::new();
    if wing >= 4.0 {
        breaches.push(Breach {
            rule: Rule::SsviWing,
            k: None,
            seen: wing,
        });
    }
    if bend > 4.0 + ROUNDING {
        breaches.push(Breach {
            rule: Rule::SsviBend,
            k: None,
            seen: bend,
        });
    }
    breaches
}

/// Whether total variance falls from one tenor to the next, and where most.
#[must_use]
pub fn calendar(earlier: &Smile, later: &Smile) -> Option<Breach> {
    let (a, b) = (range(earlier), range(later));
    let both = (a.0.max(b.0), a.1.min(b.1));
    let both = if both.0 < both.1 { both } else { b };
    let (k, seen) = least(both, |k| later.at(k).value - earlier.at(k).value);
    (seen < -ROUNDING || seen.is_nan()).then_some(Breach {
        rule: Rule::Calendar,
        k: Some(k),
        seen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_smile_breaks_no_rule() {
        let svi = Svi {
            a: 0.009,
            b: 0.061,
            rho: -0.31,
            m: 0.02,
            s: 0.17,
        };
        assert_eq!(smile(&Smile::Svi(svi)), []);
    }

    #[test]
    fn vogts_smile_has_negative_butterflies_right_of_the_money() {
        // Gatheral and Jacquier 2014, figure 2: g is negative around k = 0.8.
        let vogt = Svi {
            a: -0.0410,
            b: 0.1331,
            rho: 0.3060,
            m: 0.3586,
            s: 0.4153,
        };
        let found = smile(&Smile::Svi(vogt));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].rule, Rule::Butterfly);
        let k = found[0].k.expect("named");
        assert!((0.5..1.2).contains(&k), "{k}");
    }

    #[test]
    fn steep_wings_are_named() {
        let steep = Svi {
            a: 0.1,
            b: 1.6,
            rho: -0.5,
            m: 0.0,
            s: 0.3,
        };
        let rules: Vec<Rule> = smile(&Smile::Svi(steep)).iter().map(|b| b.rule).collect();
        assert!(rules.contains(&Rule::LeftWing) && !rules.contains(&Rule::RightWing));
    }

    #[test]
    fn variance_at_or_below_zero_is_named_before_all_else() {
        let sunk = Svi {
            a: -0.2,
            b: 0.1,
            rho: 0.0,
            m: 0.0,
            s: 0.3,
        };
        let found = smile(&Smile::Svi(sunk));
        assert_eq!((found.len(), found[0].rule), (1, Rule::Positive));
    }

    #[test]
    fn ssvi_conditions_are_those_of_the_theorem() {
        let sound = Ssvi {
            rho: -0.4,
            eta: 1.1,
            gamma: 0.45,
        };
        assert_eq!(ssvi(&sound, 0.05), []);
        let bent = Ssvi {
            rho: -0.9,
            eta: 3.0,
            gamma: 0.5,
        };
        assert_eq!(
            ssvi(&bent, 0.05).iter().map(|b| b.rule).collect::<Vec<_>>(),
            [Rule::SsviBend]
        );
        let wide = Ssvi {
            rho: -0.9,
            eta: 3.0,
            gamma: 0.0,
        };
        assert!(ssvi(&wide, 0.8).iter().any(|b| b.rule == Rule::SsviWing));
    }

    #[test]
    fn a_tenor_with_less_variance_than_the_one_before_is_a_breach() {
        let (near, far) = (Smile::Flat(0.04), Smile::Flat(0.05));
        assert_eq!(calendar(&near, &far), None);
        let breach = calendar(&far, &near).expect("found");
        assert_eq!(breach.rule, Rule::Calendar);
        assert!((breach.seen + 0.01).abs() < 1e-15);
    }
}
