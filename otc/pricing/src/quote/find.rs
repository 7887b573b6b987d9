//! Finds the open field so that the worst corner leaves the house its charges.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use rialto_otc_contract::note::Note;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::answer::{Charge, Quoted, Shares, Solved};
use super::corners::{MIDDLE, Point, Values, values};
use super::{Asked, Corner, QuoteError, Side};
use crate::desk::desk;
use crate::notes;
use crate::solve::places::{self, Place, decimal};
use crate::solve::search::{Found, Search, notional};
use crate::solve::{SolveError, Target, Unknown, World, unknown};
use crate::valuation::{Request, ValueError, value};

/// Values of sheets that were priced already, by their canonical text.
pub(super) type Memo = RefCell<HashMap<String, Rc<Values>>>;

/// Everything a quote is made with.
pub(super) struct Desk<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) calendars: &'a Calendars,
    pub(super) request: Request,
    pub(super) asked: &'a Asked,
    pub(super) points: Vec<Point>,
    pub(super) memo: Memo,
}

/// What is paid and what of it are charges, currency units.
#[derive(Clone, Copy)]
struct Money {
    pays: f64,
    charges: f64,
    notional: f64,
}

/// The answer as it is written, and how it came about.
struct Answer {
    solved: Solved,
    sheet: TermSheet,
    notes: Vec<Note>,
}

