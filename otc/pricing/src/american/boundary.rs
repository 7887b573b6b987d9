//! Spectral collocation of the exercise boundary of an American put.
//!
//! L. Andersen, M. Lake and D. Offengenden, "High performance American option pricing" (2016): the
//! boundary solves a fixed-point equation (their system B, with N and D of equation 3.9), whose
//! iterate is held at Chebyshev nodes of `√τ` as `ln²(B/X)`, which is nearly linear there. It starts
//! from the boundary of M. Li, "Analytical approximations for the critical stock prices of American
//! options" (2010), the QD+ equation.

use std::f64::consts::PI;
use std::ops::Range;
use std::sync::OnceLock;

use pulp::{Arch, Simd, WithSimd};
use rialto_otc_numerics::exponential::exp;
use rialto_otc_numerics::normal::cdf_and_pdf;
use rialto_otc_numerics::quadrature::gauss_legendre;

/// Numbers of nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scheme {
    /// Degree of the boundary's polynomial, at most 32.
    pub(crate) degree: usize,
    /// Most steps of the fixed-point iteration.
    pub(crate) steps: usize,
    /// Change of the boundary, in strikes, below which it stops.
    pub(crate) still: f64,
    /// Gauss-Legendre nodes within the iteration, at most 64.
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

/// Points that are looked at side by side.
const WIDE: usize = 8;

/// The points of the integrals of the iteration at all nodes, one node after another; the same in
/// every step. Padded to whole eights by points without weight.
#[derive(Debug, Default)]
struct Points {
    /// Chebyshev abscissa of the boundary looked at.
    z: Vec<f64>,
    /// Deviation of the time between the two boundaries, its inverse, and what `d₊` has beside the
    /// ratio.
    deviation: Vec<f64>,
    inverse: Vec<f64>,
    shift: Vec<f64>,
    /// Weights of the strike's and the spot's integral.
    strike: Vec<f64>,
    spot: Vec<f64>,
    /// `∂d/∂ln B(τ)` when the boundary before moves in proportion to `√u`.
    moves: Vec<f64>,
}

/// What the nodes themselves have in every step.
#[derive(Debug, Clone, Copy)]
struct Own {
    deviation: f64,
    /// What `d₊` has beside the log of the boundary below its limit.
    shift: f64,
    /// `e^{−(r−q)τ}`.
    carried: f64,
}

/// `d₊` and `d₋`, of all points and then of the nodes themselves, with distribution function and
/// density there.
#[derive(Debug, Default)]
struct Scores {
    /// Logarithm of the boundary below its limit at the node of each point.
    logs: Vec<f64>,
    plus: Vec<f64>,
    minus: Vec<f64>,
    plus_at: [Vec<f64>; 2],
    minus_at: [Vec<f64>; 2],
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

/// Gauss-Legendre nodes on `y` from −1 to 1 that cut a time τ in two, and their weights: `τ cos²θ`
/// and `τ sin²θ` with `θ = π (1+y)/4`, in which the roots of both parts are smooth.
#[derive(Debug)]
struct Cuts {
    /// Share of the time before the cut.
    left: Vec<f64>,
    /// Share after it.
    right: Vec<f64>,
    /// Weight times the speed of the cut, `π/2 sin θ cos θ`.
    weights: Vec<f64>,
}

/// Cuts met so far; the numbers of nodes in use are few. Padded to whole eights without weight.
fn cuts(nodes: usize) -> &'static Cuts {
    static CUTS: [OnceLock<Cuts>; 65] = [const { OnceLock::new() }; 65];
    let nodes = nodes.clamp(1, 64);
    CUTS[nodes].get_or_init(|| {
        let rule = gauss_legendre(nodes).expect("an order from 1 to 64");
        let mut cuts = Cuts {
            left: Vec::new(),
            right: Vec::new(),
            weights: Vec::new(),
        };
        for (y, weight) in rule.nodes.iter().zip(&rule.weights) {
            let (sine, cosine) = (0.25 * PI * (1.0 + y)).sin_cos();
            cuts.left.push(cosine * cosine);
            cuts.right.push(sine * sine);
            cuts.weights.push(weight * 0.5 * PI * sine * cosine);
        }
        let padded = nodes.next_multiple_of(WIDE);
        cuts.left.resize(padded, 0.5);
        cuts.right.resize(padded, 0.5);
        cuts.weights.resize(padded, 0.0);
        cuts
    })
}

