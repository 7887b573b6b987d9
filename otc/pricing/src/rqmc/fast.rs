//! The hot loop: a compiled program over blocks of paths in structure-of-arrays form.
//!
//! Paths are made at the key dates first. One that ends at a key date in the same way whatever
//! happened in between is finished there and then; only the others, and of these only those whose
//! state can still change, get their dates in between. Normals are the work, and these are the
//! normals that matter. The result is that of walking every path in full, point by point.

use pulp::{Arch, Simd, WithSimd};
use rialto_otc_numerics::exponential::exp;
use rialto_otc_numerics::sobol::Sobol;

use super::draws::{Layout, Leg, Normals, Replicate};
use super::program::{Arm, Common, Op, Plain, Program, arm_of};
use super::walk::Tally;
use crate::engine::PriceError;

/// Lists and rows of one thread.
#[derive(Debug, Default)]
pub(super) struct Lists {
    digits: Vec<u32>,
    gathered: Vec<u32>,
    normals: Vec<f64>,
    keys: Vec<f64>,
    motion: Vec<f64>,
    start: Vec<f64>,
    events: Vec<u32>,
    /// Paths that go on.
    live: Vec<u32>,
    /// Paths whose dates in between are looked at.
    need: Vec<u32>,
    state: Vec<u8>,
    /// Paths that end alike in all states.
    plain: Vec<bool>,
    affine: Vec<Vec<f64>>,
}

/// What a block is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fast<'a> {
    pub(super) program: &'a Program,
    pub(super) layout: &'a Layout,
    pub(super) sobol: &'a Sobol,
    pub(super) spot: f64,
}

/// One date of a contract without memory, for every path of a block, ended ones with weight 0.
/// Returns how many go on.
struct Dense<'a> {
    row: &'a [f64],
    drift: f64,
    spot: f64,
    arms: &'a [Plain],
    alive: &'a mut [f64],
    values: &'a mut [f64],
}

/// `yes` where all bits of the mask are set, `no` where none is: a choice without a branch.
#[inline(always)]
fn chosen(mask: u64, yes: f64, no: f64) -> f64 {
    f64::from_bits(mask & yes.to_bits() | !mask & no.to_bits())
}

impl WithSimd for Dense<'_> {
    type Output = u64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> u64 {
        const WIDE: usize = 64;
        let (mut x, mut c, mut s, mut keep) = ([0.0; WIDE], [0.0; WIDE], [0.0; WIDE], [0.0; WIDE]);
        let uses_spot = self.arms.iter().any(|arm| arm.s != 0.0);
        let Some((first, rest)) = self.arms.split_first() else {
            return 0;
        };
        let (drift, spot) = (self.drift, self.spot);
        let mut left = 0;
        let chunks = self
            .row
            .chunks(WIDE)
            .zip(self.alive.chunks_mut(WIDE))
            .zip(self.values.chunks_mut(WIDE));
        for ((row, alive), values) in chunks {
            for (x, w) in x.iter_mut().zip(row) {
                *x = w + drift;
            }
            c.fill(first.c);
            s.fill(first.s);
            keep.fill(first.keep);
            let mut from = first.hi;
            for arm in rest {
                let Plain {
                    hi,
                    c: to_c,
                    s: to_s,
                    keep: to_keep,
                } = *arm;
                for (((x, c), s), keep) in x.iter().zip(&mut c).zip(&mut s).zip(&mut keep) {
                    let mask = u64::from(*x >= from).wrapping_neg();
                    *c = chosen(mask, to_c, *c);
                    *s = chosen(mask, to_s, *s);
                    *keep = chosen(mask, to_keep, *keep);
                }
                from = hi;
            }
            if uses_spot {
                for ((x, c), s) in x.iter().zip(&mut c).zip(&s) {
                    *c += s * (spot * exp(*x));
                }
            }
            for (value, (alive, c)) in values.iter_mut().zip(alive.iter().zip(&c)) {
                *value += alive * c;
            }
            for (alive, keep) in alive.iter_mut().zip(&keep) {
                *alive *= keep;
            }
            left += alive
                .iter()
                .map(|alive| u64::from(*alive != 0.0))
                .sum::<u64>();
        }
        left
    }
}

/// Positions whose sum of two numbers lies outside a range, in order.
struct Outside<'a> {
    rows: [&'a [f64]; 2],
    range: (f64, f64),
    out: &'a mut Vec<u32>,
}

impl WithSimd for Outside<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        const WIDE: usize = 32;
        let (lo, hi) = self.range;
        let [a, b] = self.rows;
        self.out.clear();
        for (number, (a, b)) in a.chunks(WIDE).zip(b.chunks(WIDE)).enumerate() {
            let mut outside = 0_u64;
            for (a, b) in a.iter().zip(b) {
                let x = a + b;
                outside += u64::from((x < lo) | (x >= hi));
            }
            if outside > 0 {
                for (lane, (a, b)) in a.iter().zip(b).enumerate() {
                    let x = a + b;
                    if (x < lo) | (x >= hi) {
                        self.out.push((number * WIDE + lane) as u32);
                    }
                }
            }
        }
    }
}

