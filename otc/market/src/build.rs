//! From quotes to curves and surfaces on a contract's clocks.

use std::fmt;

use rialto_otc_time::{
    AsOf, AsOfError, CalendarError, Calendars, Clock, ClockError, Clocks, Date, DateError,
    Exchange, NightEnd,
};
use rust_decimal::Decimal;

use crate::curve::Curve;
use crate::marks::Forward;
use crate::model::{Dividend, Origin};
use crate::snapshot::{Carry, CarryQuotes, DividendQuote, Pillar, Rates, VolQuotes, float};
use crate::vol::spline::Spline;
use crate::vol::{Slice, Smile, Smiles, Ssvi, Surface, Svi};

/// Times closer than this are one, years.
const SAME: f64 = 1e-9;

/// Why a quote has no place on the clocks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TimeError {
    /// A clock or calendar has no answer.
    #[error(transparent)]
    AsOf(#[from] AsOfError),
    /// The same.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A date out of range.
    #[error(transparent)]
    Date(#[from] DateError),
    /// A calendar that does not cover a date.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A tenor or date in a numeric market, or years in a dated one.
    #[error(
        "{0} does not fit the as-of: dates and tenors go with a dated as-of, years with a numeric one"
    )]
    Kind(String),
}

impl TimeError {
    /// Code of the finding it becomes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AsOf(error) => error.code(),
            Self::Clock(error) => error.code(),
            Self::Date(error) => error.code(),
            Self::Calendar(error) => error.code(),
            Self::Kind(_) => "E-MKT-PILLAR-KIND",
        }
    }
}

/// Why quotes give no curve or surface.
#[derive(Debug, Clone, PartialEq)]
pub enum BuildError {
    /// A pillar has no place on the clocks.
    Time(Pillar, TimeError),
    /// Nothing lies after the as-of on the contract's clock.
    Empty,
}

/// A time after the valuation moment on both clocks, years.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Variance clock.
    pub variance: f64,
    /// Rate clock.
    pub rate: f64,
}

/// The clocks of a contract, seen from the moment of valuation.
#[derive(Debug, Clone, Copy)]
pub struct Axis<'a> {
    as_of: &'a AsOf,
    clocks: &'a Clocks,
    calendars: &'a Calendars,
    exchange: Option<Exchange>,
    now: Origin,
}

impl<'a> Axis<'a> {
    /// `now` is the as-of on the contract's clocks (used by numeric markets); `exchange` is where
    /// the underlyings trade when the variance clock does not say.
    #[must_use]
    pub fn new(
        as_of: &'a AsOf,
        clocks: &'a Clocks,
        calendars: &'a Calendars,
        exchange: Option<Exchange>,
        now: Origin,
    ) -> Self {
        let exchange = clocks.variance.exchange().or(exchange);
        Self {
            as_of,
            clocks,
            calendars,
            exchange,
            now,
        }
    }

    /// Time from the valuation moment to a date.
    ///
    /// # Errors
    /// [`TimeError`] when a calendar does not cover it, or the as-of is numeric.
    pub fn to_date(&self, to: Date) -> Result<Span, TimeError> {
        let AsOf::Dated { date, .. } = self.as_of else {
            return Err(TimeError::Kind(to.to_string()));
        };
        let variance = match self.exchange {
            Some(exchange) => {
                let (clock, night) = (&self.clocks.variance, NightEnd::of(exchange));
                self.as_of
                    .variance_time(to, clock, exchange, night, self.calendars)?
            }
            None => self
                .clocks
                .variance
                .year_fraction(*date, to, self.calendars)?,
        };
        Ok(Span {
            variance,
            rate: self.clocks.rate.year_fraction(*date, to, self.calendars)?,
        })
    }

    /// Time from the valuation moment to a pillar.
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn to(&self, pillar: &Pillar) -> Result<Span, TimeError> {
        match (pillar, self.as_of) {
            (Pillar::Date(date), AsOf::Dated { .. }) => self.to_date(*date),
            (Pillar::Tenor(tenor), AsOf::Dated { date, .. }) => {
                self.to_date(tenor.after(*date, 1)?)
            }
            (Pillar::Years(years), AsOf::Numeric(_)) => {
                let years = float(*years);
                Ok(Span {
                    variance: years - self.now.variance,
                    rate: years - self.now.rate,
                })
            }
            _ => Err(TimeError::Kind(pillar.to_string())),
        }
    }

    fn place(&self, pillar: &Pillar) -> Result<Span, BuildError> {
        self.to(pillar)
            .map_err(|error| BuildError::Time(*pillar, error))
    }
}