/// `cos(π k / n)` for `k` below `2n`.
fn cosines(n: usize) -> &'static [f64] {
    static TABLES: [OnceLock<Vec<f64>>; 33] = [const { OnceLock::new() }; 33];
    let n = n.clamp(1, 32);
    TABLES[n].get_or_init(|| {
        (0..2 * n)
            .map(|k| (PI * k as f64 / n as f64).cos())
            .collect()
    })
}

impl Put {
    /// `d₊, d₋` of a price ratio over a time.
    fn scores(&self, log_ratio: f64, time: f64) -> (f64, f64) {
        let deviation = self.vol * time.sqrt();
        let plus = (log_ratio + (self.r - self.q) * time) / deviation + 0.5 * deviation;
        (plus, plus - deviation)
    }

    /// The QD+ equation at a time to the end: 0 at the boundary, below 0 under it.
    fn qd_plus(&self, time: f64) -> impl Fn(f64) -> f64 {
        let put = *self;
        let Self { r, q, vol, .. } = put;
        let (df, dq) = ((-r * time).exp(), (-q * time).exp());
        let h = -(-r * time).exp_m1();
        let omega = 2.0 * (r - q) / (vol * vol);
        let m = 2.0 * r / (vol * vol);
        let root = ((omega - 1.0) * (omega - 1.0) + 4.0 * m / h).sqrt();
        let lambda = -0.5 * (omega - 1.0 + root);
        let slope = m / (h * h * root);
        let shape = 2.0 * lambda + omega - 1.0;
        let c = -(1.0 - h) * m / shape;
        let decay = 0.5 * vol * dq / time.sqrt();
        move |spot: f64| {
            let (plus, minus) = put.scores(spot.ln(), time);
            let ((n_plus, d_plus), (n_minus, _)) = (cdf_and_pdf(-plus), cdf_and_pdf(-minus));
            let put = df * n_minus - spot * dq * n_plus;
            let theta = r * df * n_minus - q * spot * dq * n_plus - decay * spot * d_plus;
            let gap = 1.0 - spot - put;
            // (λ + c₀)(K − S − p), the part of c₀ divided by (K − S − p) multiplied out
            (1.0 - dq * n_plus) * spot + lambda * gap + c * ((1.0 / h + slope / shape) * gap)
                - c * theta / (df * r)
        }
    }