impl Fast<'_> {
    /// Discounted payments of the paths `first ..` of a replicate, one for each of `values`.
    ///
    /// # Errors
    /// [`PriceError::Model`] never for a layout made for the program.
    pub(super) fn block(
        &self,
        (from, first): (Replicate, u32),
        lists: &mut Lists,
        values: &mut [f64],
        mut tally: Option<&mut Tally>,
    ) -> Result<(), PriceError> {
        let lanes = values.len();
        values.fill(0.0);
        lists.reset(self.program, lanes);
        self.keys(from, first, lists, lanes)?;
        if self.program.dates.iter().all(|date| !date.plain.is_empty()) {
            self.dense(lists, values, tally);
            return Ok(());
        }
        self.look_ahead(lists, lanes);
        for (number, leg) in self.layout.legs.iter().enumerate() {
            self.between((from, first), (number, leg), lists, lanes)?;
            self.key(number, lists, values, tally.as_deref_mut());
            if lists.live.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The motion at the key dates.
    fn keys(
        &self,
        from: Replicate,
        first: u32,
        lists: &mut Lists,
        lanes: usize,
    ) -> Result<(), PriceError> {
        let rows = self.layout.keys.len();
        lists.normals.resize(rows * lanes, 0.0);
        lists.keys.resize(rows * lanes, 0.0);
        lists.digits.resize(lanes, 0);
        for (dimension, out) in lists.normals.chunks_exact_mut(lanes).enumerate() {
            self.sobol
                .fill_digits(dimension, first, &mut lists.digits)
                .map_err(bad)?;
            Arch::new().dispatch(Normals {
                scramble: from.scramble(),
                dimension,
                digits: &lists.digits,
                out,
            });
        }
        self.layout
            .keys
            .paths(&lists.normals, &mut lists.keys, lanes)
            .map_err(bad)
    }

    /// All dates of a contract without memory. Flows are counted by the way beside, which adds up
    /// to the same but for rounding; the value does not depend on whether they are.
    fn dense(&self, lists: &mut Lists, values: &mut [f64], mut tally: Option<&mut Tally>) {
        let lanes = values.len();
        lists.start.clear();
        lists.start.resize(lanes, 1.0);
        let mut aside = vec![0.0; if tally.is_some() { lanes } else { 0 }];
        for (number, key) in self.program.keys.iter().enumerate() {
            let date = &self.program.dates[*key];
            let left = Arch::new().dispatch(Dense {
                row: &lists.keys[number * lanes..][..lanes],
                drift: date.drift,
                spot: self.spot,
                arms: &date.plain,
                alive: &mut lists.start,
                values,
            });
            if tally.is_some() {
                self.key(number, lists, &mut aside, tally.as_deref_mut());
            }
            if left == 0 {
                return;
            }
        }
    }

    /// Finds the paths that end at some key date in a way that no state changes.
    fn look_ahead(&self, lists: &mut Lists, lanes: usize) {
        lists.plain.clear();
        lists.plain.resize(lanes, false);
        if self.program.states == 1 || self.program.keys.len() == self.program.dates.len() {
            return;
        }
        for (lane, plain) in lists.plain.iter_mut().enumerate() {
            for (number, key) in self.program.keys.iter().enumerate() {
                let date = &self.program.dates[*key];
                let x = lists.keys[number * lanes + lane] + date.drift;
                let zone = date.common.iter().find(|(hi, _)| x < *hi);
                match zone.map_or(Common::Split, |zone| zone.1) {
                    Common::Go => {}
                    Common::Split => break,
                    Common::Stop => {
                        *plain = true;
                        break;
                    }
                }
            }
        }
    }

    /// Dates between two key dates, for the paths that can still change there.
    fn between(
        &self,
        (from, first): (Replicate, u32),
        (number, leg): (usize, &Leg),
        lists: &mut Lists,
        lanes: usize,
    ) -> Result<(), PriceError> {
        let dates = leg.dates.start..leg.dates.end - 1;
        if dates.is_empty() {
            return Ok(());
        }
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        let moves: Vec<bool> = (0..self.program.states)
            .map(|state| {
                dates
                    .clone()
                    .any(|date| self.program.dates[date].idle[state] != all)
            })
            .collect();
        let Lists {
            live,
            need,
            state,
            plain,
            ..
        } = lists;
        need.clear();
        need.extend(live.iter().copied().filter(|lane| {
            let lane = *lane as usize;
            !plain[lane] && moves[usize::from(state[lane])]
        }));
        if need.is_empty() {
            return Ok(());
        }
        self.bridge((from, first), (number, leg), lists, lanes)?;
        let wide = lists.need.len();
        let mut present = 0_u64;
        for lane in &lists.need {
            present |= 1 << lists.state[*lane as usize];
        }
        for (row, index) in dates.enumerate() {
            let date = &self.program.dates[index];
            let motion = &lists.motion[row * wide..][..wide];
            let (mut lo, mut hi) = all;
            for (state, idle) in date.idle.iter().enumerate() {
                if present >> state & 1 == 1 {
                    (lo, hi) = (lo.max(idle.0), hi.min(idle.1));
                }
            }
            Arch::new().dispatch(Outside {
                rows: [motion, &lists.start],
                range: (lo - date.drift, hi - date.drift),
                out: &mut lists.events,
            });
            for event in &lists.events {
                let at = *event as usize;
                let state = &mut lists.state[lists.need[at] as usize];
                let x = motion[at] + lists.start[at] + date.drift;
                if let Some(next) = arm_of(&date.arms[usize::from(*state)], x).next {
                    *state = next as u8;
                    present |= 1 << next;
                }
            }
        }
        Ok(())
    }

    /// The motion from one key date to the next for the paths in `need`.
    fn bridge(
        &self,
        (from, first): (Replicate, u32),
        (number, leg): (usize, &Leg),
        lists: &mut Lists,
        lanes: usize,
    ) -> Result<(), PriceError> {
        let wide = lists.need.len();
        let rows = leg.dates.len();
        lists.normals.resize(rows * wide, 0.0);
        lists.motion.resize(rows * wide, 0.0);
        lists.start.clear();
        for (at, lane) in lists.need.iter().enumerate() {
            let key = |number: usize| lists.keys[number * lanes + *lane as usize];
            let before = number.checked_sub(1).map_or(0.0, key);
            lists.start.push(before);
            lists.normals[at] = (key(number) - before) * leg.scale;
        }
        lists.gathered.resize(wide, 0);
        for (level, out) in lists.normals[..rows * wide]
            .chunks_exact_mut(wide)
            .skip(1)
            .enumerate()
        {
            let dimension = leg.first + level;
            self.sobol
                .fill_digits(dimension, first, &mut lists.digits)
                .map_err(bad)?;
            for (gathered, lane) in lists.gathered.iter_mut().zip(&lists.need) {
                *gathered = lists.digits[*lane as usize];
            }
            Arch::new().dispatch(Normals {
                scramble: from.scramble(),
                dimension,
                digits: &lists.gathered,
                out,
            });
        }
        leg.bridge
            .paths(
                &lists.normals[..rows * wide],
                &mut lists.motion[..rows * wide],
                wide,
            )
            .map_err(bad)
    }

    /// A key date, for every path that is alive.
    fn key(
        &self,
        number: usize,
        lists: &mut Lists,
        values: &mut [f64],
        mut tally: Option<&mut Tally>,
    ) {
        let date = &self.program.dates[self.program.keys[number]];
        let lanes = values.len();
        let Lists {
            live,
            keys,
            state,
            affine,
            ..
        } = lists;
        let row = &keys[number * lanes..][..lanes];
        live.retain(|lane| {
            let lane = *lane as usize;
            let x = row[lane] + date.drift;
            let arm = arm_of(&date.arms[usize::from(state[lane])], x);
            if !arm.ops.is_empty() {
                values[lane] += self.run(arm, x, lane, affine, tally.as_deref_mut());
            }
            match arm.next {
                Some(next) => {
                    state[lane] = next as u8;
                    true
                }
                None => false,
            }
        });
    }

    /// Runs what an arm does on one path; its discounted payments.
    fn run(
        &self,
        arm: &Arm,
        x: f64,
        lane: usize,
        affine: &mut [Vec<f64>],
        mut tally: Option<&mut Tally>,
    ) -> f64 {
        let spot = if arm.uses_spot {
            self.spot * x.exp()
        } else {
            0.0
        };
        let mut paid = 0.0;
        for op in &arm.ops {
            let (Op::Pay { form, .. } | Op::Set { form, .. }) = op;
            let mut value = form.c[0][0] + form.c[0][1] * spot;
            for (part, held) in form.c[1..].iter().zip(affine.iter()) {
                value += held[lane] * (part[0] + part[1] * spot);
            }
            match op {
                Op::Pay { factor, slot, .. } => {
                    paid += factor * value;
                    if let Some(tally) = &mut tally {
                        tally.add(*slot, lane, value, factor * value);
                    }
                }
                Op::Set { affine: number, .. } => affine[*number][lane] = value,
            }
        }
        paid
    }
}

impl Lists {
    fn reset(&mut self, program: &Program, lanes: usize) {
        self.live.clear();
        self.live.extend(0..lanes as u32);
        self.state.clear();
        self.state.resize(lanes, 0);
        self.affine.resize(program.affine.len(), Vec::new());
        for (row, value) in self.affine.iter_mut().zip(&program.affine) {
            row.clear();
            row.resize(lanes, *value);
        }
    }
}

fn bad(error: rialto_otc_numerics::Error) -> PriceError {
    PriceError::Model(error.to_string())
}
