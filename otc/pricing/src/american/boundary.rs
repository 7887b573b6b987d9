//! Spectral collocation of the exercise boundary of an American put.
//!
//! L. Andersen, M. Lake and D. Offengenden, "High performance American option pricing" (2016): the
//! boundary solves a fixed-point equation (their system B, with N and D of equation 3.9), whose
//! iterate is held at Chebyshev nodes of `√τ` as `ln²(B/X)`, which is nearly linear there. It starts
//! from the boundary of M. Li, "Analytical approximations for the critical stock prices of American
//! options" (2010), the QD+ equation.

use std::f64::consts::PI;
use std::sync::OnceLock;

use rialto_otc_numerics::normal::{cdf, erfcx, pdf};
use rialto_otc_numerics::quadrature::{Rule, gauss_legendre};

/// Numbers of nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scheme {
    /// Degree of the boundary's polynomial.
    pub(crate) degree: usize,
    /// Most steps of the fixed-point iteration.
    pub(crate) steps: usize,
    /// Change of the boundary, in strikes, below which it stops.
    pub(crate) still: f64,
    /// Gauss-Legendre nodes within the iteration.
    pub(crate) inner: usize,
    /// Gauss-Legendre nodes of the price.
    pub(crate) outer: usize,
}

/// A put in flat parameters: strike 1, `r > 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Put {
    pub(crate) r: f64,
    pub(crate) q: f64,
    /// Volatility on the rate clock.
    pub(crate) vol: f64,
    /// Years to the end.
    pub(crate) time: f64,
}

/// A point of the integrals of the iteration at one node; the same in every step.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// Chebyshev abscissa of the boundary looked at.
    z: f64,
    /// Deviation of the time between the two boundaries, and what `d₊` has beside the ratio.
    deviation: f64,
    shift: f64,
    /// Weights of the strike's and the spot's integral.
    strike: f64,
    spot: f64,
    /// `∂d/∂ln B(τ)` when the boundary before moves in proportion to `√u`.
    moves: f64,
}

/// The boundary: `B(τ) = X exp(−√H(√τ))`, H a Chebyshev series.
#[derive(Debug, Clone)]
pub(crate) struct Boundary {
    put: Put,
    /// Limit at the end: `min(1, r/q)`.
    limit: f64,
    /// The boundary without end.
    floor: f64,
    /// Chebyshev coefficients of H over `√τ`.
    series: Vec<f64>,
}

/// Premium, delta and gamma of early exercise.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Premium {
    pub(crate) value: f64,
    pub(crate) delta: f64,
    pub(crate) gamma: f64,
}

/// Largest `H`: below it the boundary is `e^−50` of its limit, which is nowhere.
const MOST: f64 = 2_500.0;

/// Rules met so far; the numbers of nodes in use are few.
pub(crate) fn rule(nodes: usize) -> &'static Rule {
    static RULES: [OnceLock<Rule>; 65] = [const { OnceLock::new() }; 65];
    let nodes = nodes.clamp(1, 64);
    RULES[nodes].get_or_init(|| gauss_legendre(nodes).expect("an order from 1 to 64"))
}

impl Put {
    /// `d₊, d₋` of a price ratio over a time.
    fn scores(&self, log_ratio: f64, time: f64) -> (f64, f64) {
        let deviation = self.vol * time.sqrt();
        let plus = (log_ratio + (self.r - self.q) * time) / deviation + 0.5 * deviation;
        (plus, plus - deviation)
    }

    /// The QD+ equation: 0 at the boundary, below 0 under it.
    fn qd_plus(&self, spot: f64, time: f64) -> f64 {
        let Self { r, q, vol, .. } = *self;
        let (plus, minus) = self.scores(spot.ln(), time);
        let (df, dq) = ((-r * time).exp(), (-q * time).exp());
        let h = -(-r * time).exp_m1();
        let omega = 2.0 * (r - q) / (vol * vol);
        let m = 2.0 * r / (vol * vol);
        let root = ((omega - 1.0) * (omega - 1.0) + 4.0 * m / h).sqrt();
        let lambda = -0.5 * (omega - 1.0 + root);
        let slope = m / (h * h * root);
        let (n_plus, n_minus) = (cdf(-plus), cdf(-minus));
        let put = df * n_minus - spot * dq * n_plus;
        let theta = r * df * n_minus
            - q * spot * dq * n_plus
            - vol * spot * dq * pdf(plus) / (2.0 * time.sqrt());
        let shape = 2.0 * lambda + omega - 1.0;
        let gap = 1.0 - spot - put;
        // (λ + c₀)(K − S − p), the part of c₀ divided by (K − S − p) multiplied out
        let c = -(1.0 - h) * m / shape;
        (1.0 - dq * n_plus) * spot + lambda * gap + c * ((1.0 / h + slope / shape) * gap)
            - c * theta / (df * r)
    }