    /// Points at nodes, and what the nodes have themselves.
    fn points(&self, taus: &[f64], limit: f64, nodes: usize) -> (Points, Vec<Own>) {
        let cuts = cuts(nodes);
        let Self { r, q, vol, time } = *self;
        let mut points = Points::default();
        let mut own = Vec::with_capacity(taus.len());
        for tau in taus {
            let whole = vol * tau.sqrt();
            own.push(Own {
                deviation: whole,
                shift: (limit.ln() + (r - q) * tau) / whole + 0.5 * whole,
                carried: (-(r - q) * tau).exp(),
            });
            for at in 0..nodes {
                let (left, u) = (tau * cuts.left[at], tau * cuts.right[at]);
                let deviation = whole * cuts.left[at].sqrt();
                let weight = tau * cuts.weights[at];
                points.z.push(2.0 * (u / time).sqrt() - 1.0);
                points.deviation.push(deviation);
                points.inverse.push(1.0 / deviation);
                points
                    .shift
                    .push((r - q) * left / deviation + 0.5 * deviation);
                points.strike.push(weight * exp(r * u));
                points.spot.push(weight * exp(q * u));
                points.moves.push((1.0 - cuts.right[at].sqrt()) / deviation);
            }
        }
        let padded = points.z.len().next_multiple_of(WIDE);
        for row in [
            &mut points.z,
            &mut points.deviation,
            &mut points.inverse,
            &mut points.shift,
        ] {
            row.resize(padded, 0.0);
        }
        (points, own)
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
        let f = self.qd_plus(time);
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
        let (root, cosines) = (put.time.sqrt(), cosines(n));
        // Node 0 is τ = T, the last is τ = 0, where H = 0.
        let taus: Vec<f64> = (0..=n)
            .map(|i| {
                let x = 0.5 * root * (1.0 + cosines[i]);
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
        boundary.fit(&heights, cosines);
        let (points, own) = put.points(&taus[..n], limit, scheme.inner);
        let mut scores = Scores::default();
        for _ in 0..scheme.steps {
            boundary.scores(&heights[..n], &points, &own, &mut scores);
            let mut change = 0.0_f64;
            for (i, own) in own.iter().enumerate() {
                let range = i * scheme.inner..(i + 1) * scheme.inner;
                let here = limit * (-heights[i].sqrt()).exp();
                let moved = boundary.step(here, own, (&points, range), (&scores, i));
                heights[i] = boundary.height(moved);
                change = change.max((moved - here).abs());
            }
            boundary.fit(&heights, cosines);
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
    fn fit(&mut self, heights: &[f64], cosines: &[f64]) {
        let n = heights.len() - 1;
        for (k, coefficient) in self.series.iter_mut().enumerate() {
            let mut sum = 0.5 * (heights[0] + if k % 2 == 0 { heights[n] } else { -heights[n] });
            for (i, height) in heights.iter().enumerate().take(n).skip(1) {
                sum += height * cosines[i * k % (2 * n)];
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

    /// Scores of one step at all points and nodes.
    fn scores(&self, heights: &[f64], points: &Points, own: &[Own], scores: &mut Scores) {
        let Scores {
            logs,
            plus,
            minus,
            plus_at,
            minus_at,
        } = scores;
        let (all, each) = (points.z.len(), points.strike.len() / own.len());
        logs.clear();
        for height in heights {
            logs.resize(logs.len() + each, -height.sqrt());
        }
        logs.resize(all, 0.0);
        for row in [&mut *plus, &mut *minus] {
            row.resize(all + own.len(), 0.0);
        }
        for row in plus_at.iter_mut().chain(minus_at.iter_mut()) {
            row.resize(all + own.len(), 0.0);
        }
        Arch::new().dispatch(Look {
            series: &self.series,
            points,
            logs,
            plus,
            minus,
        });
        for (at, (own, height)) in own.iter().zip(heights).enumerate() {
            let score = own.shift - height.sqrt() / own.deviation;
            (plus[all + at], minus[all + at]) = (score, score - own.deviation);
        }
        let arch = Arch::new();
        for (scores, [cdf, pdf]) in [(plus, plus_at), (minus, minus_at)] {
            arch.dispatch(Law { scores, cdf, pdf });
        }
    }

    /// One step of the iteration `B = f(B)` at a node: Newton's, in logs, for a boundary that moves
    /// before the node in proportion to `√u`.
    fn step(
        &self,
        level: f64,
        own: &Own,
        (points, range): (&Points, Range<usize>),
        (scores, node): (&Scores, usize),
    ) -> f64 {
        let Put { r, q, .. } = self.put;
        let (mut upper, mut lower) = (0.0, 0.0);
        let (mut upper_slope, mut lower_slope) = (0.0, 0.0);
        let ([n_plus, d_plus], [n_minus, d_minus]) = (&scores.plus_at, &scores.minus_at);
        for at in range {
            upper += points.strike[at] * n_minus[at];
            lower += points.spot[at] * n_plus[at];
            upper_slope += points.strike[at] * points.moves[at] * d_minus[at];
            lower_slope += points.spot[at] * points.moves[at] * d_plus[at];
        }
        let here = points.z.len() + node;
        let numerator = n_minus[here] + r * upper;
        let denominator = n_plus[here] + q * lower;
        let f = own.carried * numerator / denominator;
        let slope = (d_minus[here] / own.deviation + r * upper_slope) / numerator
            - (d_plus[here] / own.deviation + q * lower_slope) / denominator;
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
        Arch::new().dispatch(Worth {
            boundary: self,
            spot,
            cuts: cuts(nodes),
        })
    }
}

/// Chebyshev series at eight abscissae, its roots taken: `√H`.
#[inline(always)]
fn depths(series: &[f64], z: &[f64; WIDE]) -> [f64; WIDE] {
    let mut out = [0.0; WIDE];
    let Some(((first, middle), last)) = series
        .split_last()
        .and_then(|(last, rest)| Some((rest.split_first()?, last)))
    else {
        return out;
    };
    let (mut b1, mut b2) = ([0.5 * last; WIDE], [0.0; WIDE]);
    for coefficient in middle.iter().rev() {
        for ((b1, b2), z) in b1.iter_mut().zip(&mut b2).zip(z) {
            let next = coefficient + 2.0 * z * *b1 - *b2;
            *b2 = *b1;
            *b1 = next;
        }
    }
    for (((out, b1), b2), z) in out.iter_mut().zip(&b1).zip(&b2).zip(z) {
        *out = (0.5 * first + z * b1 - b2).max(0.0).sqrt();
    }
    out
}

/// `d₊` and `d₋` of all points.
struct Look<'a> {
    series: &'a [f64],
    points: &'a Points,
    logs: &'a [f64],
    plus: &'a mut [f64],
    minus: &'a mut [f64],
}

impl WithSimd for Look<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Points {
            z,
            deviation,
            inverse,
            shift,
            ..
        } = self.points;
        let eights = z.as_chunks::<WIDE>().0.iter().enumerate();
        for (number, z) in eights {
            let depth = depths(self.series, z);
            let range = number * WIDE..(number + 1) * WIDE;
            let parts = self.logs[range.clone()].iter().zip(&depth);
            let parts = parts
                .zip(&inverse[range.clone()])
                .zip(&shift[range.clone()])
                .zip(&deviation[range.clone()]);
            let out = self.plus[range.clone()].iter_mut();
            for ((plus, minus), ((((log, depth), inverse), shift), deviation)) in
                out.zip(&mut self.minus[range]).zip(parts)
            {
                *plus = (log + depth) * inverse + shift;
                *minus = *plus - deviation;
            }
        }
    }
}

/// Distribution function and density of the standard normal law at all scores.
struct Law<'a> {
    scores: &'a [f64],
    cdf: &'a mut [f64],
    pdf: &'a mut [f64],
}

impl WithSimd for Law<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let out = self.cdf.iter_mut().zip(self.pdf);
        for ((cdf, pdf), score) in out.zip(self.scores) {
            (*cdf, *pdf) = cdf_and_pdf(*score);
        }
    }
}

/// The premium at one spot.
struct Worth<'a> {
    boundary: &'a Boundary,
    spot: f64,
    cuts: &'a Cuts,
}

