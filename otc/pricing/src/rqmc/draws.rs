//! Randomised quasi-random points, laid out as normals along a Brownian bridge.
//!
//! Coordinates are scrambled Sobol points as far as the table goes; later ones, which decide the
//! least, are pseudo-random (Philox), so that a path may be as long as it must.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rialto_otc_numerics::Error;
use rialto_otc_numerics::bridge::BrownianBridge;
use rialto_otc_numerics::normal::inverse_cdf_in_place;
use rialto_otc_numerics::philox::{Philox, derive_seed};
use rialto_otc_numerics::sobol::{MAX_DIMENSIONS, Scramble, Sobol};

use crate::engine::PriceError;

/// Where the points of a run come from.
#[derive(Debug)]
pub(super) struct Draws {
    sobol: Option<Sobol>,
    bridge: Option<BrownianBridge>,
    /// One motion in two levels instead of `bridge`.
    layout: Option<Layout>,
    /// Steps of a path with their own normal, and the inverse deviation of the bridge over each.
    moving: Vec<(usize, f64)>,
    /// Independent motions.
    factors: usize,
    /// Uniforms after the normals.
    uniforms: usize,
    steps: usize,
}

/// One motion made in two levels: first at the dates that pay or end, then between these, where and
/// for whom it matters.
#[derive(Debug)]
pub(super) struct Layout {
    /// Over the key dates; its normals are the first coordinates.
    pub(super) keys: BrownianBridge,
    /// From each key date to the next.
    pub(super) legs: Vec<Leg>,
}

/// The way to one key date from the one before.
#[derive(Debug)]
pub(super) struct Leg {
    /// Dates on the way, the key date last.
    pub(super) dates: Range<usize>,
    /// Over these; its first normal is what the key dates have decided.
    pub(super) bridge: BrownianBridge,
    /// Coordinate of its second normal.
    pub(super) first: usize,
    /// Inverse deviation of the whole way.
    pub(super) scale: f64,
}

impl Layout {
    fn new(times: &[f64], keys: &[usize]) -> Result<Self, Error> {
        let at_keys: Vec<f64> = keys.iter().map(|key| times[*key]).collect();
        let mut legs = Vec::with_capacity(keys.len());
        let (mut begin, mut from, mut first) = (0, 0.0, keys.len());
        for &key in keys {
            let way: Vec<f64> = times[begin..=key].iter().map(|time| time - from).collect();
            legs.push(Leg {
                dates: begin..key + 1,
                bridge: BrownianBridge::new(&way)?,
                first,
                scale: 1.0 / (times[key] - from).sqrt(),
            });
            first += way.len() - 1;
            (begin, from) = (key + 1, times[key]);
        }
        Ok(Self {
            keys: BrownianBridge::new(&at_keys)?,
            legs,
        })
    }
}

/// One of the independent replicates of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replicate {
    scramble: Scramble,
    philox: Philox,
}

impl Replicate {
    /// Replicate number `number` of the run with this seed.
    pub(super) fn new(seed: u64, number: u32) -> Self {
        Self {
            scramble: Scramble::new(seed, number),
            philox: Philox::new(derive_seed(seed, &[0x5251_4D43, u64::from(number)])),
        }
    }

    /// A pseudo-random uniform for what no coordinate is kept for: the time of a hit.
    pub(super) fn uniforms(self, path: u32, step: usize, stream: u32) -> [f64; 2] {
        self.philox.uniforms(u64::from(path), step as u32, stream)
    }

    pub(super) fn scramble(self) -> Scramble {
        self.scramble
    }
}

/// Normals of one coordinate from its digits.
pub(super) struct Normals<'a> {
    pub(super) scramble: Scramble,
    pub(super) dimension: usize,
    pub(super) digits: &'a [u32],
    pub(super) out: &'a mut [f64],
}

impl WithSimd for Normals<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        self.scramble
            .uniforms(self.dimension, self.digits, self.out);
        inverse_cdf_in_place(self.out);
    }
}

/// A motion along its bridge.
struct Along<'a> {
    bridge: &'a BrownianBridge,
    normals: &'a [f64],
    path: &'a mut [f64],
    lanes: usize,
}

impl WithSimd for Along<'_> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Result<(), Error> {
        self.bridge.paths(self.normals, self.path, self.lanes)
    }
}

/// Stream of pseudo-random numbers that stand in for coordinates beyond the table.
const BEYOND: u32 = 1;

