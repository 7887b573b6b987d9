//! Many European options at once: Black, Scholes and Merton (1973) over columns.
//!
//! The same formula as the engine of closed forms has, written without a branch, so that it runs on
//! all lanes of the machine. No operation is contracted and every row stands for itself: the bits of
//! a row depend neither on the width of the lanes nor on where the row stands nor on threads.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use rialto_otc_numerics::exponential::{exp, ln};
use rialto_otc_numerics::normal::cdf_and_pdf;

use super::world::CERTAIN;

/// Rows that are worked on together: what a core's first cache holds.
const BLOCK: usize = 256;
/// Rows of one task of a thread.
const TASK: usize = 16 * 1024;

/// One number for all rows, or one for each.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// For all.
    One(f64),
    /// For each.
    Each(&'a [f64]),
}

impl Column<'_> {
    fn at(&self, row: usize) -> f64 {
        match self {
            Self::One(value) => *value,
            Self::Each(values) => values.get(row).copied().unwrap_or(f64::NAN),
        }
    }

    /// Rows that it has; `None` when it fits any number.
    #[must_use]
    pub fn rows(&self) -> Option<usize> {
        match self {
            Self::One(_) => None,
            Self::Each(values) => Some(values.len()),
        }
    }

    fn fill(&self, from: usize, out: &mut [f64]) {
        match self {
            Self::One(value) => out.fill(*value),
            Self::Each(values) => out.copy_from_slice(&values[from..from + out.len()]),
        }
    }
}

/// Columns of options. Rates are continuously compounded.
#[derive(Debug, Clone, Copy)]
pub struct Europeans<'a> {
    /// Spot, price units.
    pub spot: Column<'a>,
    /// Strike, price units.
    pub strike: Column<'a>,
    /// Time to expiry, years.
    pub t: Column<'a>,
    /// Rate r per year.
    pub r: Column<'a>,
    /// Carry q per year.
    pub q: Column<'a>,
    /// Volatility per year.
    pub vol: Column<'a>,
    /// +1 call, −1 put.
    pub w: Column<'a>,
}

/// Values and Greeks of one unit each, in the order of the rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Values {
    /// Present value, price units.
    pub value: Vec<f64>,
    /// dV/dS.
    pub delta: Vec<f64>,
    /// d²V/dS².
    pub gamma: Vec<f64>,
    /// dV/dσ per 1.00 of volatility.
    pub vega: Vec<f64>,
    /// dV/dr per 1.00, q held.
    pub rho: Vec<f64>,
    /// dV/dq per 1.00, r held.
    pub rho_q: Vec<f64>,
}

/// Something wrong in a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    /// Name of the column, as in [`Europeans`].
    pub column: &'static str,
    /// Row, from 0.
    pub row: usize,
    /// What stands there.
    pub value: f64,
    /// What may stand there, in English.
    pub rule: &'static str,
    /// The same in Simplified Chinese.
    pub rule_zh: &'static str,
}

/// What may stand in a column.
struct Limit {
    column: &'static str,
    low: f64,
    high: f64,
    rule: &'static str,
    rule_zh: &'static str,
}

/// Limits in the order of the columns; those of markets and of term sheets.
const LIMITS: [Limit; 7] = [
    Limit {
        column: "spot",
        low: f64::MIN_POSITIVE,
        high: 1e15,
        rule: "a spot is above 0 and at most 1e15",
        rule_zh: "现价须大于 0 且不超过 1e15",
    },
    Limit {
        column: "strike",
        low: f64::MIN_POSITIVE,
        high: 1e15,
        rule: "a strike is above 0 and at most 1e15",
        rule_zh: "行权价须大于 0 且不超过 1e15",
    },
    Limit {
        column: "t",
        low: 0.0,
        high: 100.0,
        rule: "a time is 0 to 100 years",
        rule_zh: "期限须为 0 至 100 年",
    },
    Limit {
        column: "r",
        low: -10.0,
        high: 10.0,
        rule: "a rate lies between -10 and 10 (0.02 is 2 %)",
        rule_zh: "利率须在 -10 与 10 之间（0.02 即 2%）",
    },
    Limit {
        column: "q",
        low: -10.0,
        high: 10.0,
        rule: "a carry lies between -10 and 10 (0.02 is 2 %)",
        rule_zh: "q 须在 -10 与 10 之间（0.02 即 2%）",
    },
    Limit {
        column: "vol",
        low: 0.0,
        high: 10.0,
        rule: "a volatility lies between 0 and 10 (0.2 is 20 %)",
        rule_zh: "波动率须在 0 与 10 之间（0.2 即 20%）",
    },
    Limit {
        column: "w",
        low: -1.0,
        high: 1.0,
        rule: "w is 1 for a call and -1 for a put",
        rule_zh: "w 为 1（看涨）或 -1（看跌）",
    },
];