impl WithSimd for Worth<'_> {
    type Output = Premium;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Premium {
        let Put { r, q, vol, time } = self.boundary.put;
        let spot = self.spot;
        let log = (spot / self.boundary.limit).ln();
        let (whole, fair) = (vol * time.sqrt(), (r - q) * time);
        let mut sums = [[0.0; WIDE]; 3];
        let eights = self.cuts.left.as_chunks::<WIDE>().0.iter();
        let rest = self.cuts.right.as_chunks::<WIDE>().0.iter();
        let weights = self.cuts.weights.as_chunks::<WIDE>().0.iter();
        for ((left, right), weights) in eights.zip(rest).zip(weights) {
            // The abscissa of `u = T sin²θ` over `√τ`.
            let mut z = [0.0; WIDE];
            for (z, right) in z.iter_mut().zip(right) {
                *z = 2.0 * right.sqrt() - 1.0;
            }
            let depth = depths(&self.boundary.series, &z);
            for at in 0..WIDE {
                let deviation = whole * left[at].sqrt();
                let plus = (log + depth[at] + fair * left[at]) / deviation + 0.5 * deviation;
                let minus = plus - deviation;
                let measure = time * weights[at];
                let (df, dq) = (exp(-r * time * left[at]), exp(-q * time * left[at]));
                let ((n_plus, d_plus), (n_minus, d_minus)) =
                    (cdf_and_pdf(-plus), cdf_and_pdf(-minus));
                sums[0][at] += measure * (r * df * n_minus - q * spot * dq * n_plus);
                let bend = q * dq * d_plus / deviation;
                let fall = r * df * d_minus / (deviation * spot);
                sums[1][at] += measure * (bend - fall - q * dq * n_plus);
                let twice = fall * (1.0 + minus / deviation) / spot;
                sums[2][at] += measure * (twice + bend * (1.0 - plus / deviation) / spot);
            }
        }
        let [value, delta, gamma] = sums.map(|sums| sums.iter().sum());
        Premium {
            value,
            delta,
            gamma,
        }
    }
}
