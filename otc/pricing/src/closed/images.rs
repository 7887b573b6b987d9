//! Brownian motion with one or two absorbing levels: payoffs at the end and first hits.
//!
//! Everything runs on total variance: log-spot `x` moves to a normal with mean `x + m` and variance
//! `v`, and its drift per unit of variance is `μ = m/v`. One level reflects once (Reiner and
//! Rubinstein 1991), two reflect for ever (Ikeda and Kunitomo 1992) or make a sine series (Hui 1996);
//! of the two series the quicker one is summed.

use std::f64::consts::PI;

use super::jet::{Jet, exp_band, exp_cdf};

/// A piece `coefficient × S^power` of a payoff between two log-prices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) coefficient: f64,
    pub(crate) power: f64,
    pub(crate) lo: Option<f64>,
    pub(crate) hi: Option<f64>,
}

/// Levels in logs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Levels {
    Up(f64),
    Down(f64),
    Two(f64, f64),
}

/// The motion between now and the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Motion {
    /// Log-spot now.
    pub(crate) x: Jet,
    /// Variance to the end, above 0.
    pub(crate) v: Jet,
    /// Drift of the log-spot to the end.
    pub(crate) m: Jet,
}

/// The way to a level.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// `μ` times the signed distance.
    tilt: Jet,
    distance: Jet,
    /// `|μ|`.
    mu: Jet,
    rho: Jet,
    /// `μ² + 2ρ`.
    b: Jet,
}

/// Exponents below this leave nothing of a term.
const DEEP: f64 = 40.0;

/// Most terms of a series.
const MOST: f64 = 4_000.0;

impl Piece {
    fn cut(self, lo: Option<f64>, hi: Option<f64>) -> Option<Self> {
        let lo = match (self.lo, lo) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        let hi = match (self.hi, hi) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match (lo, hi) {
            (Some(lo), Some(hi)) if lo >= hi => None,
            _ => Some(Self { lo, hi, ..self }),
        }
    }
}

impl Levels {
    /// The part of a payoff between the levels.
    fn alive(self, piece: Piece) -> Option<Piece> {
        match self {
            Self::Up(h) => piece.cut(None, Some(h)),
            Self::Down(h) => piece.cut(Some(h), None),
            Self::Two(l, u) => piece.cut(Some(l), Some(u)),
        }
    }

    /// The part beyond a single level.
    fn beyond(self, piece: Piece) -> Option<Piece> {
        match self {
            Self::Up(h) => piece.cut(Some(h), None),
            Self::Down(h) => piece.cut(None, Some(h)),
            Self::Two(..) => None,
        }
    }
}

impl Motion {
    /// Expectation of a piece when the motion starts at `start`, times `e^weight`.
    fn piece(&self, piece: Piece, weight: Jet, start: Jet) -> Jet {
        let mean = start + self.m;
        let p = piece.power;
        let deviation = self.v.sqrt();
        let centre = mean + self.v * p;
        let score = |edge: f64| (-(centre - edge)) / deviation;
        let exponent = weight + mean * p + self.v * (0.5 * p * p);
        exp_band(exponent, piece.lo.map(score), piece.hi.map(score)) * piece.coefficient
    }

    fn mu(&self) -> Jet {
        self.m / self.v
    }

    /// Mirror image of the start in a level, with its weight.
    fn image(&self, level: f64) -> (Jet, Jet) {
        let away = -(self.x - level);
        (self.mu() * away * 2.0, self.x + away * 2.0)
    }

    /// Expectation of a payoff paid when no level was hit.
    pub(crate) fn survived(&self, pieces: &[Piece], levels: Levels) -> Jet {
        let alive = pieces.iter().filter_map(|piece| levels.alive(*piece));
        match levels {
            Levels::Up(h) | Levels::Down(h) => {
                let (weight, start) = self.image(h);
                let one = |piece: Piece| {
                    self.piece(piece, Jet::default(), self.x) - self.piece(piece, weight, start)
                };
                alive.map(one).sum()
            }
            Levels::Two(l, u) => alive.map(|piece| self.between(piece, l, u)).sum(),
        }
    }

    /// Expectation of a payoff paid when the single level was hit: all terms have one sign.
    pub(crate) fn hit(&self, pieces: &[Piece], levels: Levels) -> Jet {
        let (Levels::Up(h) | Levels::Down(h)) = levels else {
            return Jet::default();
        };
        let (weight, start) = self.image(h);
        let mut sum = Jet::default();
        for piece in pieces {
            if let Some(beyond) = levels.beyond(*piece) {
                sum = sum + self.piece(beyond, Jet::default(), self.x);
            }
            if let Some(alive) = levels.alive(*piece) {
                sum = sum + self.piece(alive, weight, start);
            }
        }
        sum
    }

    /// Terms that the image series and the sine series need between levels `width` apart.
    fn terms(&self, width: f64) -> (i32, i32) {
        let spread = self.v.v.sqrt() / width;
        let images = (2.0 * DEEP).sqrt() * spread / 2.0 + 1.5;
        let sines = (2.0 * DEEP).sqrt() / (spread * PI) + 2.0;
        let count = |terms: f64| terms.min(MOST).ceil() as i32;
        (count(images), count(sines))
    }