impl Limit {
    fn holds(&self, value: f64) -> bool {
        let inside = value >= self.low && value <= self.high;
        inside && (self.column != "w" || value.abs() == 1.0)
    }
}

/// Longest `|r t|` and `|q t|`: beyond, discount factors leave the range of `f64`.
const LONGEST_RATE: f64 = 600.0;

impl<'a> Europeans<'a> {
    fn columns(&self) -> [Column<'a>; 7] {
        [
            self.spot,
            self.strike,
            self.t,
            self.r,
            self.q,
            self.vol,
            self.w,
        ]
    }

    /// Rows: those of the columns that have some, 1 when none has; `None` when they differ.
    #[must_use]
    pub fn rows(&self) -> Option<usize> {
        let mut rows = self.columns().into_iter().filter_map(|c| c.rows());
        let Some(first) = rows.next() else {
            return Some(1);
        };
        rows.all(|more| more == first).then_some(first)
    }

    /// What is wrong, at most `most` of it, in the order of columns and rows.
    #[must_use]
    pub fn wrong(&self, rows: usize, most: usize) -> Vec<Wrong> {
        let mut found = Vec::new();
        for (column, limit) in self.columns().iter().zip(&LIMITS) {
            let last = column.rows().unwrap_or(1).min(rows);
            let bad = (0..last).filter(|row| !limit.holds(column.at(*row)));
            found.extend(bad.take(most - found.len()).map(|row| Wrong {
                column: limit.column,
                row,
                value: column.at(row),
                rule: limit.rule,
                rule_zh: limit.rule_zh,
            }));
        }
        if found.is_empty() {
            let far = |row: &usize| {
                let t = self.t.at(*row);
                (self.r.at(*row) * t).abs() > LONGEST_RATE
                    || (self.q.at(*row) * t).abs() > LONGEST_RATE
            };
            found.extend((0..rows).filter(far).take(most).map(|row| Wrong {
                column: "t",
                row,
                value: self.t.at(row),
                rule: "a rate times the time is at most 600",
                rule_zh: "利率与期限之积不超过 600",
            }));
        }
        found
    }

    /// Whether every row is within its limits; what [`Self::wrong`] then looks for one by one.
    fn sound(&self, rows: usize) -> bool {
        let within = |column: &Column<'_>, limit: &Limit| match column {
            Column::One(value) => limit.holds(*value),
            Column::Each(values) => values
                .iter()
                .fold(true, |good, value| good & limit.holds(*value)),
        };
        let columns = self.columns();
        columns.iter().zip(&LIMITS).all(|(c, l)| within(c, l)) && {
            let far = |row: usize| {
                let t = self.t.at(row);
                ((self.r.at(row) * t).abs() > LONGEST_RATE)
                    | ((self.q.at(row) * t).abs() > LONGEST_RATE)
            };
            // With the limits above only long times can be too far.
            let long = match self.t {
                Column::One(t) => t > LONGEST_RATE / 10.0,
                Column::Each(all) => all.iter().any(|t| *t > LONGEST_RATE / 10.0),
            };
            !long || !(0..rows).any(far)
        }
    }

    /// Values all rows, on the threads of the caller's pool.
    ///
    /// # Errors
    /// What is wrong in the columns, at most 20 of it; empty when their lengths differ.
    pub fn values(&self) -> Result<Values, Vec<Wrong>> {
        let Some(rows) = self.rows() else {
            return Err(Vec::new());
        };
        if !self.sound(rows) {
            return Err(self.wrong(rows, 20));
        }
        let column = || vec![0.0; rows];
        let mut all = Values {
            value: column(),
            delta: column(),
            gamma: column(),
            vega: column(),
            rho: column(),
            rho_q: column(),
        };
        let tasks = (
            all.value.par_chunks_mut(TASK),
            all.delta.par_chunks_mut(TASK),
            all.gamma.par_chunks_mut(TASK),
            all.vega.par_chunks_mut(TASK),
            all.rho.par_chunks_mut(TASK),
            all.rho_q.par_chunks_mut(TASK),
        );
        tasks.into_par_iter().enumerate().for_each(
            |(task, (value, delta, gamma, vega, rho, rho_q))| {
                Arch::new().dispatch(Task {
                    options: self,
                    first: task * TASK,
                    out: [value, delta, gamma, vega, rho, rho_q],
                });
            },
        );
        Ok(all)
    }
}

