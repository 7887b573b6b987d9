//! A rate held as its integral over one clock.

/// A rate as its integral: linear between knots, flat rate before the first and after the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Times of the knots, strictly increasing, the first 0.
    times: Vec<f64>,
    /// Integral of the rate from 0 to each knot.
    integrals: Vec<f64>,
    /// Rate after the last knot.
    last: f64,
}

impl Curve {
    /// The same rate at all times.
    #[must_use]
    pub fn flat(rate: f64) -> Self {
        Self {
            times: vec![0.0],
            integrals: vec![0.0],
            last: rate,
        }
    }

    /// Constant rates on consecutive intervals: `(end, rate)` with ends strictly increasing and
    /// above 0; the last rate goes on after the last end.
    ///
    /// # Panics
    /// When `pieces` is empty.
    #[must_use]
    pub fn pieces(pieces: &[(f64, f64)]) -> Self {
        let mut times = vec![0.0];
        let mut integrals = vec![0.0];
        let (mut end, mut sum) = (0.0, 0.0);
        for &(next, rate) in pieces {
            sum += rate * (next - end);
            end = next;
            times.push(end);
            integrals.push(sum);
        }
        let last = pieces.last().expect("at least one piece").1;
        Self {
            times,
            integrals,
            last,
        }
    }

    /// Integral of the rate from 0 to `time`; for times before 0 the first rate is used.
    #[must_use]
    pub fn integral_to(&self, time: f64) -> f64 {
        let knots = self.times.len();
        let after = self.times.partition_point(|knot| *knot < time);
        if after == knots {
            return self.integrals[knots - 1] + self.last * (time - self.times[knots - 1]);
        }
        if knots == 1 {
            return self.last * time;
        }
        let right = after.max(1);
        let (a, b) = (self.times[right - 1], self.times[right]);
        let (at_a, at_b) = (self.integrals[right - 1], self.integrals[right]);
        at_a + (at_b - at_a) * (time - a) / (b - a)
    }

    /// Integral of the rate from `from` to `to`.
    #[must_use]
    pub fn integral(&self, from: f64, to: f64) -> f64 {
        self.integral_to(to) - self.integral_to(from)
    }

    /// The curve with every rate moved by `shift`.
    #[must_use]
    pub fn shifted(&self, shift: f64) -> Self {
        Self {
            times: self.times.clone(),
            integrals: self
                .times
                .iter()
                .zip(&self.integrals)
                .map(|(time, integral)| integral + shift * time)
                .collect(),
            last: self.last + shift,
        }
    }

    /// From the integral at increasing knots after 0; between knots and after the last the rate is
    /// constant, so that discount factors are log-linear and the last forward rate goes on.
    ///
    /// # Panics
    /// When `knots` is empty.
    #[must_use]
    pub fn from_integrals(knots: &[(f64, f64)]) -> Self {
        let mut times = vec![0.0];
        let mut integrals = vec![0.0];
        let mut last = 0.0;
        assert!(!knots.is_empty(), "at least one knot");
        for &(time, integral) in knots {
            let (before, sum) = (times[times.len() - 1], integrals[integrals.len() - 1]);
            last = (integral - sum) / (time - before);
            times.push(time);
            integrals.push(integral);
        }
        Self {
            times,
            integrals,
            last,
        }
    }

    /// The curve with another rate after its last knot.
    #[must_use]
    pub fn with_last(mut self, last: f64) -> Self {
        self.last = last;
        self
    }

    /// `exp(−∫)` from 0 to `time`: the discount factor, when the curve is one of rates.
    #[must_use]
    pub fn factor(&self, time: f64) -> f64 {
        (-self.integral_to(time)).exp()
    }

    /// The rate just after `time`; the first rate before 0.
    #[must_use]
    pub fn rate_after(&self, time: f64) -> f64 {
        let right = self.times.partition_point(|knot| *knot <= time).max(1);
        if right >= self.times.len() {
            return self.last;
        }
        (self.integrals[right] - self.integrals[right - 1])
            / (self.times[right] - self.times[right - 1])
    }