    fn between(&self, piece: Piece, l: f64, u: f64) -> Jet {
        let width = u - l;
        let (images, sines) = self.terms(width);
        if sines < 4 * images {
            return self.between_by_sines(piece, l, width, sines);
        }
        self.between_by_images(piece, (l, u), images)
    }

    /// Ikeda and Kunitomo (1992), theorem 3.1, for flat levels.
    fn between_by_images(&self, piece: Piece, (l, u): (f64, f64), terms: i32) -> Jet {
        let mu = self.mu();
        let mut sum = Jet::default();
        for n in -terms..=terms {
            let shift = 2.0 * f64::from(n) * (u - l);
            let mirrored = -(self.x - (2.0 * l + shift));
            let plus = self.piece(piece, mu * shift, self.x + shift);
            let minus = self.piece(piece, mu * (mirrored - self.x), mirrored);
            sum = sum + plus - minus;
        }
        sum
    }

    /// Eigenfunctions of the interval (Hui 1996, equation 8).
    fn between_by_sines(&self, piece: Piece, l: f64, width: f64, terms: i32) -> Jet {
        let mu = self.mu();
        let along = self.x - l;
        let slope = mu + piece.power;
        let ends = [
            (piece.hi.unwrap_or(l + width) - l, 1.0),
            (piece.lo.unwrap_or(l) - l, -1.0),
        ];
        let mut sum = Jet::default();
        for k in 1..=terms {
            let wave = f64::from(k) * PI / width;
            let decay = -(mu * along) - self.v * (mu * mu + wave * wave) * 0.5 + piece.power * l;
            let mut term = Jet::default();
            for (y, sign) in ends {
                let (sine, cosine) = (wave * y).sin_cos();
                term = term + (decay + slope * y).exp() * (slope * sine - wave * cosine) * sign;
            }
            sum = sum + (along * wave).sin() * term / (slope * slope + wave * wave);
        }
        sum * (2.0 / width * piece.coefficient)
    }

    /// `E[e^(−ρ τ); τ before the end]` for the first hit `τ` of a level by the motion that is
    /// absorbed there and, when `other` is given, at another level too; `ρ` per unit of variance.
    pub(crate) fn first_hit(&self, level: f64, other: Option<f64>, rho: Jet) -> Jet {
        let mu = self.mu();
        let way = -(self.x - level);
        let way = Way {
            tilt: mu * way,
            distance: way.abs(),
            mu: mu.abs(),
            rho,
            b: mu * mu + rho * 2.0,
        };
        let Some(other) = other else {
            return self.arrival(way, way.distance);
        };
        let width = (level - other).abs();
        let (images, sines) = self.terms(width);
        if sines < 4 * images && way.b.v * width * width > -4.0 {
            return self.first_hit_by_sines(way, width, sines);
        }
        self.first_hit_by_images(way, width, images)
    }

    fn first_hit_by_images(&self, way: Way, width: f64, terms: i32) -> Jet {
        let mut sum = Jet::default();
        for n in -terms..=terms {
            let d = way.distance + 2.0 * f64::from(n) * width;
            sum = if d.v > 0.0 {
                sum + self.arrival(way, d)
            } else {
                sum - self.arrival(way, -d)
            };
        }
        sum
    }

    /// `e^tilt ∫ d/√(2π u³) e^(−d²/2u − b u/2) du` over the variance to the end, an even function of
    /// `√b`: by normal probabilities, or, where their square root would be small or imaginary, by
    /// its series in `b`.
    fn arrival(&self, way: Way, d: Jet) -> Jet {
        let Way { tilt, b, .. } = way;
        let v = self.v;
        let root_v = v.sqrt();
        if b.v * v.v > 0.5 {
            let beta = b.sqrt();
            // β − |μ| without the loss of digits that a small volatility, a huge μ, would bring
            let gap = way.rho * 2.0 / (beta + way.mu) * d;
            let toward = tilt - way.mu * d - gap;
            let fast = exp_cdf(toward, (beta * v - d) / root_v);
            let away = tilt + way.mu * d + gap;
            return fast + exp_cdf(away, -(beta * v + d) / root_v);
        }
        let z = d / root_v;
        let mut moment = exp_cdf(tilt, -z) * 2.0;
        let edge = z * (tilt - z * z * 0.5).exp() * 0.398_942_280_401_432_7;
        let (mut sum, mut factor, mut power) = (moment, Jet::from(1.0), Jet::from(1.0));
        // |b v| is small unless r and q are far below 0; 60 terms cover |b v| of 20.
        for j in 1..60 {
            let j = f64::from(j);
            power = power * v;
            moment = (edge * power * 2.0 - d * d * moment) * (0.5 / (j - 0.5));
            factor = factor * b * (-0.5 / j);
            let term = factor * moment;
            sum = sum + term;
            if term.v.abs() <= 1e-19 * sum.v.abs() && j > 8.0 {
                break;
            }
        }
        sum
    }

