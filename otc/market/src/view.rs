//! What a contract sees of a snapshot: quotes by tenor and date turned to its clocks.

mod dynamics;
mod moment;

use rialto_otc_contract::finding::{Findings, Place, Sink};
use rialto_otc_contract::plan::Plan;
use rialto_otc_time::{AsOf, Calendars, Clocks, Date};
use serde::{Deserialize, Serialize};

use crate::build::{self, Axis, BuildError, CarryPoint};
use crate::bump::{Bump, Scenario};
use crate::correlation::Correlation;
use crate::curve::Curve;
use crate::marks::{ClockMap, Forward, Quanto};
use crate::model::{Dynamics, Model, Name, Origin};
use crate::snapshot::{Pillar, Snapshot, UnderlyingQuotes, VolQuotes, float};
use moment::{exchange, origin, same_moment};

/// How the market of a contract is modelled.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Which model.
    pub kind: ModelKind,
}

/// A model.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// The model an underlying's quotes name, and where they name none geometric Brownian motion:
    /// with the volatility of its strike for a vanilla option, with that of the forward for anything
    /// else, which a notice tells where a smile is quoted.
    #[default]
    Quoted,
    /// Geometric Brownian motion from the volatility quotes.
    Gbm {
        /// Where the volatility is read.
        vol: VolAt,
    },
    /// Local volatility: the quoted grid or CEV when there is one, else Dupire's.
    LocalVol,
    /// Heston with the quoted parameters.
    Heston,
}

impl ModelKind {
    /// Names of the models that can be asked for.
    pub const NAMES: [&str; 4] = ["quoted", "gbm", "local_vol", "heston"];

    /// The model of a name, `gbm` with the volatility of the forward.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "quoted" => Self::Quoted,
            "gbm" => Self::Gbm {
                vol: VolAt::AtmForward,
            },
            "local_vol" => Self::LocalVol,
            "heston" => Self::Heston,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quoted => "quoted",
            Self::Gbm { .. } => "gbm",
            Self::LocalVol => "local_vol",
            Self::Heston => "heston",
        }
    }
}

/// Where on a smile the one volatility of a geometric Brownian motion is read.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolAt {
    /// At the forward of each tenor.
    #[default]
    AtmForward,
    /// At one price; contracts on one underlying.
    AtStrike(f64),
}

/// Where a contract stands in time.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Its clocks.
    pub clocks: &'a Clocks,
    /// Sessions they count.
    pub calendars: &'a Calendars,
    /// Its start, where its clocks are 0; `None` in numeric contracts.
    pub start: Option<Date>,
}

/// A model and what should be known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Viewed {
    /// What engines see.
    pub model: Model,
    /// Approximations, repairs and floors in force.
    pub notices: Findings,
    /// For each underlying the pillars of its carry, quoted or implied and marked.
    pub carries: Vec<Vec<CarryPoint>>,
}

/// The model of a contract at the moment of a valuation.
///
/// Of a plan without instants, a contract that has ended, only the discount curve is needed: names
/// are as far as they are quoted.
///
/// # Errors
/// All findings at once: an as-of other than the snapshot's, a missing underlying, curve,
/// volatility or correlation, dates the calendars do not cover.
pub fn model(
    snapshot: &Snapshot,
    plan: &Plan<f64>,
    ground: &Ground<'_>,
    as_of: &AsOf,
    config: &ModelConfig,
) -> Result<Viewed, Findings> {
    let sink = Sink::default();
    let viewed = View::new(snapshot, plan, ground, as_of, config, &sink).and_then(View::run);
    let findings = sink.into_findings();
    match viewed {
        Some((model, carries)) if !findings.has_errors() => Ok(Viewed {
            model,
            notices: findings,
            carries,
        }),
        _ => Err(findings),
    }
}

/// The model of a contract under a scenario: the snapshot's, moved.
///
/// # Errors
/// As [`model`]; `E-BUMP-…` when the market cannot be moved so.
pub fn scenario(
    snapshot: &Snapshot,
    plan: &Plan<f64>,
    ground: &Ground<'_>,
    as_of: &AsOf,
    config: &ModelConfig,
    scenario: &Scenario,
) -> Result<Viewed, Findings> {
    let mut viewed = model(snapshot, plan, ground, as_of, config)?;
    let sink = Sink::default();
    let mut bumps = scenario.bumps.clone();
    if let Some(to) = &scenario.roll_to {
        let exchange = plan
            .underlyings
            .first()
            .and_then(|name| exchange(&name.code));
        let Some(then) = origin(plan, ground, to, exchange, &sink) else {
            return Err(sink.into_findings());
        };
        let now = viewed.model.as_of;
        bumps.push(Bump::Roll {
            variance: then.variance - now.variance,
            rate: then.rate - now.rate,
        });
    }
    match viewed.model.bumped_by(&bumps) {
        Ok(model) => viewed.model = model,
        Err(error) => {
            let text = error.to_string();
            let (code, en) = text.split_once(": ").unwrap_or(("", &text));
            sink.error(
                error.code(),
                &place("/scenario"),
                format!("{en}."),
                error.zh(),
            );
            debug_assert_eq!(code, error.code());
            return Err(sink.into_findings());
        }
    }
    Ok(viewed)
}

