//! Brownian bridge over arbitrary times: the first normals decide the coarse shape of a path.
//!
//! With the best coordinates of a Sobol sequence on the largest conditional variances, most of a path's
//! variance lies in few dimensions (Moskowitz and Caflisch 1996; Jaeckel 2002, ch. 10).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::error::{Error, Result, check_increasing, check_length};

/// How one point is made: mean between two known points plus a normal.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    /// Point made.
    at: usize,
    /// Known point before it; `None` is the origin at time zero.
    left: Option<usize>,
    /// Known point after it; `None` for the last time.
    right: Option<usize>,
    left_weight: f64,
    right_weight: f64,
    deviation: f64,
}

/// Construction order and weights for a Brownian motion at given times.
#[derive(Debug, Clone, PartialEq)]
pub struct BrownianBridge {
    steps: Vec<Step>,
}

/// An open interval between two known points and the point that will split it.
struct Gap {
    variance: f64,
    step: Step,
}

impl PartialEq for Gap {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Gap {}
impl PartialOrd for Gap {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Gap {
    /// The largest conditional variance first; of equal ones the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        self.variance
            .total_cmp(&other.variance)
            .then(other.step.at.cmp(&self.step.at))
    }
}

impl BrownianBridge {
    /// Bridge over strictly increasing positive times, in years or in integrated variance.
    ///
    /// The last time comes first; then always the gap whose middle point has the largest conditional
    /// variance is split at the time nearest its middle.
    ///
    /// # Errors
    /// No times, a time that is not finite or not positive, times that do not increase.
    pub fn new(times: &[f64]) -> Result<Self> {
        check_increasing("times", times)?;
        let Some((&first, &last)) = times.first().zip(times.last()) else {
            return Err(Error::Length {
                what: "times",
                expected: 1,
                found: 0,
            });
        };
        if first <= 0.0 {
            let rule = "times of a bridge are positive; the origin is implied";
            return Err(Error::Range {
                what: "times[0]",
                value: first,
                rule,
            });
        }
        let n = times.len();
        let mut steps = Vec::with_capacity(n);
        steps.push(Step {
            at: n - 1,
            left: None,
            right: None,
            left_weight: 0.0,
            right_weight: 0.0,
            deviation: last.sqrt(),
        });
        let mut gaps = BinaryHeap::new();
        gaps.extend(gap(times, None, n - 1));
        while let Some(Gap { step, .. }) = gaps.pop() {
            steps.push(step);
            gaps.extend(gap(times, step.left, step.at));
            gaps.extend(
                step.right
                    .and_then(|right| gap(times, Some(step.at), right)),
            );
        }
        Ok(Self { steps })
    }

    /// Number of times, and of normals for a path.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Never: a bridge has at least one time.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Positions of the times in the order in which the normals decide them.
    pub fn order(&self) -> impl Iterator<Item = usize> + '_ {
        self.steps.iter().map(|s| s.at)
    }

    /// Paths `W(t_i)` from independent standard normals, for `lanes` paths at once.
    ///
    /// Both arrays hold one row of `lanes` numbers after another: row `k` of `normals` is the `k`-th
    /// coordinate of the quasi-random point, row `i` of `path` the motion at time `i`.
    ///
    /// # Errors
    /// An array whose length is not `len() * lanes`.
    #[inline(always)]
    pub fn paths(&self, normals: &[f64], path: &mut [f64], lanes: usize) -> Result<()> {
        check_length("normals", normals.len(), self.len() * lanes)?;
        check_length("path", path.len(), self.len() * lanes)?;
        if lanes == 0 {
            return Ok(());
        }
        for (step, z) in self.steps.iter().zip(normals.chunks_exact(lanes)) {
            make_point(step, z, path, lanes);
        }
        Ok(())
    }

    /// Increments `W(t_i) - W(t_{i-1})`, with the layout of [`BrownianBridge::paths`].
    ///
    /// # Errors
    /// As [`BrownianBridge::paths`].
    pub fn increments(&self, normals: &[f64], out: &mut [f64], lanes: usize) -> Result<()> {
        self.paths(normals, out, lanes)?;
        for i in (1..self.len()).rev() {
            let (before, row) = out.split_at_mut(i * lanes);
            for (w, previous) in row[..lanes].iter_mut().zip(&before[(i - 1) * lanes..]) {
                *w -= previous;
            }
        }
        Ok(())
    }
}

/// The split of the gap between a known point (or the origin) and a known later one, if any point lies
/// between them.
fn gap(times: &[f64], left: Option<usize>, right: usize) -> Option<Gap> {
    let begin = left.map_or(0, |l| l + 1);
    if begin >= right {
        return None;
    }
    let (t0, t1) = (left.map_or(0.0, |l| times[l]), times[right]);
    let middle = 0.5 * (t0 + t1);
    let after = begin + times[begin..right].partition_point(|&t| t < middle);
    let at = if after == right
        || (after > begin && middle - times[after - 1] <= times[after] - middle)
    {
        after - 1
    } else {
        after
    };
    let (t, span) = (times[at], t1 - t0);
    let (left_weight, right_weight) = ((t1 - t) / span, (t - t0) / span);
    let variance = (t1 - t) * right_weight;
    let deviation = variance.sqrt();
    let right = Some(right);
    Some(Gap {
        variance,
        step: Step {
            at,
            left,
            right,
            left_weight,
            right_weight,
            deviation,
        },
    })
}

