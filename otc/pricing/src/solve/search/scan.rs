//! Looking over the whole interval of validity: where the value crosses the target.
//!
//! A level's value need not be monotone: a barrier next to the spot is hit at once and pays its
//! rebate, a far one is never hit, and between them the value may go below or above both. Numbers are
//! tried densest around the sheet's own and around the spot, where values bend.

use super::{Found, Search};
use crate::notes;
use crate::solve::{SolveError, Unknown};

/// Numbers tried over the whole interval, evenly by ratio.
const COARSE: usize = 12;

/// Numbers tried on each side of the sheet's own, each twice as far as the one before.
const FINE: i32 = 8;

/// The nearest of them, as a share.
const NEAREST: f64 = 0.005;

/// Numbers closer than this share are one.
const SAME: f64 = 2e-3;

/// Bends that are followed when no two numbers tried enclose the target.
const BENDS: usize = 3;

/// Numbers tried on a bend.
const STEPS: usize = 24;

/// A number and the value it gives; nothing where the contract is refused.
type Seen = (f64, Option<f64>);

/// Where the value meets the target: between two numbers, or on one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meeting {
    Between(f64, f64),
    On(f64),
}

impl Meeting {
    /// How far it is from a number.
    fn far(self, from: f64) -> f64 {
        match self {
            Self::Between(lo, hi) => (lo - from).max(from - hi).max(0.0),
            Self::On(x) => (x - from).abs(),
        }
    }
}