impl Draws {
    /// Points for `factors` motions over a clock of increasing values and `uniforms` more numbers.
    /// With `keys`, a single motion is made at these steps first; the last one is among them.
    ///
    /// # Errors
    /// [`PriceError::Model`] when the clock is not one.
    pub(super) fn new(
        clock: &[f64],
        (factors, uniforms): (usize, usize),
        keys: Option<&[usize]>,
    ) -> Result<Self, PriceError> {
        let bad = |error| PriceError::Model(format!("the clock of the paths: {error}"));
        let mut times = Vec::new();
        let mut moving = Vec::new();
        let mut before = 0.0;
        for (step, &time) in clock.iter().enumerate() {
            // A step on which nothing moves has no normal.
            if time > before && time - before > 1e-15 * time {
                moving.push((step, 1.0 / (time - before).sqrt()));
                times.push(time);
                before = time;
            }
        }
        let bridge = match times.is_empty() {
            true => None,
            false => Some(BrownianBridge::new(&times).map_err(bad)?),
        };
        let layout = match keys {
            Some(keys) if times.len() == clock.len() && factors == 1 && uniforms == 0 => {
                Some(Layout::new(&times, keys).map_err(bad)?)
            }
            _ => None,
        };
        let dimensions = (times.len() * factors + uniforms).min(MAX_DIMENSIONS);
        let sobol = match dimensions {
            0 => None,
            some => Some(Sobol::new(some).map_err(bad)?),
        };
        Ok(Self {
            sobol,
            bridge,
            layout,
            moving,
            factors,
            uniforms,
            steps: clock.len(),
        })
    }

    /// Whether every point is the same: nothing is random.
    pub(super) fn is_certain(&self) -> bool {
        self.moving.is_empty()
    }

    /// Coordinates of a point.
    pub(super) fn dimensions(&self) -> usize {
        self.moving.len() * self.factors + self.uniforms
    }

    /// Coordinates that are pseudo-random.
    pub(super) fn beyond(&self) -> usize {
        self.dimensions().saturating_sub(MAX_DIMENSIONS)
    }

    /// The two levels of a single motion, with the table of its coordinates.
    pub(super) fn two_levels(&self) -> Option<(&Layout, &Sobol)> {
        self.layout
            .as_ref()
            .zip(self.sobol.as_ref())
            .filter(|_| self.beyond() == 0)
    }

    fn coordinate(&self, from: Replicate, dimension: usize, first: u32, out: &mut [f64]) {
        let quasi = self
            .sobol
            .as_ref()
            .filter(|sobol| dimension < sobol.dimensions());
        let filled = quasi.is_some_and(|sobol| {
            sobol
                .fill_scrambled(from.scramble, dimension, first, out)
                .is_ok()
        });
        if !filled {
            from.philox
                .fill_uniforms(u64::from(first), dimension as u32, BEYOND, out);
        }
    }

    /// Standard normals of one coordinate.
    fn gaussian(&self, from: Replicate, dimension: usize, first: u32, out: &mut [f64]) {
        const BLOCK: usize = 256;
        let quasi = self
            .sobol
            .as_ref()
            .filter(|sobol| dimension < sobol.dimensions());
        let Some(sobol) = quasi else {
            self.coordinate(from, dimension, first, out);
            inverse_cdf_in_place(out);
            return;
        };
        let mut digits = [0; BLOCK];
        let mut index = first;
        for out in out.chunks_mut(BLOCK) {
            let digits = &mut digits[..out.len()];
            if sobol.fill_digits(dimension, index, digits).is_err() {
                // The dimension was looked at above.
                return;
            }
            Arch::new().dispatch(Normals {
                scramble: from.scramble,
                dimension,
                digits,
                out,
            });
            index = index.wrapping_add(BLOCK as u32);
        }
    }

    /// Whether one motion that moves on every step is all that is random.
    pub(super) fn is_one_motion(&self) -> bool {
        self.factors == 1
            && self.uniforms == 0
            && self.layout.is_none()
            && self.moving.len() == self.steps
    }