#[inline(always)]
fn make_point(step: &Step, z: &[f64], path: &mut [f64], lanes: usize) {
    let Some(right) = step.right else {
        for (w, z) in path[step.at * lanes..].iter_mut().zip(z) {
            *w = step.deviation * z;
        }
        return;
    };
    let (before, from_at) = path.split_at_mut(step.at * lanes);
    let (row, after) = from_at.split_at_mut(lanes);
    let right_row = &after[(right - step.at - 1) * lanes..][..lanes];
    if let Some(left) = step.left {
        let left_row = &before[left * lanes..][..lanes];
        for (((w, z), l), r) in row.iter_mut().zip(z).zip(left_row).zip(right_row) {
            *w = step.left_weight * l + step.right_weight * r + step.deviation * z;
        }
    } else {
        for ((w, z), r) in row.iter_mut().zip(z).zip(right_row) {
            *w = step.right_weight * r + step.deviation * z;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The map from normals to increments as a matrix: one unit vector in each lane.
    fn matrix(times: &[f64]) -> Vec<Vec<f64>> {
        let bridge = BrownianBridge::new(times).unwrap();
        let n = bridge.len();
        let mut unit = vec![0.0; n * n];
        (0..n).for_each(|i| unit[i * n + i] = 1.0);
        let mut out = vec![0.0; n * n];
        bridge.increments(&unit, &mut out, n).unwrap();
        out.chunks(n).map(<[f64]>::to_vec).collect()
    }

    #[test]
    fn increments_are_independent_with_the_variance_of_their_step() {
        let times = [0.01, 0.3, 0.35, 1.0, 1.5, 1.501, 2.0, 7.0, 7.25];
        let m = matrix(&times);
        for i in 0..times.len() {
            for j in 0..times.len() {
                let covariance: f64 = m[i].iter().zip(&m[j]).map(|(a, b)| a * b).sum();
                let step = if i == 0 {
                    times[0]
                } else {
                    times[i] - times[i - 1]
                };
                let want = if i == j { step } else { 0.0 };
                assert!(
                    (covariance - want).abs() < 1e-14,
                    "({i},{j}): {covariance} {want}"
                );
            }
        }
    }

    #[test]
    fn equal_steps_are_halved_again_and_again() {
        let times: Vec<f64> = (1..=8).map(f64::from).collect();
        let order: Vec<usize> = BrownianBridge::new(&times).unwrap().order().collect();
        assert_eq!(order, [7, 3, 1, 5, 0, 2, 4, 6]);
    }

    #[test]
    fn the_first_normal_carries_most_of_the_variance_of_the_mean() {
        let times: Vec<f64> = (1..=252).map(|i| f64::from(i) / 252.0).collect();
        let bridge = BrownianBridge::new(&times).unwrap();
        let n = times.len();
        let mut unit = vec![0.0; n * n];
        (0..n).for_each(|i| unit[i * n + i] = 1.0);
        let mut path = vec![0.0; n * n];
        bridge.paths(&unit, &mut path, n).unwrap();
        let mean = |lane: usize| path.iter().skip(lane).step_by(n).sum::<f64>() / n as f64;
        let total: f64 = (0..n).map(|l| mean(l).powi(2)).sum();
        let first_four: f64 = (0..4).map(|l| mean(l).powi(2)).sum();
        assert!(mean(0).powi(2) / total > 0.74 && first_four / total > 0.98);
    }

    #[test]
    fn lanes_do_not_know_each_other() {
        let times = [0.5, 1.0, 1.7];
        let bridge = BrownianBridge::new(&times).unwrap();
        let z = [0.1, -0.2, 0.3, 0.4, -0.5, 0.6];
        let (mut two, mut one) = ([0.0; 6], [0.0; 3]);
        bridge.increments(&z, &mut two, 2).unwrap();
        bridge.increments(&[z[1], z[3], z[5]], &mut one, 1).unwrap();
        assert_eq!(one, [two[1], two[3], two[5]]);
    }

    #[test]
    fn bad_times_and_lengths_are_refused() {
        assert!(BrownianBridge::new(&[]).is_err());
        assert!(BrownianBridge::new(&[0.0, 1.0]).is_err());
        assert!(BrownianBridge::new(&[1.0, 1.0]).is_err());
        assert!(BrownianBridge::new(&[1.0, f64::NAN]).is_err());
        let bridge = BrownianBridge::new(&[1.0]).unwrap();
        assert!(bridge.paths(&[0.0], &mut [0.0; 2], 1).is_err());
    }
}