impl Desk<'_> {
    fn values(&self, sheet: &TermSheet) -> Result<Rc<Values>, ValueError> {
        let key = sheet.to_json();
        if let Some(known) = self.memo.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(values(
            sheet,
            self.snapshot,
            self.calendars,
            &self.request,
            &self.points,
        )?);
        self.memo.borrow_mut().insert(key, Rc::clone(&found));
        Ok(found)
    }

    /// Position of the worst of values for the house; the middle when none is worse.
    fn worst(&self, values: &[f64]) -> usize {
        let side = self.asked.side;
        (1..values.len()).fold(0, |worst, at| {
            if side.worse(values[at], values[worst]) {
                at
            } else {
                worst
            }
        })
    }

    pub(super) fn quote(&self, sheet: &TermSheet) -> Result<Quoted, QuoteError> {
        let measure = |sheet: &TermSheet| -> Result<f64, ValueError> {
            let found = self.values(sheet)?;
            Ok(found.values[self.worst(&found.values)])
        };
        let world = World {
            snapshot: self.snapshot,
            calendars: self.calendars,
            request: &self.request,
            measure: Some(&measure),
        };
        let (money, answer) = if self.asked.unknown == Unknown::Premium {
            self.premium(sheet, &world, &measure)?
        } else {
            self.field(sheet, &world)?
        };
        self.told(money, answer)
    }

    fn money(&self, pays: f64, notional: f64) -> Money {
        let bp: f64 = self.asked.charges.lines().iter().map(|(_, bp)| bp).sum();
        Money {
            pays,
            charges: bp * 1e-4 * notional,
            notional,
        }
    }

    /// The premium is the worst value and the charges themselves.
    fn premium(
        &self,
        sheet: &TermSheet,
        world: &World<'_>,
        measure: &dyn Fn(&TermSheet) -> Result<f64, ValueError>,
    ) -> Result<(Money, Answer), QuoteError> {
        let notional = notional(sheet, world).map_err(ValueError::from)?;
        let charges = self.money(0.0, notional).charges;
        let side = self.asked.side;
        let exact = measure(sheet)? - side.sign() * charges;
        let cents = Decimal::new(1, sheet.rounding.amount);
        let step = self.asked.increment.unwrap_or(cents);
        let out_of_range = || QuoteError::number("increment", f64::NAN, "of the premium's size");
        let steps = decimal(exact).checked_div(step).ok_or_else(out_of_range)?;
        let steps = match side {
            Side::HouseSells => steps.ceil(),
            Side::HouseBuys => steps.floor(),
        };
        let amount = steps.checked_mul(step).ok_or_else(out_of_range)?;
        let rounded = amount.normalize().to_string();
        let number = amount.to_f64().unwrap_or(f64::NAN);
        let answer = Answer {
            sheet: places::premium(sheet, &rounded).map_err(ValueError::from)?,
            solved: Solved {
                pointer: "/premium/amount".to_owned(),
                raw: decimal(exact).normalize().to_string(),
                rounded,
                exact,
                number,
                method: "direct",
            },
            notes: Vec::new(),
        };
        Ok((self.money(number, notional), answer))
    }

    /// Any field of the terms.
    fn field(&self, sheet: &TermSheet, world: &World<'_>) -> Result<(Money, Answer), QuoteError> {
        let of = self.asked.unknown;
        let plain = |source: SolveError| match source {
            SolveError::Value(error) => QuoteError::Value(error),
            source => QuoteError::Field(source),
        };
        let place = places::find(sheet, of).ok_or_else(|| plain(unknown(sheet, of)))?;
        let mut search = Search::new(sheet, &place, world, of).map_err(plain)?;
        let pays = self.pays(sheet, search.notional())?;
        let money = self.money(pays, search.notional());
        // What the worst value must be for the house to keep its charges and nothing more.
        let target = pays + self.asked.side.sign() * money.charges;
        let told = |source: SolveError| match source {
            SolveError::Value(error) => QuoteError::Value(error),
            source => QuoteError::Unsolved {
                source,
                pays,
                charges: money.charges,
            },
        };
        let found = if of.affine() {
            self.affine(&place, &mut search, target)
        } else {
            search.brent(target)
        };
        let found = found.map_err(told)?;
        let step = self.asked.increment.unwrap_or(match place.percent() {
            true => Decimal::new(1, 4),
            false => Decimal::new(1, sheet.rounding.level),
        });
        let rounded = search.rounded(found.x, target, step).map_err(told)?;
        let answer = Answer {
            sheet: place.with(&rounded).map_err(ValueError::from)?,
            solved: Solved {
                pointer: place.pointer().to_owned(),
                raw: search.written(found.x),
                number: place.number(&rounded),
                rounded,
                exact: found.x,
                method: found.method,
            },
            notes: found.notes,
        };
        Ok((money, answer))
    }

    fn pays(&self, sheet: &TermSheet, notional: f64) -> Result<f64, QuoteError> {
        let premium = sheet.premium.as_ref().and_then(|p| p.amount.to_f64());
        let pays = match self.asked.pays {
            Some(Target::Share(share)) => share * notional,
            Some(Target::Amount(amount)) => amount,
            Some(Target::Premium) => premium.ok_or(QuoteError::NoPayment)?,
            None => match (sheet.principal(), premium) {
                (Some(principal), _) => principal.share.to_f64().unwrap_or(f64::NAN) * notional,
                (None, Some(premium)) => premium,
                (None, None) => return Err(QuoteError::NoPayment),
            },
        };
        if pays.is_finite() {
            Ok(pays)
        } else {
            Err(QuoteError::number("pays", pays, "finite"))
        }
    }

    /// Each corner's value is a straight line in the unknown; the worst of them is the edge of a
    /// convex figure. The line that meets the target on that edge gives the answer, which is priced
    /// to see that the lines were straight; when they were not, Brent's method goes on.
    fn affine(
        &self,
        place: &Place,
        search: &mut Search<'_>,
        target: f64,
    ) -> Result<Found, SolveError> {
        let (lo, hi) = search.ends();
        let at = |x: f64| -> Result<Rc<Values>, SolveError> {
            Ok(self.values(&place.with(&place.text(decimal(x)))?)?)
        };
        let (low, high) = (at(lo)?, at(hi)?);
        let line = |corner: usize, x: f64| {
            let part = (x - lo) / (hi - lo);
            low.values[corner] + part * (high.values[corner] - low.values[corner])
        };
        let worst = |x: f64| {
            let values: Vec<f64> = (0..low.values.len()).map(|at| line(at, x)).collect();
            values[self.worst(&values)]
        };
        let allowed = search.near() + 1e-9 * (worst(hi) - worst(lo)).abs();
        let slack = 1e-12 * (hi - lo);
        let mut roots: Vec<f64> = (0..low.values.len())
            .map(|at| {
                let slope = high.values[at] - low.values[at];
                lo + (target - low.values[at]) * (hi - lo) / slope
            })
            .filter(|x| x.is_finite() && *x >= lo - slack && *x <= hi + slack)
            .map(|x| x.clamp(lo, hi))
            .filter(|x| (worst(*x) - target).abs() <= allowed)
            .collect();
        roots.sort_by(f64::total_cmp);
        roots.dedup_by(|b, a| (*b - *a).abs() <= 1e-9 * (hi - lo));
        let nearest = match place.now {
            Some(now) => roots
                .iter()
                .copied()
                .min_by(|a, b| (a - now).abs().total_cmp(&(b - now).abs())),
            None => roots.first().copied(),
        };
        let Some(x) = nearest else {
            return search.brent(target);
        };
        let off = (search.value_of(&search.written(x))? - target).abs();
        if off > allowed {
            let mut found = search.brent(target)?;
            found.notes.push(notes::curved(off));
            return Ok(found);
        }
        let notes = match roots.len() {
            0 | 1 => Vec::new(),
            count => vec![notes::several(count, true)],
        };
        Ok(Found {
            x,
            method: "affine",
            notes,
        })
    }

    /// Prices the answer once more with its Greeks and writes everything down.
    fn told(&self, money: Money, answer: Answer) -> Result<Quoted, QuoteError> {
        let Asked {
            side,
            unknown,
            charges,
            ..
        } = *self.asked;
        let found = self.values(&answer.sheet)?;
        let at_worst = self.worst(&found.values);
        let valuation = value(&answer.sheet, self.snapshot, self.calendars, &self.request)?;
        let corner = |at: usize| {
            let [vol, q, r] = self.points[at];
            Corner {
                vol,
                q,
                r,
                value: found.values[at],
            }
        };
        let worst = corner(at_worst);
        let extreme = |seen: fn(f64, f64) -> f64| found.values.iter().copied().reduce(seen);
        let middle = found.values[0];
        let lines = charges.lines().map(|(name, bp)| Charge {
            name,
            amount: bp * 1e-4 * money.notional,
        });
        let mut notes = answer.notes;
        notes.extend(found.notes.iter().cloned());
        notes.extend(valuation.notes);
        Ok(Quoted {
            terms: answer.sheet.to_value(),
            contract_hash: answer.sheet.hash(),
            unknown,
            solved: answer.solved,
            side,
            pays: money.pays,
            notional: money.notional,
            currency: valuation.currency,
            snapshot_id: self.snapshot.id().to_owned(),
            as_of: valuation.stamp.as_of,
            fair_value: middle,
            error_estimate: valuation.error_estimate,
            corners: (1..self.points.len()).map(corner).collect(),
            worst,
            shares: self.shares(&answer.sheet, middle, &worst)?,
            charges: lines.into(),
            bid: extreme(f64::min).unwrap_or(middle) - money.charges,
            offer: extreme(f64::max).unwrap_or(middle) + money.charges,
            edge: side.sign() * (worst.value - money.pays) - money.charges,
            desk: desk(&answer.sheet, self.snapshot, &valuation.greeks, None),
            greeks: valuation.greeks,
            model: self.request.config.kind.name(),
            engine: valuation.engine,
            why: valuation.why,
            notes,
        })
    }

    fn shares(&self, sheet: &TermSheet, middle: f64, worst: &Corner) -> Result<Shares, ValueError> {
        let Corner { vol, q, r, value } = *worst;
        if [vol, q, r] == MIDDLE {
            return Ok(Shares::default());
        }
        let way = [MIDDLE, [vol, 0.0, 0.0], [vol, q, 0.0]];
        let request = &self.request;
        let passed = values(sheet, self.snapshot, self.calendars, request, &way)?.values;
        Ok(Shares {
            vol: passed[1] - middle,
            q: passed[2] - passed[1],
            r: value - passed[2],
        })
    }
}