/// Clocks of calendar days, for looks at a market without a contract.
pub const CALENDAR_DAYS: Clocks = Clocks {
    variance: Clock::Act365,
    rate: Clock::Act365,
    coupon: Clock::Act365,
};

/// Curve of rates on the rate clock.
///
/// # Errors
/// [`BuildError`].
pub fn rate_curve(rates: &Rates, axis: &Axis<'_>) -> Result<Curve, BuildError> {
    curve(rates, axis, |span| span.rate, |rate| rate)
}

/// Curve of variance rates σ² on the variance clock, from volatilities.
///
/// # Errors
/// [`BuildError`].
pub fn variance_curve(vols: &Rates, axis: &Axis<'_>) -> Result<Curve, BuildError> {
    curve(vols, axis, |span| span.variance, |vol| vol * vol)
}

fn curve(
    rates: &Rates,
    axis: &Axis<'_>,
    clock: impl Fn(Span) -> f64,
    change: impl Fn(f64) -> f64,
) -> Result<Curve, BuildError> {
    match rates {
        Rates::Flat(rate) => Ok(Curve::flat(change(float(*rate)))),
        Rates::Zero(points) => {
            let mut knots = Vec::with_capacity(points.len());
            for (pillar, rate) in points {
                let time = clock(axis.place(pillar)?);
                add(&mut knots, time, change(float(*rate)) * time);
            }
            through(&knots)
        }
        Rates::Forward(pieces) => {
            let (mut ends, mut last) = (Vec::with_capacity(pieces.len()), 0.0);
            for (end, rate) in pieces {
                last = change(float(*rate));
                if let Some(end) = end {
                    add(&mut ends, clock(axis.place(end)?), last);
                }
            }
            let curve = if ends.is_empty() {
                Curve::flat(last)
            } else {
                Curve::pieces(&ends)
            };
            Ok(curve.with_last(last))
        }
    }
}

/// Adds a knot after 0 and after the others; one at the same time replaces the last.
fn add(knots: &mut Vec<(f64, f64)>, time: f64, value: f64) {
    if time <= SAME {
        return;
    }
    match knots.last_mut() {
        Some(last) if time - last.0 <= SAME => *last = (time, value),
        _ => knots.push((time, value)),
    }
}

fn through(knots: &[(f64, f64)]) -> Result<Curve, BuildError> {
    if knots.is_empty() {
        Err(BuildError::Empty)
    } else {
        Ok(Curve::from_integrals(knots))
    }
}

/// One pillar of a carry curve: what was quoted or implied, and what the trader marked over it.
#[derive(Debug, Clone, PartialEq)]
pub struct CarryPoint {
    /// Future's code or tenor.
    pub label: String,
    /// Rate clock, years from the valuation moment.
    pub time: f64,
    /// Zero carry quoted or implied by the future, per year.
    pub implied: Option<f64>,
    /// Zero carry marked by the trader, which stands.
    pub marked: Option<f64>,
}

impl CarryPoint {
    /// The zero carry that stands.
    #[must_use]
    pub fn used(&self) -> f64 {
        self.marked.or(self.implied).unwrap_or(0.0)
    }
}

/// Carry curve and its pillars. From futures `q(T) T = r(T) T − ln(F_T/S)`; linear in `q T` between
/// pillars, flat forward beyond the last. `discount` is that of the underlying's currency.
///
/// # Errors
/// [`BuildError`].
pub fn carry_curve(
    carry: &Carry,
    spot: f64,
    discount: &Curve,
    axis: &Axis<'_>,
) -> Result<(Curve, Vec<CarryPoint>), BuildError> {
    let mut points = match &carry.quoted {
        CarryQuotes::Rates(Rates::Zero(zero)) => zero_points(zero, axis)?,
        // Marks go with zero rates and futures alone; reading refuses them elsewhere.
        CarryQuotes::Rates(rates) => return Ok((rate_curve(rates, axis)?, Vec::new())),
        CarryQuotes::Futures(strip) => {
            let mut points = Vec::with_capacity(strip.len());
            for future in strip {
                let time = axis.place(&future.expiry)?.rate;
                let total = discount.integral_to(time) - (float(future.price) / spot).ln();
                let implied = Some(total / time);
                let label = future.code.clone();
                points.push(CarryPoint {
                    label,
                    time,
                    implied,
                    marked: None,
                });
            }
            points
        }
    };
    for (pillar, rate) in &carry.marked {
        let (time, rate) = (axis.place(pillar)?.rate, Some(float(*rate)));
        match points
            .iter_mut()
            .find(|point| (point.time - time).abs() <= SAME)
        {
            Some(point) => point.marked = rate,
            None => {
                let label = pillar.to_string();
                points.push(CarryPoint {
                    label,
                    time,
                    implied: None,
                    marked: rate,
                });
            }
        }
    }
    points.retain(|point| point.time > SAME);
    points.sort_by(|a, b| a.time.total_cmp(&b.time));
    let mut knots = Vec::with_capacity(points.len());
    for point in &points {
        add(&mut knots, point.time, point.used() * point.time);
    }
    Ok((through(&knots)?, points))
}