    /// The curve with every rate passed through `change(from, to, rate)`, cut at `cuts` first so
    /// that a change may begin and end there.
    #[must_use]
    pub fn mapped(&self, cuts: &[f64], change: impl Fn(f64, f64, f64) -> f64) -> Self {
        let mut ends: Vec<f64> = self.knots().to_vec();
        ends.extend(cuts.iter().filter(|cut| **cut > 0.0 && cut.is_finite()));
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let mut pieces = Vec::with_capacity(ends.len() + 1);
        let mut from = 0.0;
        for to in ends {
            pieces.push((to, change(from, to, self.rate_after(from))));
            from = to;
        }
        let last = change(from, f64::INFINITY, self.last);
        let mut mapped = match pieces.is_empty() {
            true => Self::flat(last),
            false => Self::pieces(&pieces),
        };
        mapped.last = last;
        mapped
    }

    /// The curve with the rates of `from < t <= to` moved by `shift`; `to` may be infinite.
    #[must_use]
    pub fn shifted_within(&self, from: f64, to: f64, shift: f64) -> Self {
        self.mapped(&[from, to], |a, _, rate| {
            if a >= from && a < to {
                rate + shift
            } else {
                rate
            }
        })
    }

    /// `self + factor × other`, rate by rate.
    #[must_use]
    pub fn plus(&self, factor: f64, other: &Self) -> Self {
        self.mapped(other.knots(), |a, _, rate| {
            rate + factor * other.rate_after(a)
        })
    }

    /// Knots after 0: where the rate may jump.
    #[must_use]
    pub fn knots(&self) -> &[f64] {
        &self.times[1..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_integrate_to_their_areas() {
        let curve = Curve::pieces(&[(0.5, 0.02), (1.0, 0.04)]);
        assert!((curve.integral_to(0.25) - 0.005).abs() < 1e-15);
        assert!((curve.integral_to(0.75) - 0.02).abs() < 1e-15);
        assert!((curve.integral_to(2.0) - 0.07).abs() < 1e-15);
        assert!((curve.integral(0.25, 0.75) - 0.015).abs() < 1e-15);
        assert!((curve.integral_to(-0.5) + 0.01).abs() < 1e-15);
    }

    #[test]
    fn a_rate_is_the_one_just_after() {
        let curve = Curve::pieces(&[(0.5, 0.02), (1.0, 0.04)]);
        for (time, rate) in [
            (-1.0, 0.02),
            (0.0, 0.02),
            (0.5, 0.04),
            (1.0, 0.04),
            (7.0, 0.04),
        ] {
            assert!((curve.rate_after(time) - rate).abs() < 1e-15, "{time}");
        }
        assert!((Curve::flat(0.03).rate_after(2.0) - 0.03).abs() < 1e-15);
    }

    #[test]
    fn a_shift_within_a_window_leaves_the_rest() {
        let curve = Curve::flat(0.02).shifted_within(0.5, 1.0, 0.01);
        assert!((curve.integral_to(0.5) - 0.01).abs() < 1e-15);
        assert!((curve.integral(0.5, 1.0) - 0.015).abs() < 1e-15);
        assert!((curve.integral(1.0, 2.0) - 0.02).abs() < 1e-15);
        let open = Curve::flat(0.02).shifted_within(1.0, f64::INFINITY, 0.01);
        assert!((open.integral(1.0, 3.0) - 0.06).abs() < 1e-15);
    }

    #[test]
    fn sums_are_taken_rate_by_rate() {
        let a = Curve::pieces(&[(0.5, 0.02), (1.0, 0.04)]);
        let b = Curve::pieces(&[(0.7, 0.01), (2.0, 0.03)]);
        let sum = a.plus(-1.0, &b);
        for time in [0.2, 0.6, 0.9, 1.5, 4.0] {
            let plain = a.integral_to(time) - b.integral_to(time);
            assert!((sum.integral_to(time) - plain).abs() < 1e-15, "{time}");
        }
    }

    #[test]
    fn a_shift_moves_every_rate() {
        let curve = Curve::pieces(&[(0.5, 0.02), (1.0, 0.04)]).shifted(0.01);
        assert!((curve.integral_to(2.0) - 0.09).abs() < 1e-15);
        assert!((Curve::flat(0.03).shifted(-0.01).integral_to(2.0) - 0.04).abs() < 1e-15);
    }
}