struct View<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan<f64>,
    config: &'a ModelConfig,
    axis: Axis<'a>,
    origin: Origin,
    sink: &'a Sink,
}

fn place(pointer: impl Into<String>) -> Place {
    Place {
        pointer: pointer.into(),
        ..Place::default()
    }
}

impl<'a> View<'a> {
    fn new(
        snapshot: &'a Snapshot,
        plan: &'a Plan<f64>,
        ground: &Ground<'a>,
        as_of: &'a AsOf,
        config: &'a ModelConfig,
        sink: &'a Sink,
    ) -> Option<Self> {
        if !same_moment(snapshot.as_of(), as_of, sink) {
            return None;
        }
        if let Some(version) = snapshot.calendars()
            && version != ground.calendars.version()
        {
            let ours = ground.calendars.version();
            sink.notice(
                "N-MKT-CALENDARS",
                &place("/calendars"),
                format!("The snapshot was made under calendars {version}, these are {ours}."),
                format!("行情快照所用日历为 {version}，当前为 {ours}。"),
            );
        }
        let exchange = plan
            .underlyings
            .first()
            .and_then(|underlying| exchange(&underlying.code));
        let origin = origin(plan, ground, as_of, exchange, sink)?;
        let axis = Axis::new(as_of, ground.clocks, ground.calendars, exchange, origin);
        Some(Self {
            snapshot,
            plan,
            config,
            axis,
            origin,
            sink,
        })
    }

    fn run(self) -> Option<(Model, Vec<Vec<CarryPoint>>)> {
        let discount = self.discount(&self.plan.currency);
        let clock = self.clock();
        let names: Vec<Option<(Name, Vec<CarryPoint>)>> = self
            .plan
            .underlyings
            .iter()
            .map(|underlying| {
                let code = &underlying.code;
                match self.plan.instants.is_empty() {
                    true => Some(self.still(code, underlying.initial, discount.as_ref(), &clock)),
                    false => self.name(code, discount.as_ref(), &clock),
                }
            })
            .collect();
        let correlation = match self.plan.instants.is_empty() {
            true => Some(self.uncorrelated()),
            false => self.correlation(),
        };
        let names: Vec<_> = names.into_iter().collect::<Option<_>>()?;
        let (names, carries) = names.into_iter().unzip();
        let (as_of, discount) = (self.origin, discount?);
        Some((
            Model {
                as_of,
                discount,
                names,
                correlation: correlation?,
            },
            carries,
        ))
    }

    /// A name of a contract that looks at it no more, as far as the market quotes it: the value of
    /// determined flows needs the discount curve alone, so nothing that is missing here is wrong.
    fn still(
        &self,
        code: &str,
        initial: f64,
        discount: Option<&Curve>,
        clock: &ClockMap,
    ) -> (Name, Vec<CarryPoint>) {
        let quiet = Sink::default();
        let view = View {
            sink: &quiet,
            ..*self
        };
        if let Some(found) = view.name(code, discount, clock) {
            return found;
        }
        let quoted = self.snapshot.underlying(code);
        let spot = quoted.map_or(initial, |quotes| float(quotes.spot));
        let variance = Curve::flat(0.0);
        let name = Name::new(code, spot, Curve::flat(0.0), Dynamics::Gbm { variance });
        (name, Vec::new())
    }

    /// No correlation at all.
    fn uncorrelated(&self) -> Vec<f64> {
        let n = self.plan.underlyings.len();
        let cell = |at| if at / n == at % n { 1.0 } else { 0.0 };
        (0..n * n).map(cell).collect()
    }

    fn error(&self, code: &'static str, pointer: &str, en: String, zh: String) {
        self.sink.error(code, &place(pointer), en, zh);
    }

