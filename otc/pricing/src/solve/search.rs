//! The search itself: limits of validity, straight lines, Brent's method, rounding.

mod scan;

use rialto_otc_contract::compile::{Compiled, compile_with};
use rialto_otc_contract::finding::Findings;
use rialto_otc_contract::note::Note;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_numerics::roots::{RootTolerance, brent};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::places::{Place, decimal};
use super::{PRECISION, SolveError, World};
use crate::engine::Greeking;
use crate::notes;
use crate::valuation::{self, Prepared, Request, Valuation, ValueError, initials};

/// Halvings of an interval towards the limit of validity: a millionth of the bracket.
const HALVINGS: usize = 24;

/// What was found.
pub(crate) struct Found {
    pub(crate) x: f64,
    pub(crate) method: &'static str,
    pub(crate) notes: Vec<Note>,
}

/// Notional of a sheet, currency units.
pub(crate) fn notional(sheet: &TermSheet, world: &World<'_>) -> Result<f64, Findings> {
    let compiled = compile_with(sheet, world.calendars, &initials(sheet, world.snapshot))?;
    Ok(compiled.plan.notional.to_f64().unwrap_or(f64::NAN).abs())
}

/// The contract with a number in the field, compiled.
struct Ready {
    text: String,
    sheet: TermSheet,
    compiled: Compiled,
}

/// A number up to which all are valid, and the contract with it.
type Limit = (f64, Ready);

/// The contract with the number that was priced last.
struct Last {
    text: String,
    sheet: TermSheet,
    value: f64,
    /// How it was priced, when the value itself is looked for.
    found: Option<(Prepared, Valuation)>,
}