    fn first_hit_by_sines(&self, way: Way, width: f64, terms: i32) -> Jet {
        let Way { tilt, b, .. } = way;
        let along = -(way.distance - width);
        let mut sum = steady(along, width, b);
        for k in 1..=terms {
            let wave = f64::from(k) * PI / width;
            let rate = (b + wave * wave) * 0.5;
            let sign = if k % 2 == 1 { 1.0 } else { -1.0 };
            let flux = f64::from(k) * PI / (width * width) * sign;
            let term = (along * wave).sin() * (-(rate * self.v)).exp() / rate;
            sum = sum - term * flux;
        }
        tilt.exp() * sum
    }
}

/// `sinh(√b x) / sinh(√b w)`, for `b` of either sign.
fn steady(x: Jet, w: f64, b: Jet) -> Jet {
    if b.v * w * w > 1.0 {
        let beta = b.sqrt();
        let near = (beta * (x - w)).exp() - (-(beta * (x + w))).exp();
        return near / (-((beta * (-2.0 * w)).exp() - 1.0));
    }
    // sinh(√z)/√z as a series; |z| is at most 4 here
    let ratio = |z: Jet| {
        let (mut sum, mut term) = (Jet::from(1.0), Jet::from(1.0));
        for k in 1..18 {
            let k = f64::from(k);
            term = term * z * (1.0 / (2.0 * k * (2.0 * k + 1.0)));
            sum = sum + term;
        }
        sum
    };
    x * ratio(b * x * x) / (ratio(b * (w * w)) * w)
}

/// A vanilla payoff by pieces; a strike at or below 0 leaves of a call the forward, of a put nothing.
pub(crate) fn option(units: f64, call: bool, strike: f64) -> Vec<Piece> {
    let log = (strike > 0.0).then(|| strike.ln());
    if !call && log.is_none() {
        return Vec::new();
    }
    let sign = if call { 1.0 } else { -1.0 };
    let (lo, hi) = if call { (log, None) } else { (None, log) };
    let piece = |coefficient: f64, power: f64| Piece {
        coefficient,
        power,
        lo,
        hi,
    };
    vec![piece(sign * units, 1.0), piece(-sign * units * strike, 0.0)]
}

/// Cash whatever the price.
pub(crate) fn cash(amount: f64) -> Vec<Piece> {
    vec![Piece {
        coefficient: amount,
        power: 0.0,
        lo: None,
        hi: None,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motion(x: f64, v: f64, m: f64) -> Motion {
        Motion {
            x: Jet::spot(x),
            v: Jet {
                vol: 1.0,
                ..Jet::from(v)
            },
            m: Jet {
                r: 1.0,
                ..Jet::from(m)
            },
        }
    }

    fn close(a: Jet, b: Jet, tolerance: f64) -> bool {
        let off = a - b;
        [off.v, off.s, off.ss, off.vol, off.r]
            .iter()
            .all(|off| off.abs() < tolerance)
    }

    #[test]
    fn both_series_of_two_levels_agree() {
        let piece = Piece {
            coefficient: 1.0,
            power: 1.0,
            lo: Some(-0.05),
            hi: Some(0.2),
        };
        for (v, m) in [(0.04, -0.03), (0.01, 0.01), (0.09, 0.1)] {
            let motion = motion(0.03, v, m);
            let images = motion.between_by_images(piece, (-0.2, 0.2), 30);
            let sines = motion.between_by_sines(piece, -0.2, 0.4, 60);
            assert!(close(images, sines, 1e-9), "{images:?} {sines:?}");
        }
    }

    fn way(motion: &Motion, distance: f64, b: f64) -> Way {
        let mu = motion.mu();
        let b = Jet {
            r: 1.0,
            ..Jet::from(b)
        };
        Way {
            tilt: mu * distance,
            distance: -(motion.x - (motion.x.v + distance)),
            mu: mu.abs(),
            rho: (b - mu * mu) * 0.5,
            b,
        }
    }

    #[test]
    fn both_series_of_first_hits_agree() {
        for (v, m, b) in [(0.04, -0.03, 1.2), (0.02, 0.01, -3.0), (0.1, 0.05, 30.0)] {
            let motion = motion(0.03, v, m);
            let way = way(&motion, 0.17, b);
            let images = motion.first_hit_by_images(way, 0.4, 30);
            let sines = motion.first_hit_by_sines(way, 0.4, 60);
            assert!(close(images, sines, 2e-8), "{images:?} {sines:?}");
        }
    }

    #[test]
    fn an_arrival_is_the_same_on_both_sides_of_its_branches() {
        let at = |b: f64| {
            let motion = motion(0.0, 0.05, 0.01);
            motion.arrival(way(&motion, 0.3, b), Jet::from(0.3))
        };
        let (below, above) = (at(10.0 - 1e-9), at(10.0 + 1e-9));
        assert!((below.v - above.v).abs() < 1e-10);
        assert!((below.r - above.r).abs() < 1e-9);
    }
}