    /// What a builder answers, or its finding.
    fn told<T>(&self, pointer: &str, built: Result<T, BuildError>) -> Option<T> {
        match built {
            Ok(built) => Some(built),
            Err(BuildError::Empty) => {
                self.error(
                    "E-MKT-EMPTY",
                    pointer,
                    "Nothing here lies after the as-of on the contract's clock. Quote later tenors."
                        .into(),
                    "在合约时钟上没有晚于估值时点的数据，请提供更长期限。".into(),
                );
                None
            }
            Err(BuildError::Time(pillar, error)) => {
                self.error(
                    error.code(),
                    pointer,
                    format!("{pillar}: {error}."),
                    format!("{pillar} 无法换算到合约时钟，请检查日历覆盖范围与期限。"),
                );
                None
            }
        }
    }

    fn discount(&self, currency: &str) -> Option<Curve> {
        let pointer = format!("/discount/{currency}");
        let Some(rates) = self.snapshot.discount(currency) else {
            self.error(
                "E-MKT-DISCOUNT-MISSING",
                &pointer,
                format!("The market has no discount curve of {currency}. Add one."),
                format!("行情缺少 {currency} 的贴现曲线，请补充。"),
            );
            return None;
        };
        self.told(&pointer, build::rate_curve(rates, &self.axis))
    }

    /// Moments of the contract and its market after the as-of, on both clocks.
    fn clock(&self) -> ClockMap {
        let now = self.origin;
        let instants = self.plan.instants.iter().map(|instant| instant.at);
        let instants = instants.map(|at| (at.variance - now.variance, at.rate - now.rate));
        let quotes = self.plan.underlyings.iter();
        let quotes = quotes.filter_map(|name| self.snapshot.underlying(&name.code)?.vol.as_ref());
        let tenors = quotes.flat_map(VolQuotes::tenors).copied();
        let common = ["1m", "3m", "6m", "1y", "2y", "3y", "5y"].into_iter();
        let common = common.filter_map(|tenor| Some(Pillar::Tenor(tenor.parse().ok()?)));
        // What has no place on the clocks is told where it is needed.
        let tenors = tenors
            .chain(common)
            .filter_map(|pillar| self.axis.to(&pillar).ok());
        ClockMap::new(instants.chain(tenors.map(|span| (span.variance, span.rate))))
    }

    fn horizon(&self) -> f64 {
        let last = self
            .plan
            .instants
            .last()
            .map_or(0.0, |instant| instant.at.variance);
        (last - self.origin.variance).max(1.0 / 365.0)
    }

    fn name(
        &self,
        code: &str,
        discount: Option<&Curve>,
        clock: &ClockMap,
    ) -> Option<(Name, Vec<CarryPoint>)> {
        let pointer = format!("/underlyings/{code}");
        let Some(quotes) = self.snapshot.underlying(code) else {
            let known: Vec<&str> = self.snapshot.codes().collect();
            let known = known.join(", ");
            self.error(
                "E-MKT-UNDERLYING-MISSING",
                &pointer,
                format!("The market does not quote {code}; it quotes: {known}. Add it."),
                format!("行情中没有标的 {code}，现有：{known}。请补充。"),
            );
            return None;
        };
        self.tell_missing(code, quotes);
        let currency = quotes.currency.as_deref().unwrap_or(&self.plan.currency);
        let foreign = currency != self.plan.currency;
        let own_discount = if foreign {
            self.discount(currency)
        } else {
            discount.cloned()
        };
        let (carry, points) = self.carry(quotes, &pointer, own_discount.as_ref()?)?;
        let dividends = build::dividends(&quotes.dividends, &self.axis);
        let dividends = self.told(&format!("{pointer}/dividends"), dividends)?;
        let spot = float(quotes.spot);
        let forward = Forward {
            spot,
            discount: own_discount?,
            carry,
            dividends,
        };
        if !forward.log_at(clock.rate_at(self.horizon())).is_finite() {
            self.error(
                "E-MKT-DIVIDEND",
                &format!("{pointer}/dividends"),
                "Cash dividends exceed the forward price before the contract ends. Correct them."
                    .into(),
                "合约到期前现金分红合计超过远期价格，请更正。".into(),
            );
            return None;
        }
        let quanto = if foreign {
            Some(self.quanto(code, currency)?)
        } else {
            None
        };
        let name = self.dynamics(code, quotes, forward, quanto, clock, discount?)?;
        Some((name, points))
    }