/// A function of one number: the holder's value.
pub(crate) struct Search<'a> {
    place: &'a Place,
    world: &'a World<'a>,
    /// Widest interval around a valid number on which the contract is valid.
    lo: f64,
    hi: f64,
    /// Spot now, in units of the field.
    spot: f64,
    notional: f64,
    house: f64,
    evaluations: usize,
    unknown: super::Unknown,
    /// The ends, until they are priced: they were compiled to see that they are valid.
    ready: Vec<Ready>,
    last: Option<Last>,
    /// How far the value last was off a straight line.
    off: f64,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        sheet: &TermSheet,
        place: &'a Place,
        world: &'a World<'a>,
        unknown: super::Unknown,
    ) -> Result<Self, SolveError> {
        place.single()?;
        let valid = |x: f64| compiled(place, world, place.text(decimal(x)));
        let [lo, hi] = limits(sheet, place, world, &valid)?;
        let plan = &lo.1.compiled.plan;
        Ok(Self {
            place,
            world,
            lo: lo.0,
            hi: hi.0,
            spot: spot(sheet, place, world),
            notional: plan.notional.to_f64().unwrap_or(f64::NAN).abs(),
            house: f64::from(sheet.direction.house_sign()),
            evaluations: 0,
            unknown,
            ready: vec![lo.1, hi.1],
            last: None,
            off: 0.0,
        })
    }

    pub(crate) fn notional(&self) -> f64 {
        self.notional
    }

    /// The limits of validity around a number that is valid.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.lo, self.hi)
    }

    pub(crate) fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// A number as it is written in the sheet.
    pub(crate) fn written(&self, x: f64) -> String {
        self.place.text(decimal(x))
    }

    fn at(&mut self, x: f64) -> Result<f64, SolveError> {
        self.value_of(&self.written(x))
    }

    /// The same without its error: the number that [`Self::at`] has unless the engine finds that it
    /// must compute finer to meet the tolerance.
    fn draft(&mut self, x: f64) -> Result<f64, SolveError> {
        let text = self.written(x);
        if self.world.measure.is_some() {
            return self.value_of(&text);
        }
        self.evaluations += 1;
        let ready = match self.ready(&text) {
            Some(ready) => ready,
            None => compiled(self.place, self.world, text)?,
        };
        let request = self.world.plain();
        let prepared = self.world.prepared(ready.compiled, &request)?;
        Ok(prepared.draft(&request).map_err(ValueError::from)?)
    }

    /// The contract with a text, when it was compiled to find the limits and is not yet priced.
    fn ready(&mut self, text: &str) -> Option<Ready> {
        let at = self.ready.iter().position(|ready| ready.text == text);
        at.map(|at| self.ready.swap_remove(at))
    }

    pub(crate) fn value_of(&mut self, text: &str) -> Result<f64, SolveError> {
        if let Some(last) = self.last.as_ref().filter(|last| last.text == text) {
            return Ok(last.value);
        }
        self.evaluations += 1;
        let ready = self.ready(text);
        let last = self.last.insert(match self.world.measure {
            Some(measure) => {
                let sheet = match ready {
                    Some(ready) => ready.sheet,
                    None => self.place.with(text)?,
                };
                Last {
                    text: text.to_owned(),
                    value: measure(&sheet)?,
                    sheet,
                    found: None,
                }
            }
            None => {
                let ready = match ready {
                    Some(ready) => ready,
                    None => compiled(self.place, self.world, text.to_owned())?,
                };
                self.world.priced(ready)?
            }
        });
        Ok(last.value)
    }

    /// The contract with its answer, valued as it was asked for.
    pub(crate) fn valued(&mut self, text: &str) -> Result<(TermSheet, Valuation), SolveError> {
        let World {
            snapshot,
            calendars,
            request,
            ..
        } = *self.world;
        let last = self.last.take().filter(|last| last.text == text);
        let Some(Last {
            sheet,
            found: Some((prepared, found)),
            ..
        }) = last
        else {
            self.evaluations += 1;
            let sheet = self.place.with(text)?;
            let valuation = valuation::value(&sheet, snapshot, calendars, request)?;
            return Ok((sheet, valuation));
        };
        if *request == self.world.plain() {
            let valuation = valuation::signed(found, &sheet, snapshot);
            return Ok((sheet, valuation));
        }
        self.evaluations += 1;
        let valuation = valuation::told(&prepared, &sheet, snapshot, calendars, request)?;
        Ok((sheet, valuation))
    }

    /// What the numbers near enough are.
    pub(crate) fn near(&self) -> f64 {
        PRECISION * self.notional
    }

    /// On a straight line: two evaluations, and a third that must lie on it: at the answer, or on
    /// the way when the line does not reach the target. When it does not, the search goes on as for
    /// any other unknown.
    pub(crate) fn affine(&mut self, target: f64) -> Result<Found, SolveError> {
        let ends = (self.draft(self.lo)?, self.draft(self.hi)?);
        if let Some(found) = self.line(target, ends)? {
            return Ok(found);
        }
        // Off the line: it bends, or its ends were not fine enough.
        let ends = (self.at(self.lo)?, self.at(self.hi)?);
        if let Some(found) = self.line(target, ends)? {
            return Ok(found);
        }
        let mut found = self.brent(target)?;
        found.notes.push(notes::curved(self.off));
        Ok(found)
    }

    /// Where a straight line through the values at both ends meets the target; `None` when the value
    /// there is not on it.
    fn line(
        &mut self,
        target: f64,
        (at_lo, at_hi): (f64, f64),
    ) -> Result<Option<Found>, SolveError> {
        let (lo, hi) = (self.lo, self.hi);
        let x = lo + (target - at_lo) * (hi - lo) / (at_hi - at_lo);
        let slack = 1e-12 * (hi - lo);
        let inside = x.is_finite() && x >= lo - slack && x <= hi + slack;
        let x = x.clamp(lo, hi);
        let (third, line) = match inside {
            true => (x, target),
            false => (lo + 0.37 * (hi - lo), at_lo + 0.37 * (at_hi - at_lo)),
        };
        // The farther the ends, the coarser the digits of the line.
        let allowed = self.near() + 1e-9 * (at_hi - at_lo).abs();
        self.off = (self.at(third)? - line).abs();
        if self.off > allowed {
            return Ok(None);
        }
        if !inside {
            return Err(self.out_of_reach(target, &[(lo, at_lo), (hi, at_hi)]));
        }
        Ok(Some(Found {
            x,
            method: "affine",
            notes: Vec::new(),
        }))
    }

    /// Brent's method between two numbers that enclose the target.
    fn root(&mut self, target: f64, lo: f64, hi: f64) -> Result<f64, SolveError> {
        let mut broken = None;
        let mut ends = [(lo, f64::NAN), (hi, f64::NAN)];
        let tolerance = RootTolerance {
            x: 1e-13 * (self.hi - self.lo),
            f: self.near(),
            max_evaluations: 200,
        };
        let found = brent(lo, hi, tolerance, |x| match self.at(x) {
            Ok(value) => {
                for end in ends.iter_mut().filter(|end| end.0 == x) {
                    end.1 = value;
                }
                value - target
            }
            Err(error) => {
                broken.get_or_insert(error);
                f64::NAN
            }
        });
        if let Some(error) = broken {
            return Err(error);
        }
        match found {
            Ok(root) if root.f.abs() <= self.near() => Ok(root.x),
            Ok(root) => Err(SolveError::Jump {
                at: self.written(root.x),
                value: root.f + target,
                target,
            }),
            // The ends were seen to enclose the target, so nothing is left but a jump.
            Err(_) => Err(self.out_of_reach(target, &ends)),
        }
    }

    /// What was seen of the value, by increasing numbers, of which none meets the target.
    fn out_of_reach(&self, target: f64, seen: &[(f64, f64)]) -> SolveError {
        let missing = (f64::NAN, f64::NAN);
        let (lo, at_lo) = seen.first().copied().unwrap_or(missing);
        let (hi, at_hi) = seen.last().copied().unwrap_or(missing);
        let values = seen.iter().map(|(_, value)| *value);
        let (least, most) = values.fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(least, most), value| (least.min(value), most.max(value)),
        );
        let between = if least < at_lo.min(at_hi) || most > at_lo.max(at_hi) {
            format!(
                ", at the {} numbers tried it goes from {least:.2} to {most:.2}",
                seen.len()
            )
        } else {
            String::new()
        };
        SolveError::OutOfReach {
            unknown: self.unknown,
            lo: self.written(lo),
            hi: self.written(hi),
            target,
            at_lo,
            at_hi,
            between,
        }
    }

    /// The multiple of the increment next to the answer whose value is on the house's side.
    pub(crate) fn rounded(
        &mut self,
        x: f64,
        target: f64,
        step: Decimal,
    ) -> Result<String, SolveError> {
        let exact = decimal(x);
        let refuse = || SolveError::Increment {
            at: self.place.text(exact),
        };
        let steps = exact.checked_div(step).ok_or_else(refuse)?;
        // Rounding noise of the search must not cost a whole step.
        let steps = match (steps - steps.round()).abs() < Decimal::new(1, 6) {
            true => steps.round(),
            false => steps,
        };
        let at = self.place.text(exact);
        let mut best: Option<(f64, String)> = None;
        for multiple in [steps.floor(), steps.ceil()] {
            let text = self.place.text(multiple * step);
            let Ok(value) = self.value_of(&text) else {
                continue;
            };
            let edge = self.house * (value - target);
            let better = best.as_ref().is_none_or(|(other, _)| edge < *other);
            if edge >= -self.near() && better {
                best = Some((edge, text));
            }
        }
        best.map(|(_, text)| text)
            .ok_or(SolveError::Increment { at })
    }
}