    fn points(&self, tau: f64, nodes: usize) -> Vec<Point> {
        let rule = rule(nodes);
        let one = |(y, weight): (&f64, &f64)| {
            let (left, u, speed) = halves(tau, *y);
            let deviation = self.vol * left.sqrt();
            Point {
                z: 2.0 * (u / self.time).sqrt() - 1.0,
                deviation,
                shift: (self.r - self.q) * left / deviation + 0.5 * deviation,
                strike: weight * speed * (self.r * u).exp(),
                spot: weight * speed * (self.q * u).exp(),
                moves: (1.0 - (u / tau).sqrt()) / deviation,
            }
        };
        rule.nodes.iter().zip(&rule.weights).map(one).collect()
    }

    /// Boundary of the option without end, below which no boundary lies.
    fn perpetual(&self) -> f64 {
        let omega = 2.0 * (self.r - self.q) / (self.vol * self.vol) - 1.0;
        let m = 8.0 * self.r / (self.vol * self.vol);
        // λ = −(ω + √(ω² + m))/2; for ω far below 0 its two parts cancel
        let root = (omega * omega + m).sqrt();
        let lambda = if omega > 0.0 {
            -0.5 * (omega + root)
        } else {
            -0.5 * m / (root - omega)
        };
        lambda / (lambda - 1.0)
    }

    /// First guess of the boundary at a time to the end: the QD+ equation by secants from a number
    /// near its root, or else between the ends of its range.
    fn guess(&self, time: f64, (floor, limit): (f64, f64), near: f64) -> f64 {
        let f = |spot: f64| self.qd_plus(spot, time);
        let near = near.clamp(floor, limit);
        let (mut a, mut b) = (near, near + 0.02 * (floor - near) + 1e-6 * (limit - near));
        let (mut fa, mut fb) = (f(a), f(b));
        for _ in 0..4 {
            let next = b - fb * (b - a) / (fb - fa);
            if !(next >= floor && next <= limit) {
                break;
            }
            if (next - b).abs() < 1e-3 * (limit - next) {
                return next;
            }
            (a, fa) = (b, fb);
            b = next;
            fb = f(b);
        }
        (a, b) = (floor, limit);
        for _ in 0..14 {
            let middle = 0.5 * (a + b);
            if f(middle) > 0.0 {
                b = middle;
            } else {
                a = middle;
            }
        }
        0.5 * (a + b)
    }
}

impl Boundary {
    /// Solves for the boundary.
    pub(crate) fn solve(put: Put, scheme: Scheme) -> Self {
        let limit = if put.q > put.r { put.r / put.q } else { 1.0 };
        let n = scheme.degree;
        let root = put.time.sqrt();
        // Node 0 is τ = T, the last is τ = 0, where H = 0.
        let taus: Vec<f64> = (0..=n)
            .map(|i| {
                let x = 0.5 * root * (1.0 + (PI * i as f64 / n as f64).cos());
                x * x
            })
            .collect();
        let mut boundary = Self {
            put,
            limit,
            floor: put.perpetual().min(limit),
            series: vec![0.0; n + 1],
        };
        let mut heights = vec![0.0; n + 1];
        // Close to the end the boundary falls by about two deviations; further on nearly as √τ.
        let mut depth = 2.0 * put.vol * taus[n - 1].sqrt();
        let mut before = taus[n - 1];
        for i in (0..n).rev() {
            let near = limit * (-depth * (taus[i] / before).powf(0.45)).exp();
            let level = put.guess(taus[i], (boundary.floor, limit), near);
            heights[i] = boundary.height(level);
            (depth, before) = (heights[i].sqrt(), taus[i]);
        }
        boundary.fit(&heights);
        let points: Vec<Vec<Point>> = taus[..n]
            .iter()
            .map(|tau| put.points(*tau, scheme.inner))
            .collect();
        for _ in 0..scheme.steps {
            let mut next = vec![0.0; n + 1];
            let mut change = 0.0_f64;
            for i in 0..n {
                let here = limit * (-heights[i].sqrt()).exp();
                let moved = boundary.step(taus[i], here, &points[i]);
                next[i] = boundary.height(moved);
                change = change.max((moved - here).abs());
            }
            heights = next;
            boundary.fit(&heights);
            if change < scheme.still {
                break;
            }
        }
        boundary
    }

    fn height(&self, level: f64) -> f64 {
        if level.is_nan() || level <= 0.0 {
            return MOST;
        }
        let log = (level.min(self.limit) / self.limit).ln();
        (log * log).min(MOST)
    }

    /// Chebyshev coefficients through the heights at the nodes.
    fn fit(&mut self, heights: &[f64]) {
        let n = heights.len() - 1;
        for (k, coefficient) in self.series.iter_mut().enumerate() {
            let mut sum = 0.5 * (heights[0] + if k % 2 == 0 { heights[n] } else { -heights[n] });
            for (i, height) in heights.iter().enumerate().take(n).skip(1) {
                sum += height * cosine(i * k, n);
            }
            *coefficient = sum * 2.0 / n as f64;
        }
    }