/// A run of rows.
struct Task<'a, 'o> {
    options: &'a Europeans<'a>,
    first: usize,
    /// Value, delta, gamma, vega, rho, rho_q.
    out: [&'o mut [f64]; 6],
}

impl WithSimd for Task<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        let columns = self.options.columns();
        let mut inputs = [[0.0; BLOCK]; 7];
        let rows = self.out[0].len();
        let mut at = 0;
        while at < rows {
            let size = BLOCK.min(rows - at);
            for (column, input) in columns.iter().zip(&mut inputs) {
                column.fill(self.first + at, &mut input[..size]);
            }
            let out = self.out.each_mut().map(|all| &mut all[at..at + size]);
            block(&inputs, out);
            at += size;
        }
    }
}

#[inline(always)]
fn block(inputs: &[[f64; BLOCK]; 7], out: [&mut [f64]; 6]) {
    let [spot, strike, t, r, q, vol, w] = inputs;
    let [value, delta, gamma, vega, rho, rho_q] = out;
    let size = value.len().min(BLOCK);
    let (delta, gamma, vega) = (&mut delta[..size], &mut gamma[..size], &mut vega[..size]);
    let (rho, rho_q) = (&mut rho[..size], &mut rho_q[..size]);
    let mut certain = false;
    for i in 0..size {
        let (s, k, t, w) = (spot[i], strike[i], t[i], w[i]);
        let root = t.sqrt();
        let deviation = vol[i] * root;
        certain |= deviation * deviation < CERTAIN;
        let (rate, carry) = (r[i] * t, q[i] * t);
        let (df, qf) = (exp(-rate), exp(-carry));
        let d1 = (ln(s / k) + (rate - carry)) / deviation + 0.5 * deviation;
        let (n1, bell) = cdf_and_pdf(w * d1);
        let (n2, _) = cdf_and_pdf(w * (d1 - deviation));
        let (asset, cash) = (qf * n1, k * df * n2);
        let worth = w * (s * asset - cash);
        value[i] = if worth < 0.0 { 0.0 } else { worth };
        delta[i] = w * asset;
        gamma[i] = qf * bell / (s * deviation);
        vega[i] = s * qf * bell * root;
        rho[i] = w * t * cash;
        rho_q[i] = -w * t * s * asset;
    }
    if certain {
        for i in 0..size {
            if vol[i] * vol[i] * t[i] >= CERTAIN {
                continue;
            }
            let (df, qf) = (exp(-r[i] * t[i]), exp(-q[i] * t[i]));
            let (asset, cash) = (spot[i] * qf, strike[i] * df);
            let inside = if w[i] * (asset - cash) >= 0.0 {
                w[i]
            } else {
                0.0
            };
            value[i] = inside * (asset - cash);
            delta[i] = inside * qf;
            (gamma[i], vega[i]) = (0.0, 0.0);
            rho[i] = inside * t[i] * cash;
            rho_q[i] = -inside * t[i] * asset;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::jet::Jet;
    use super::super::world::Law;
    use super::*;
    use rialto_otc_contract::shape::Side;

    /// The same by the engine of closed forms.
    fn one(s: f64, k: f64, t: f64, r: f64, q: f64, vol: f64, w: f64) -> Jet {
        let zero = Jet::default();
        let rate = Jet {
            v: r,
            r: 1.0,
            ..zero
        };
        let carry = Jet {
            v: q,
            q: 1.0,
            ..zero
        };
        let sigma = Jet {
            v: vol,
            vol: 1.0,
            ..zero
        };
        let law = Law {
            forward: Jet::spot(s) * ((rate - carry) * t).exp(),
            variance: sigma * sigma * t,
        };
        let side = if w > 0.0 { Side::Call } else { Side::Put };
        law.option(side, k) * (rate * -t).exp()
    }

    struct Rows(Vec<[f64; 7]>);

    impl Rows {
        fn random(count: usize) -> Self {
            let mut state = 0x9E37_79B9_7F4A_7C15_u64;
            let mut next = move || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1_u64 << 53) as f64
            };
            let row = |_| {
                let s = 10.0 * (6.0 * next()).exp();
                let k = s * (1.5 * (next() - 0.5)).exp();
                let (t, vol) = (5.0 * next() + 1e-3, 0.03 + 0.9 * next());
                let (r, q) = (0.1 * next() - 0.02, 0.2 * next() - 0.05);
                [s, k, t, r, q, vol, if next() < 0.5 { 1.0 } else { -1.0 }]
            };
            Self((0..count).map(row).collect())
        }

        fn columns(&self) -> Vec<Vec<f64>> {
            let of = |at: usize| self.0.iter().map(|row| row[at]).collect();
            (0..7).map(of).collect()
        }
    }

    fn options(columns: &[Vec<f64>]) -> Europeans<'_> {
        let each = |at: usize| Column::Each(&columns[at]);
        Europeans {
            spot: each(0),
            strike: each(1),
            t: each(2),
            r: each(3),
            q: each(4),
            vol: each(5),
            w: each(6),
        }
    }

    #[test]
    fn every_row_is_what_the_closed_form_gives() {
        let rows = Rows::random(3000);
        let columns = rows.columns();
        let got = options(&columns).values().expect("sound");
        for (i, row) in rows.0.iter().enumerate() {
            let [s, k, t, r, q, vol, w] = *row;
            let want = one(s, k, t, r, q, vol, w);
            let near = |got: f64, want: f64, scale: f64, what: &str| {
                assert!(
                    (got - want).abs() <= 2e-14 * scale,
                    "{what} {row:?}: {got} {want}"
                );
            };
            near(got.value[i], want.v, s + k, "value");
            near(got.delta[i], want.s, 2.0, "delta");
            near(
                got.gamma[i],
                want.ss,
                40.0 * want.ss.abs() + 1e-3 / s,
                "gamma",
            );
            near(got.vega[i], want.vol, 10.0 * s, "vega");
            near(got.rho[i], want.r, t * (s + k), "rho");
            near(got.rho_q[i], want.q, t * (s + k), "rho_q");
        }
    }

    #[test]
    fn no_time_or_no_volatility_is_the_walk_on_the_forward() {
        for (t, vol) in [(0.0, 0.3), (1.5, 0.0), (0.0, 0.0)] {
            for k in [90.0, 100.0, 110.0] {
                for w in [1.0, -1.0] {
                    let columns: Vec<Vec<f64>> = [100.0, k, t, 0.03, 0.03, vol, w]
                        .map(|x| vec![x; 3])
                        .to_vec();
                    let got = options(&columns).values().expect("sound");
                    let want = one(100.0, k, t, 0.03, 0.03, vol, w);
                    assert!((got.value[1] - want.v).abs() < 1e-13, "{t} {vol} {k} {w}");
                    assert!((got.delta[1] - want.s).abs() < 1e-14, "{t} {vol} {k} {w}");
                    assert_eq!((got.gamma[1], got.vega[1]), (0.0, 0.0));
                    assert!((got.rho[1] - want.r).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_wherever_it_stands() {
        let columns = Rows::random(40_000).columns();
        let all = options(&columns).values().expect("sound");
        let part: Vec<Vec<f64>> = columns.iter().map(|c| c[12_345..12_378].to_vec()).collect();
        let few = options(&part).values().expect("sound");
        for (all, few) in [
            (&all.value, &few.value),
            (&all.gamma, &few.gamma),
            (&all.rho, &few.rho),
        ] {
            assert_eq!(&all[12_345..12_378], few.as_slice());
        }
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let again = alone
            .expect("a pool")
            .install(|| options(&columns).values());
        assert_eq!(again, Ok(all));
    }

    #[test]
    fn what_is_wrong_is_named_by_column_and_row() {
        let mut columns = Rows::random(5).columns();
        (columns[0][3], columns[5][1], columns[6][0]) = (f64::NAN, -0.2, 0.5);
        let wrong = options(&columns).values().expect_err("refused");
        let places: Vec<_> = wrong.iter().map(|w| (w.column, w.row)).collect();
        assert_eq!(places, [("spot", 3), ("vol", 1), ("w", 0)]);
        columns[2].pop();
        assert_eq!(options(&columns).values(), Err(Vec::new()));
        let mut far = Rows::random(2).columns();
        (far[2][1], far[3][1]) = (90.0, 9.0);
        let wrong = options(&far).values().expect_err("refused");
        assert_eq!((wrong[0].column, wrong[0].row), ("t", 1));
    }
}
