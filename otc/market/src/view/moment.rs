//! The moment of valuation, on a contract's clocks.

use rialto_otc_contract::finding::Sink;
use rialto_otc_contract::plan::Plan;
use rialto_otc_time::{AsOf, Clock, Exchange};

use super::{Ground, place};
use crate::build::{Axis, TimeError};
use crate::marks::ClockMap;
use crate::model::Origin;

/// Where an underlying trades, by its code.
pub fn exchange(code: &str) -> Option<Exchange> {
    code.split_once(':')?.0.parse().ok()
}

/// Quotes must be of the moment of valuation: of its date, in any phase, or of its number of years.
pub fn same_moment(quoted: &AsOf, asked: &AsOf, sink: &Sink) -> bool {
    let same = match (quoted, asked) {
        (AsOf::Dated { date: a, .. }, AsOf::Dated { date: b, .. }) => a == b,
        (AsOf::Numeric(a), AsOf::Numeric(b)) => (a - b).abs() <= rialto_otc_time::TIME_TOLERANCE,
        _ => false,
    };
    if !same {
        sink.error(
            "E-MKT-ASOF",
            &place("/as_of"),
            format!(
                "The market is of {quoted}, the valuation of {asked}. Value as of the market's \
                 moment, or roll the market."
            ),
            format!("行情时点为 {quoted}，估值时点为 {asked}，二者须一致，或对行情做时间平移。"),
        );
    }
    same
}

/// The valuation moment on the contract's clocks.
pub fn origin(
    plan: &Plan<f64>,
    ground: &Ground<'_>,
    as_of: &AsOf,
    exchange: Option<Exchange>,
    sink: &Sink,
) -> Option<Origin> {
    // Not from the instants: a contract that has ended has none left, but may still pay.
    match (as_of, ground.start) {
        (AsOf::Numeric(years), None) => {
            let instants = plan
                .instants
                .iter()
                .map(|instant| (instant.at.variance, instant.at.rate));
            let clocks = ClockMap::new(instants);
            Some(Origin {
                variance: clocks.variance_at(*years),
                rate: *years,
            })
        }
        (AsOf::Dated { date, .. }, Some(start)) => {
            let zero = Origin {
                variance: 0.0,
                rate: 0.0,
            };
            let axis = Axis::new(as_of, ground.clocks, ground.calendars, exchange, zero);
            let clock = |clock: &Clock| clock.year_fraction(start, *date, ground.calendars);
            let elapsed = clock(&ground.clocks.variance)
                .and_then(|variance| Ok((variance, clock(&ground.clocks.rate)?)));
            let found = elapsed
                .map_err(TimeError::from)
                .and_then(|(variance, rate)| {
                    // What is left of today's session is still ahead.
                    let ahead = axis.to_date(*date)?.variance;
                    Ok(Origin {
                        variance: variance - ahead,
                        rate,
                    })
                });
            found
                .map_err(|error| {
                    let zh = "估值时点无法换算到合约时钟，请检查日历覆盖范围。";
                    sink.error(error.code(), &place("/as_of"), format!("{error}."), zh);
                })
                .ok()
        }
        _ => {
            sink.error(
                "E-ASOF-KIND",
                &place("/as_of"),
                format!(
                    "The as-of {as_of} does not fit the contract. Give a date for dated contracts \
                     and a number of years for numeric ones."
                ),
                format!("估值时点 {as_of} 与合约类型不符：日期合约须给日期，数值合约须给年数。"),
            );
            None
        }
    }
}