/// The contract with a text in the field, compiled.
fn compiled(place: &Place, world: &World<'_>, text: String) -> Result<Ready, Findings> {
    let sheet = place.with(&text)?;
    let compiled = compile_with(&sheet, world.calendars, &initials(&sheet, world.snapshot))?;
    Ok(Ready {
        text,
        sheet,
        compiled,
    })
}

impl World<'_> {
    /// What the search asks for: the value alone.
    fn plain(&self) -> Request {
        Request {
            greeks: Greeking::None,
            ladder: Vec::new(),
            flows: false,
            ..self.request.clone()
        }
    }

    fn prepared(&self, compiled: Compiled, request: &Request) -> Result<Prepared, Findings> {
        let (as_of, config) = (request.as_of, &request.config);
        valuation::prepared(compiled, self.snapshot, self.calendars, as_of, config)
    }

    fn priced(&self, ready: Ready) -> Result<Last, ValueError> {
        let request = self.plain();
        let prepared = self.prepared(ready.compiled, &request)?;
        let found = prepared.value(&request)?;
        Ok(Last {
            text: ready.text,
            sheet: ready.sheet,
            value: found.value,
            found: Some((prepared, found)),
        })
    }
}

/// Initial fixing of the first underlying; 1 when it is not known.
fn initial(sheet: &TermSheet, world: &World<'_>) -> f64 {
    let known = sheet.underlyings.first().and_then(|first| {
        use rialto_otc_contract::envelope::Initial;
        match &first.initial {
            Initial::Price(price) => Some(*price),
            Initial::Fixing { value, .. } => {
                value.or_else(|| initials(sheet, world.snapshot).get(&first.code).copied())
            }
        }
    });
    known.and_then(|price| price.to_f64()).unwrap_or(1.0)
}