impl Search<'_> {
    /// Brent's method on the piece that encloses the target and is nearest to what the sheet says
    /// now; the lowest when it says nothing.
    pub(crate) fn brent(&mut self, target: f64) -> Result<Found, SolveError> {
        let mut refused = None;
        let mut seen = Vec::new();
        for x in [self.lo, self.hi] {
            seen.push((x, self.tried(x, &mut refused)));
        }
        let bends = matches!(self.unknown, Unknown::KoLevel | Unknown::KiLevel);
        let mut meetings = match seen[..] {
            // All but levels are monotone: the ends tell.
            [(lo, Some(a)), (hi, Some(b))] if !bends && (a - target) * (b - target) <= 0.0 => {
                vec![Meeting::Between(lo, hi)]
            }
            _ => self.scan(target, &mut seen, &mut refused),
        };
        if let Some(now) = self.place.now {
            meetings.sort_by(|a, b| a.far(now).total_cmp(&b.far(now)));
        }
        let notes = match (meetings.len(), self.place.now) {
            (0 | 1, _) => Vec::new(),
            (count, now) => vec![notes::several(count, now.is_some())],
        };
        let mut failed = None;
        for meeting in meetings {
            let root = match meeting {
                Meeting::On(x) => Ok(x),
                Meeting::Between(lo, hi) => self.root(target, lo, hi),
            };
            match root {
                Ok(x) => {
                    return Ok(Found {
                        x,
                        method: "brent",
                        notes,
                    });
                }
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        let known: Vec<(f64, f64)> = seen
            .iter()
            .filter_map(|(x, value)| Some((*x, (*value)?)))
            .collect();
        Err(match (failed, refused) {
            (Some(error), _) => error,
            (None, Some(error)) if known.len() < 2 => error,
            (None, _) => self.out_of_reach(target, &known),
        })
    }

    /// The value a number gives; a refusal is kept when it is the first.
    fn tried(&mut self, x: f64, refused: &mut Option<SolveError>) -> Option<f64> {
        match self.at(x) {
            Ok(value) if value.is_finite() => Some(value),
            Ok(_) => None,
            Err(error) => {
                refused.get_or_insert(error);
                None
            }
        }
    }

    /// Tries the numbers between the ends. Where no two of them enclose the target, the bends that
    /// come nearest to it are followed.
    fn scan(
        &mut self,
        target: f64,
        seen: &mut Vec<Seen>,
        refused: &mut Option<SolveError>,
    ) -> Vec<Meeting> {
        for x in points((self.lo, self.hi), self.place.now, self.spot) {
            let value = self.tried(x, refused);
            seen.push((x, value));
        }
        seen.sort_by(|a, b| a.0.total_cmp(&b.0));
        let near = self.near();
        let found = meetings(seen, target, near, self.place.now);
        if !found.is_empty() {
            return found;
        }
        for [left, middle, right] in bends(seen, target) {
            self.follow(target, [left, middle, right], seen, refused);
        }
        seen.sort_by(|a, b| a.0.total_cmp(&b.0));
        meetings(seen, target, near, self.place.now)
    }

    /// Golden sections towards the value nearest to the target, until it is crossed.
    fn follow(
        &mut self,
        target: f64,
        [mut left, mut middle, mut right]: [(f64, f64); 3],
        seen: &mut Vec<Seen>,
        refused: &mut Option<SolveError>,
    ) {
        const GOLDEN: f64 = 0.381_966_011_250_105_1;
        let above = middle.1 > target;
        for _ in 0..STEPS {
            let x = if middle.0 - left.0 > right.0 - middle.0 {
                middle.0 - GOLDEN * (middle.0 - left.0)
            } else {
                middle.0 + GOLDEN * (right.0 - middle.0)
            };
            let value = self.tried(x, refused);
            seen.push((x, value));
            let Some(value) = value else { return };
            if (value > target) != above || (value - target).abs() <= self.near() {
                return;
            }
            let point = (x, value);
            let better = (value - target).abs() < (middle.1 - target).abs();
            match (better, x < middle.0) {
                (true, true) => (right, middle) = (middle, point),
                (true, false) => (left, middle) = (middle, point),
                (false, true) => left = point,
                (false, false) => right = point,
            }
        }
    }
}

/// Numbers to be tried strictly between two ends, increasing: the sheet's own, those around it and
/// around the spot, and some over all.
fn points((lo, hi): (f64, f64), now: Option<f64>, spot: f64) -> Vec<f64> {
    let inside = |x: &f64| *x > lo && *x < hi;
    let mut kept: Vec<f64> = now.into_iter().chain([spot]).filter(inside).collect();
    kept.dedup();
    let centre = now.filter(inside).unwrap_or(spot);
    let mut others = Vec::new();
    for step in 0..FINE {
        let far = NEAREST * 2.0_f64.powi(step);
        others.extend([centre * (-far).exp(), centre * far.exp()]);
        if step % 2 == 1 {
            others.extend([spot * (-far).exp(), spot * far.exp()]);
        }
    }
    for n in 1..COARSE {
        let share = n as f64 / COARSE as f64;
        others.push(if lo > 0.0 {
            lo * (hi / lo).powf(share)
        } else {
            lo + (hi - lo) * share * share
        });
    }
    for x in others.into_iter().filter(inside) {
        if kept.iter().all(|other| (other - x).abs() > SAME * x.abs()) {
            kept.push(x);
        }
    }
    kept.sort_by(f64::total_cmp);
    kept
}

/// Where the target is met, in order. Neighbours that all meet it count once: the one nearest to the
/// sheet's.
fn meetings(seen: &[Seen], target: f64, near: f64, now: Option<f64>) -> Vec<Meeting> {
    let on = |value: f64| (value - target).abs() <= near;
    let far = |x: f64| now.map_or(0.0, |now| (x - now).abs());
    let mut all: Vec<Meeting> = Vec::new();
    let mut before: Option<(f64, f64)> = None;
    for (x, value) in seen {
        let Some(value) = *value else {
            before = None;
            continue;
        };
        match before {
            Some((other, was)) if on(was) && on(value) => {
                if far(*x) < far(other)
                    && let Some(last) = all.last_mut()
                {
                    *last = Meeting::On(*x);
                }
            }
            _ if on(value) => all.push(Meeting::On(*x)),
            Some((other, was)) if !on(was) && (was > target) != (value > target) => {
                all.push(Meeting::Between(other, *x));
            }
            _ => {}
        }
        before = Some((*x, value));
    }
    all
}

/// Numbers whose values are nearer to the target than those beside them, the nearest first.
fn bends(seen: &[Seen], target: f64) -> Vec<[(f64, f64); 3]> {
    let off = |(_, value): (f64, f64)| (value - target).abs();
    let mut found: Vec<[(f64, f64); 3]> = seen
        .windows(3)
        .filter_map(|three| {
            let known = |at: usize| Some((three[at].0, three[at].1?));
            Some([known(0)?, known(1)?, known(2)?])
        })
        .filter(|three| off(three[1]) <= off(three[0]) && off(three[1]) < off(three[2]))
        .collect();
    found.sort_by(|a, b| off(a[1]).total_cmp(&off(b[1])));
    found.truncate(BENDS);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(values: &[(f64, f64)]) -> Vec<Seen> {
        values.iter().map(|(x, value)| (*x, Some(*value))).collect()
    }

    #[test]
    fn the_sheets_number_and_the_spot_are_tried_and_all_lie_inside() {
        let all = points((0.001, 10.0), Some(1.1), 0.97);
        assert!(all.contains(&1.1) && all.contains(&0.97));
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(all.iter().all(|x| *x > 0.001 && *x < 10.0));
        assert!(all.len() > 30 && all.len() < 50, "{}", all.len());
        // The sheet may say nothing, or what the interval does not hold.
        assert!(points((0.5, 0.9), Some(1.1), 0.7).iter().all(|x| *x < 0.9));
        assert!(points((-2.0, 2.0), None, 1.0).iter().any(|x| *x < 0.0));
    }

    #[test]
    fn crossings_are_counted_once_and_never_over_what_is_refused() {
        let mut line = seen(&[(1.0, 5.0), (2.0, 1.0), (3.0, 3.0), (4.0, 3.0), (5.0, 9.0)]);
        let met = meetings(&line, 3.0, 1e-9, Some(4.2));
        assert_eq!(met, [Meeting::Between(1.0, 2.0), Meeting::On(4.0)]);
        line[1].1 = None;
        assert!(meetings(&line, 2.0, 1e-9, None).is_empty());
        assert_eq!(
            meetings(&line, 4.0, 1e-9, None),
            [Meeting::Between(4.0, 5.0)]
        );
    }

    #[test]
    fn the_bend_nearest_to_the_target_comes_first() {
        let line = seen(&[
            (1.0, 9.0),
            (2.0, 7.0),
            (3.0, 8.0),
            (4.0, 6.0),
            (5.0, 8.0),
            (6.0, 9.0),
        ]);
        let found = bends(&line, 5.0);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0][1], (4.0, 6.0));
    }
}