    /// What an underlying lacks, told before anything is built.
    fn tell_missing(&self, code: &str, quotes: &UnderlyingQuotes) {
        if quotes.q.is_none() {
            self.error(
                "E-MKT-CARRY-MISSING",
                &format!("/underlyings/{code}/q"),
                format!(
                    "{code} has no q. Give a rate, a curve or the futures it follows from; for a \
                     futures price q equals r."
                ),
                format!("{code} 缺少 q，请给出利率、曲线或期货报价；若标的为期货，q 等于 r。"),
            );
        }
        if quotes.vol.is_none() && self.needs_vol(quotes) {
            self.error(
                "E-MKT-VOL-MISSING",
                &format!("/underlyings/{code}/vol"),
                format!("{code} has no volatility. Quote one."),
                format!("{code} 缺少波动率，请补充。"),
            );
        }
    }

    fn carry(
        &self,
        quotes: &UnderlyingQuotes,
        pointer: &str,
        discount: &Curve,
    ) -> Option<(Curve, Vec<CarryPoint>)> {
        let carry = quotes.q.as_ref()?;
        let built = build::carry_curve(carry, float(quotes.spot), discount, &self.axis);
        self.told(&format!("{pointer}/q"), built)
    }

    fn quanto(&self, code: &str, currency: &str) -> Option<Quanto> {
        let pair = format!("{currency}{}", self.plan.currency);
        let (fx, rho) = (
            self.snapshot.fx(&pair),
            self.snapshot.correlation(code, &pair),
        );
        if fx.is_none() {
            self.error(
                "E-MKT-QUANTO-FX",
                &format!("/fx/{pair}"),
                format!(
                    "{code} is in {currency}, the contract pays {}: give the volatility of {pair}.",
                    self.plan.currency
                ),
                format!(
                    "{code} 以 {currency} 计价而合约以 {} 支付，请给出 {pair} 的波动率。",
                    self.plan.currency
                ),
            );
        }
        if rho.is_none() {
            self.error(
                "E-MKT-QUANTO-CORRELATION",
                "/correlation",
                format!("The contract is quanto: give the correlation of {code} and {pair}."),
                format!("该合约为 quanto，请给出 {code} 与 {pair} 的相关系数。"),
            );
        }
        let variance = build::variance_curve(&fx?.vol, &self.axis);
        let fx_variance = self.told(&format!("/fx/{pair}/vol"), variance)?;
        Some(Quanto {
            correlation: float(rho?),
            fx_variance,
        })
    }

    fn correlation(&self) -> Option<Vec<f64>> {
        let codes: Vec<&str> = self
            .plan
            .underlyings
            .iter()
            .map(|name| name.code.as_str())
            .collect();
        let n = codes.len();
        let mut values = vec![1.0; n * n];
        let mut complete = true;
        for i in 0..n {
            for j in 0..i {
                let (a, b) = (codes[i], codes[j]);
                let Some(rho) = self.snapshot.correlation(a, b) else {
                    complete = false;
                    if [a, b]
                        .iter()
                        .any(|code| self.snapshot.underlying(code).is_none())
                    {
                        continue;
                    }
                    self.error(
                        "E-MKT-CORRELATION-MISSING",
                        "/correlation",
                        format!("The market has no correlation of {b} and {a}. Add it."),
                        format!("行情缺少 {b} 与 {a} 的相关系数，请补充。"),
                    );
                    continue;
                };
                (values[i * n + j], values[j * n + i]) = (float(rho), float(rho));
            }
        }
        if !complete {
            return None;
        }
        self.positive(Correlation::new(n, values))
    }

    fn positive(
        &self,
        matrix: Result<Correlation, crate::correlation::CorrelationError>,
    ) -> Option<Vec<f64>> {
        let repair = self.snapshot.repairs_correlation();
        let done = matrix.and_then(|matrix| {
            if repair {
                matrix.repaired()
            } else {
                matrix.positive().map(|matrix| (matrix, 0.0))
            }
        });
        match done {
            Ok((matrix, distance)) => {
                if distance > 0.0 {
                    self.sink.notice(
                        "N-MKT-CORRELATION-REPAIRED",
                        &place("/correlation"),
                        format!("The correlations were replaced by the nearest possible ones, {distance:.6} away (Frobenius)."),
                        format!("相关矩阵已替换为最近的半正定矩阵，Frobenius 距离 {distance:.6}。"),
                    );
                }
                Some(matrix.values().to_vec())
            }
            Err(error) => {
                self.error(
                    "E-MKT-CORRELATION-PSD",
                    "/correlation",
                    format!("{error}."),
                    "相关矩阵不是半正定矩阵，请更正或写 \"repair\": true。".into(),
                );
                None
            }
        }
    }
}