    /// `√H` at a time to the end: the boundary's log below its limit.
    fn depth(&self, time: f64) -> f64 {
        self.depth_at(2.0 * (time / self.put.time).sqrt() - 1.0)
    }

    /// The same at the Chebyshev abscissa of the time.
    fn depth_at(&self, z: f64) -> f64 {
        let n = self.series.len() - 1;
        let (mut b1, mut b2) = (0.5 * self.series[n], 0.0);
        for coefficient in self.series[1..n].iter().rev() {
            (b1, b2) = (coefficient + 2.0 * z * b1 - b2, b1);
        }
        (0.5 * self.series[0] + z * b1 - b2).max(0.0).sqrt()
    }

    /// The boundary at a time to the end, strike 1.
    pub(crate) fn at(&self, time: f64) -> f64 {
        self.limit * (-self.depth(time)).exp()
    }

    /// One step of the iteration `B = f(B)` at a node: Newton's, in logs, for a boundary that moves
    /// before the node in proportion to `√u`.
    fn step(&self, tau: f64, level: f64, points: &[Point]) -> f64 {
        let Put { r, q, .. } = self.put;
        let log = (level / self.limit).ln();
        let (mut upper, mut lower) = (0.0, 0.0);
        let (mut upper_slope, mut lower_slope) = (0.0, 0.0);
        for point in points {
            let ratio = log + self.depth_at(point.z);
            let plus = ratio / point.deviation + point.shift;
            let minus = plus - point.deviation;
            let ((n_plus, d_plus), (n_minus, d_minus)) = (normal(plus), normal(minus));
            upper += point.strike * n_minus;
            lower += point.spot * n_plus;
            upper_slope += point.strike * point.moves * d_minus;
            lower_slope += point.spot * point.moves * d_plus;
        }
        let (plus, minus) = self.put.scores(level.ln(), tau);
        let numerator = cdf(minus) + r * upper;
        let denominator = cdf(plus) + q * lower;
        let f = (-(r - q) * tau).exp() * numerator / denominator;
        let deviation = plus - minus;
        let slope = (pdf(minus) / deviation + r * upper_slope) / numerator
            - (pdf(plus) / deviation + q * lower_slope) / denominator;
        let gain = if slope < 0.9 {
            1.0 / (1.0 - slope)
        } else {
            1.0
        };
        let moved = level * ((f / level).ln() * gain).exp();
        if moved.is_finite() {
            moved.clamp(self.floor, self.limit)
        } else {
            level
        }
    }

    /// Premium of early exercise at a spot above the boundary (their equation 2.9).
    pub(crate) fn premium(&self, spot: f64, nodes: usize) -> Premium {
        let Put { r, q, vol, time } = self.put;
        let rule = rule(nodes);
        let log = (spot / self.limit).ln();
        let mut sum = Premium::default();
        for (y, weight) in rule.nodes.iter().zip(&rule.weights) {
            let (left, u, speed) = halves(time, *y);
            let (plus, minus) = self.put.scores(log + self.depth(u), left);
            let measure = weight * speed;
            let (df, dq) = ((-r * left).exp(), (-q * left).exp());
            let deviation = vol * left.sqrt();
            let ((n_plus, d_plus), (n_minus, d_minus)) = (normal(-plus), normal(-minus));
            sum.value += measure * (r * df * n_minus - q * spot * dq * n_plus);
            let bend = q * dq * d_plus / deviation;
            let fall = r * df * d_minus / (deviation * spot);
            sum.delta += measure * (bend - fall - q * dq * n_plus);
            let twice = fall * (1.0 + minus / deviation) / spot;
            sum.gamma += measure * (twice + bend * (1.0 - plus / deviation) / spot);
        }
        sum
    }
}

/// Distribution function and density of the standard normal law, by one exponential; the square in
/// it is rounded, so the far tails lose digits that no price has.
fn normal(x: f64) -> (f64, f64) {
    let density = (-0.5 * x * x).exp() * 0.398_942_280_401_432_7;
    let y = x.abs() * std::f64::consts::FRAC_1_SQRT_2;
    if y < 0.5 {
        return (cdf(x), density);
    }
    // N(−|x|) = e^(−x²/2) erfcx(|x|/√2) / 2, and 1/2 = √(2π)/2 / √(2π)
    let lower = density * 1.253_314_137_315_500_3 * erfcx(y);
    (if x < 0.0 { lower } else { 1.0 - lower }, density)
}

/// A time cut in two at `y` from −1 to 1, and the speed of the cut: `τ cos²θ` and `τ sin²θ` with
/// `θ = π (1+y)/4`, in which the roots of both parts are smooth.
fn halves(tau: f64, y: f64) -> (f64, f64, f64) {
    let (sine, cosine) = (0.25 * PI * (1.0 + y)).sin_cos();
    (
        tau * cosine * cosine,
        tau * sine * sine,
        0.5 * PI * tau * sine * cosine,
    )
}

/// `cos(π k / n)` with the angle reduced.
fn cosine(k: usize, n: usize) -> f64 {
    (PI * (k % (2 * n)) as f64 / n as f64).cos()
}