    /// That motion for the paths `first ..`: rows `[step][lane]`.
    ///
    /// # Errors
    /// [`PriceError::Model`] never where [`Self::is_one_motion`].
    pub(super) fn motion<'b>(
        &self,
        (from, first, lanes): (Replicate, u32, usize),
        [normals, motion]: &'b mut [Vec<f64>; 2],
    ) -> Result<&'b [f64], PriceError> {
        let Some(bridge) = &self.bridge else {
            return Ok(&[]);
        };
        normals.resize(bridge.len() * lanes, 0.0);
        motion.resize(bridge.len() * lanes, 0.0);
        for (level, row) in normals.chunks_exact_mut(lanes).enumerate() {
            self.gaussian(from, level, first, row);
        }
        Arch::new()
            .dispatch(Along {
                bridge,
                normals,
                path: motion,
                lanes,
            })
            .map_err(|error| PriceError::Model(error.to_string()))?;
        Ok(motion)
    }

    /// Independent standard normals for the paths `first ..`: rows `[factor][step][lane]`, 0 where
    /// nothing moves. `scratch` is overwritten.
    ///
    /// # Errors
    /// [`PriceError::Model`] never for buffers made by this function.
    pub(super) fn normals(
        &self,
        from: Replicate,
        first: u32,
        lanes: usize,
        out: &mut Vec<f64>,
        scratch: &mut [Vec<f64>; 2],
    ) -> Result<(), PriceError> {
        out.clear();
        out.resize(self.factors * self.steps * lanes, 0.0);
        let Some(bridge) = &self.bridge else {
            return Ok(());
        };
        let [normals, motion] = scratch;
        if let Some(layout) = &self.layout {
            self.walk_layout(layout, (from, first, lanes), (normals, motion))?;
            for (step, scale) in &self.moving {
                let row = &mut out[step * lanes..][..lanes];
                for (lane, out) in row.iter_mut().enumerate() {
                    let before = step
                        .checked_sub(1)
                        .map_or(0.0, |b| motion[b * lanes + lane]);
                    *out = (motion[step * lanes + lane] - before) * scale;
                }
            }
            return Ok(());
        }
        normals.resize(bridge.len() * lanes, 0.0);
        motion.resize(bridge.len() * lanes, 0.0);
        for factor in 0..self.factors {
            for (level, row) in normals.chunks_exact_mut(lanes).enumerate() {
                // The coordinates that decide most of each motion come first.
                self.gaussian(from, level * self.factors + factor, first, row);
            }
            bridge
                .increments(normals, motion, lanes)
                .map_err(|error| PriceError::Model(error.to_string()))?;
            for (row, (step, scale)) in motion.chunks_exact(lanes).zip(&self.moving) {
                let at = (factor * self.steps + step) * lanes;
                for (out, increment) in out[at..at + lanes].iter_mut().zip(row) {
                    *out = increment * scale;
                }
            }
        }
        Ok(())
    }

    /// The whole motion of a two-level layout, `[step][lane]`.
    fn walk_layout(
        &self,
        layout: &Layout,
        (from, first, lanes): (Replicate, u32, usize),
        (normals, motion): (&mut Vec<f64>, &mut Vec<f64>),
    ) -> Result<(), PriceError> {
        let bad = |error: Error| PriceError::Model(error.to_string());
        let mut keys = vec![0.0; layout.keys.len() * lanes];
        normals.resize(keys.len(), 0.0);
        for (level, row) in normals.chunks_exact_mut(lanes).enumerate() {
            self.gaussian(from, level, first, row);
        }
        layout.keys.paths(normals, &mut keys, lanes).map_err(bad)?;
        motion.resize(self.steps * lanes, 0.0);
        for (number, leg) in layout.legs.iter().enumerate() {
            normals.resize(leg.dates.len() * lanes, 0.0);
            let start = number
                .checked_sub(1)
                .map(|before| &keys[before * lanes..][..lanes]);
            let at = |lane: usize| start.map_or(0.0, |row| row[lane]);
            for lane in 0..lanes {
                normals[lane] = (keys[number * lanes + lane] - at(lane)) * leg.scale;
            }
            for (level, row) in normals.chunks_exact_mut(lanes).skip(1).enumerate() {
                self.gaussian(from, leg.first + level, first, row);
            }
            let part = &mut motion[leg.dates.start * lanes..leg.dates.end * lanes];
            leg.bridge.paths(normals, part, lanes).map_err(bad)?;
            for row in part.chunks_exact_mut(lanes) {
                for (lane, w) in row.iter_mut().enumerate() {
                    *w += at(lane);
                }
            }
        }
        Ok(())
    }

    /// The uniform number `number` after the normals, for the paths `first ..`.
    pub(super) fn uniform(&self, from: Replicate, number: usize, first: u32, out: &mut [f64]) {
        let dimension = self.moving.len() * self.factors + number;
        self.coordinate(from, dimension, first, out);
    }
}