/// Spot of the first underlying in units of the field; that of the initial fixing when it has none.
fn spot(sheet: &TermSheet, place: &Place, world: &World<'_>) -> f64 {
    let initial = initial(sheet, world);
    let first = sheet.underlyings.first();
    let quoted = first.and_then(|first| world.snapshot.underlying(&first.code));
    let share = quoted
        .and_then(|quotes| quotes.spot.to_f64())
        .unwrap_or(initial)
        / initial;
    place.unit(initial) * if share.is_finite() { share } else { 1.0 }
}

/// The limits up to which all numbers around a valid one are valid.
fn limits(
    sheet: &TermSheet,
    place: &Place,
    world: &World<'_>,
    valid: &impl Fn(f64) -> Result<Ready, Findings>,
) -> Result<[Limit; 2], SolveError> {
    let initial = initial(sheet, world);
    let (lo, hi) = place.bracket(initial);
    let (at_lo, at_hi) = match (valid(lo), valid(hi)) {
        (Ok(at_lo), Ok(at_hi)) => return Ok([(lo, at_lo), (hi, at_hi)]),
        ends => ends,
    };
    let inside = place.now.filter(|now| *now >= lo && *now <= hi);
    let spread = [0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.05, 1.2, 1.5];
    let unit = place.unit(initial);
    let starts = inside.into_iter().chain(spread.map(|share| share * unit));
    let mut refused = None;
    let mut start = None;
    for x in starts {
        match valid(x) {
            Ok(_) => {
                start = Some(x);
                break;
            }
            Err(findings) => {
                refused.get_or_insert(findings);
            }
        }
    }
    let start = match (start, refused) {
        (Some(start), _) => start,
        (None, Some(findings)) => return Err(findings.into()),
        (None, None) => return Err(SolveError::Number("the bracket")),
    };
    let limit = |end: f64, at_end: Result<Ready, Findings>| {
        if let Ok(ready) = at_end {
            return Ok((end, ready));
        }
        let (mut good, mut bad, mut kept) = (start, end, None);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (good + bad);
            match valid(middle) {
                Ok(ready) => (good, kept) = (middle, Some(ready)),
                Err(_) => bad = middle,
            }
        }
        match kept {
            Some(ready) => Ok((good, ready)),
            None => valid(good).map(|ready| (good, ready)),
        }
    };
    Ok([limit(lo, at_lo)?, limit(hi, at_hi)?])
}
