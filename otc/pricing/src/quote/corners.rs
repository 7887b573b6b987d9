//! Values of one contract at the corners of the marks' spreads.

use rayon::prelude::*;
use rialto_otc_contract::note::Note;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::bump::{Bump, Which, Window};
use rialto_otc_market::model::Model;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::Calendars;
use serde::Serialize;

use super::Spreads;
use crate::engine::{Ask, Greeking, PriceError};
use crate::notes;
use crate::reason::Reason;
use crate::select;
use crate::valuation::{Prepared, Request, ValueError, prepare};

/// The value with the marks moved by their half-spreads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Corner {
    /// Volatility is moved by this, per 1.00.
    pub vol: f64,
    /// Carry is moved by this, per 1.00.
    pub q: f64,
    /// The rate is moved by this, per 1.00.
    pub r: f64,
    /// Value to the holder, currency units.
    pub value: f64,
}

/// How far volatility, carry and rate are moved.
pub(super) type Point = [f64; 3];

/// The middle of the marks, which is always looked at first: without it, a value with a peak there
/// would be better for the house than its fair value.
pub(super) const MIDDLE: Point = [0.0; 3];

/// The middle, then every corner. A spread of nothing has one side only.
pub(super) fn points(spreads: &Spreads) -> Vec<Point> {
    let sides = |half: f64| match half > 0.0 {
        true => vec![-half, half],
        false => vec![0.0],
    };
    let mut points = vec![MIDDLE];
    for vol in sides(spreads.vol) {
        for q in sides(spreads.q) {
            for r in sides(spreads.r) {
                if [vol, q, r] != MIDDLE {
                    points.push([vol, q, r]);
                }
            }
        }
    }
    points
}

/// Values at points, with the engine of the first and notes where another had to be taken.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Values {
    pub(super) values: Vec<f64>,
    pub(super) notes: Vec<Note>,
}

/// Values a sheet at points. Where the engine is chosen and not named, all points take the engine
/// of the first, so that differences between them are differences of markets.
pub(super) fn values(
    sheet: &TermSheet,
    snapshot: &Snapshot,
    calendars: &Calendars,
    request: &Request,
    points: &[Point],
) -> Result<Values, ValueError> {
    let prepared = prepare(sheet, snapshot, calendars, request.as_of, &request.config)?;
    if prepared.plan.instants.is_empty() {
        return Err(PriceError::Refused {
            engine: "quote",
            reason: Reason::new(
                "nothing of the contract is left to be observed",
                "合约没有剩余观察",
            ),
        }
        .into());
    }
    let ask = Ask {
        greeks: Greeking::None,
        ..prepared.ask(request)
    };
    let Some((first, others)) = points.split_first() else {
        return Ok(Values {
            values: Vec::new(),
            notes: Vec::new(),
        });
    };
    let named = request.engine.as_deref();
    let at_first = at(&prepared, &ask, *first, named, None)?;
    let rest: Vec<Result<Found, ValueError>> = others
        .par_iter()
        .map(|point| at(&prepared, &ask, *point, named, Some(at_first.engine)))
        .collect();
    let mut found = Values {
        values: vec![at_first.value],
        notes: Vec::new(),
    };
    for (point, one) in others.iter().zip(rest) {
        let one = one?;
        if one.engine != at_first.engine {
            let note = notes::other_engine(at_first.engine, point, one.engine);
            found.notes.push(note);
        }
        found.values.push(one.value);
    }
    Ok(found)
}

struct Found {
    value: f64,
    engine: &'static str,
}

fn at(
    prepared: &Prepared,
    ask: &Ask,
    point: Point,
    named: Option<&str>,
    like: Option<&'static str>,
) -> Result<Found, ValueError> {
    let moved = Prepared {
        model: moved(&prepared.model, point)
            .map_err(|error| PriceError::Model(error.to_string()))?,
        ..prepared.clone()
    };
    let price = |engine: Option<&str>| select::price(&moved.plan, &moved.model, ask, engine);
    let chosen = match (named, like) {
        (Some(_), _) | (None, None) => price(named)?,
        (None, Some(like)) => match price(Some(like)) {
            Err(PriceError::Refused { .. }) => price(None)?,
            other => other?,
        },
    };
    Ok(Found {
        value: chosen.priced.value + moved.determined().0,
        engine: chosen.engine,
    })
}

fn moved(model: &Model, [vol, q, r]: Point) -> Result<Model, rialto_otc_market::bump::BumpError> {
    let window = Window::PARALLEL;
    let of = Which::All;
    let mut bumps = Vec::with_capacity(3);
    if vol != 0.0 {
        bumps.push(Bump::Vol {
            of: of.clone(),
            by: vol,
            window,
        });
    }
    if q != 0.0 {
        bumps.push(Bump::Carry { of, by: q, window });
    }
    if r != 0.0 {
        bumps.push(Bump::Rate { by: r, window });
    }
    model.bumped_by(&bumps)
}