fn zero_points(zero: &[(Pillar, Decimal)], axis: &Axis<'_>) -> Result<Vec<CarryPoint>, BuildError> {
    zero.iter()
        .map(|(pillar, rate)| {
            let time = axis.place(pillar)?.rate;
            let implied = Some(float(*rate));
            Ok(CarryPoint {
                label: pillar.to_string(),
                time,
                implied,
                marked: None,
            })
        })
        .collect()
}

/// Discrete dividends after the valuation moment.
///
/// # Errors
/// [`BuildError`].
pub fn dividends(quotes: &[DividendQuote], axis: &Axis<'_>) -> Result<Vec<Dividend>, BuildError> {
    let mut all = Vec::with_capacity(quotes.len());
    for quote in quotes {
        let span = axis.place(&quote.ex)?;
        let (cash, proportional) = (float(quote.cash), float(quote.proportional));
        if span.rate > 0.0 {
            all.push(Dividend {
                variance: span.variance,
                rate: span.rate,
                cash,
                proportional,
            });
        }
    }
    Ok(all)
}

/// A slice and the pillar it was quoted at.
pub type QuotedSlice = (Pillar, Slice);

/// Slices of quotes with smiles; `None` for volatilities without. Strikes are taken to `k` with
/// `forward`. Slices with no variance time left are dropped.
///
/// # Errors
/// [`BuildError`].
pub fn slices(
    quotes: &VolQuotes,
    forward: &Forward,
    axis: &Axis<'_>,
) -> Result<Option<Vec<QuotedSlice>>, BuildError> {
    let mut all: Vec<QuotedSlice> = Vec::new();
    let mut push = |pillar: &Pillar, smile: &dyn Fn(Span) -> Smile| -> Result<(), BuildError> {
        let span = axis.place(pillar)?;
        if span.variance <= SAME || span.rate <= SAME {
            return Ok(());
        }
        if all
            .last()
            .is_some_and(|(_, last)| span.variance - last.time <= SAME)
        {
            all.pop();
        }
        all.push((
            *pillar,
            Slice {
                time: span.variance,
                smile: smile(span),
            },
        ));
        Ok(())
    };
    match quotes {
        VolQuotes::Rates(_) => return Ok(None),
        VolQuotes::Svi(slices) => {
            for (pillar, all) in slices {
                let [a, b, rho, m, s] = all.map(float);
                push(pillar, &|_| Smile::Svi(Svi { a, b, rho, m, s }))?;
            }
        }
        VolQuotes::Ssvi {
            rho,
            eta,
            gamma,
            theta,
        } => {
            let ssvi = Ssvi {
                rho: float(*rho),
                eta: float(*eta),
                gamma: float(*gamma),
            };
            for (pillar, theta) in theta {
                push(pillar, &|_| Smile::Svi(ssvi.slice(float(*theta))))?;
            }
        }
        VolQuotes::Grid {
            strikes,
            tenors,
            vols,
        } => {
            for (pillar, row) in tenors.iter().zip(vols) {
                push(pillar, &|span| {
                    let log_forward = forward.log_at(span.rate);
                    let points: Vec<(f64, f64)> = strikes
                        .iter()
                        .zip(row)
                        .map(|(strike, vol)| {
                            let vol = float(*vol);
                            (float(*strike).ln() - log_forward, vol * vol * span.variance)
                        })
                        .collect();
                    Smile::Quotes(Spline::new(&points))
                })?;
            }
        }
    }
    if all.is_empty() {
        Err(BuildError::Empty)
    } else {
        Ok(Some(all))
    }
}

/// The surface of volatility quotes.
///
/// # Errors
/// [`BuildError`].
pub fn surface(
    quotes: &VolQuotes,
    forward: &Forward,
    axis: &Axis<'_>,
) -> Result<Surface, BuildError> {
    if let VolQuotes::Rates(rates) = quotes {
        return variance_curve(rates, axis).map(Surface::Term);
    }
    let slices = slices(quotes, forward, axis)?.unwrap_or_default();
    Ok(Surface::Smiles(Smiles::new(
        slices.into_iter().map(|(_, slice)| slice).collect(),
    )))
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(pillar, error) => write!(f, "{pillar}: {error}"),
            Self::Empty => f.write_str("nothing lies after the as-of on the contract's clock"),
        }
    }
}

impl std::error::Error for BuildError {}
