//! Schedules of a contract: how they are written, and their rows on the three clocks.

use std::collections::BTreeMap;

use rialto_otc_time::{
    Calendars, Clock, Clocks, Date, DatedRow, Exchange, Freq, NumericRows, PaymentRule, Roll, Rows,
    RuleSpec, ScheduleContext, Severity as TimeSeverity, Status,
};
use rust_decimal::Decimal;
use serde::Deserialize as _;

use crate::document::{Node, Value};
use crate::plan::Moment;
use crate::reader::{Field, nearest};
use crate::templates::Usual;
use crate::value;
use crate::written::Written;

/// Most rows of one schedule of a contract.
pub const MAX_ROWS: usize = 100_000;

/// How a schedule is written.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleSpec {
    /// Every session after the start, or every point of the contract's grid.
    Daily,
    /// The end alone.
    End,
    /// Listed or generated.
    Written(rialto_otc_time::ScheduleSpec),
}

/// One observation of a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// When it is observed.
    pub at: Moment,
    /// When its money moves.
    pub pay: Moment,
    /// The date before it was rolled; `None` in numeric contracts.
    pub unadjusted: Option<Date>,
    /// Whether it falls where sessions are only projected.
    pub projected: bool,
    /// Coupon clock from accrual start to the observation.
    pub accrued: Accrued,
}

/// Years of the coupon clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accrued {
    /// Exactly: a numerator and a denominator.
    Fraction(Decimal, Decimal),
    /// As a binary number, to be read as it is written shortest.
    Years(f64),
}

impl Accrued {
    /// Numerator and denominator. Most rows of a schedule pay no coupon, so this is found when asked.
    #[must_use]
    pub fn fraction(self) -> (Decimal, Decimal) {
        match self {
            Self::Fraction(above, below) => (above, below),
            Self::Years(years) => plain(years),
        }
    }
}

/// From when to when a contract runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Term {
    /// On dates.
    Dated {
        /// Start; itself not observed.
        start: Date,
        /// End, as written.
        end: Date,
        /// End, rolled to a session.
        last: Date,
    },
    /// In years from the start.
    Numeric {
        /// End on each clock.
        end: Moment,
    },
}

/// Resolves the schedules of one contract.
#[derive(Debug)]
pub struct Resolver<'a> {
    /// Sessions of all exchanges.
    pub calendars: &'a Calendars,
    /// The contract's clocks.
    pub clocks: Clocks,
    /// Whose sessions, unless a schedule says.
    pub exchange: Exchange,
    /// How closures are avoided, unless a schedule says.
    pub roll: Roll,
    /// From when to when.
    pub term: Term,
    /// When money moves; `None` in numeric contracts: at once.
    pub payment: Option<PaymentRule>,
    /// Whether coupons accrue to the payment instead of the observation.
    pub accrue_to_payment: bool,
    /// Schedules that the sheet names.
    pub named: BTreeMap<&'a str, Field<'a>>,
    /// The grid of a numeric contract.
    pub grid: Option<NumericRows>,
    /// Schedules of the sheet that were read already.
    pub known: Known<'a>,
}

/// Nodes of a sheet with the schedules they hold.
pub type Known<'a> = Vec<(&'a Node, rialto_otc_time::ScheduleSpec)>;

/// A moment in years on all clocks alike.
#[must_use]
pub fn years(time: f64) -> Moment {
    Moment {
        date: None,
        variance: time,
        rate: time,
        coupon: time,
    }
}

impl Resolver<'_> {
    /// Rows of a schedule as a field writes it; `None` after a finding.
    pub fn resolve(&self, field: &Field<'_>) -> Option<(ScheduleSpec, Vec<Row>)> {
        let spec = self.spec(field)?;
        self.resolved(spec, field)
    }

    /// Rows of the schedule meant when none is written; `field` is where it would stand.
    pub fn usual(&self, usual: Usual, field: &Field<'_>) -> Option<(ScheduleSpec, Vec<Row>)> {
        let numeric = matches!(self.term, Term::Numeric { .. });
        let spec = match usual {
            Usual::Daily => ScheduleSpec::Daily,
            Usual::Monthly if numeric => {
                let en = "The terms give no schedule, and monthly observation needs dates. Give a schedule with times, like {\"times\":[0.25,0.5]}.";
                let zh = "条款未给出日程，而按月观察需要日期；数值合约请给出 {\"times\":[…]}。";
                field.error("E-SCHED-KIND", en, zh);
                return None;
            }
            Usual::Monthly => {
                let freq: Freq = "1m".parse().ok()?;
                ScheduleSpec::Written(rialto_otc_time::ScheduleSpec::Rule(RuleSpec::every(freq)))
            }
        };
        self.resolved(spec, field)
    }

    fn resolved(&self, spec: ScheduleSpec, field: &Field<'_>) -> Option<(ScheduleSpec, Vec<Row>)> {
        let rows = self.rows(&spec, field)?;
        if rows.is_empty() {
            field.error(
                "E-SCHED-EMPTY",
                "The schedule has no observation between start and end.",
                "日程在起始日与到期日之间没有观察日。",
            );
            return None;
        }
        Some((spec, rows))
    }

    fn spec(&self, field: &Field<'_>) -> Option<ScheduleSpec> {
        match field.node().scalar() {
            Some("daily") => Some(ScheduleSpec::Daily),
            Some("end" | "last") => Some(ScheduleSpec::End),
            Some(name) => match self.named.get(name) {
                // A name leads to a schedule, never to another name, so that none leads to itself.
                Some(written) => match written.node().scalar() {
                    Some("daily") => Some(ScheduleSpec::Daily),
                    _ => self.read(written).map(ScheduleSpec::Written),
                },
                None => {
                    let names: Vec<&str> = self.named.keys().copied().collect();
                    let hint = nearest(name, &names)
                        .map_or(String::new(), |name| format!(" Did you mean {name:?}?"));
                    let en = format!(
                        "There is no schedule {name:?}. Write \"daily\", \"end\", a schedule named under /schedules, or an object like {{\"freq\":\"1m\"}}.{hint}"
                    );
                    field.error("E-SCHED-NAME", en, format!("没有日程 {name:?}。请写 \"daily\"、\"end\"、/schedules 中的名称，或 {{\"freq\":\"1m\"}} 形式的对象。"));
                    None
                }
            },
            None => self.read(field).map(ScheduleSpec::Written),
        }
    }

    fn read(&self, field: &Field<'_>) -> Option<rialto_otc_time::ScheduleSpec> {
        let known = self.known.iter();
        match known
            .into_iter()
            .find(|(node, _)| std::ptr::eq(*node, field.node()))
        {
            Some((_, spec)) => Some(spec.clone()),
            None => read_spec(field),
        }
    }

    fn rows(&self, spec: &ScheduleSpec, field: &Field<'_>) -> Option<Vec<Row>> {
        let written = match (spec, self.term) {
            (ScheduleSpec::End, _) => return Some(vec![self.end_row(field)?]),
            (ScheduleSpec::Daily, Term::Numeric { .. }) => {
                let Some(grid) = &self.grid else {
                    let en = "\"daily\" needs the grid of a numeric contract: give /schedules/grid as {\"n\": 250, \"dt\": \"1/250\"}, or list times here.";
                    field.error("E-SCHED-GRID", en, "数值合约使用 \"daily\" 时须给出 /schedules/grid（如 {\"n\": 250, \"dt\": \"1/250\"}），或在此列出 times。");
                    return None;
                };
                if grid.len() > MAX_ROWS {
                    let count = grid.len();
                    let en =
                        format!("The grid has {count} points; at most {MAX_ROWS} are observed.");
                    let zh = format!("网格有 {count} 点，最多观察 {MAX_ROWS} 个。");
                    field.error("E-SCHED-SIZE", en, zh);
                    return None;
                }
                return self.numeric(grid, field);
            }
            (ScheduleSpec::Daily, Term::Dated { .. }) => &rialto_otc_time::ScheduleSpec::Daily,
            (ScheduleSpec::Written(written), _) => written,
        };
        let rows = self.expand(written, field)?;
        if rows.len() > MAX_ROWS {
            let count = rows.len();
            let en = format!("The schedule has {count} observations; at most {MAX_ROWS} are read.");
            let zh = format!("日程有 {count} 个观察，最多 {MAX_ROWS} 个。");
            field.error("E-SCHED-SIZE", en, zh);
            return None;
        }
        match rows {
            Rows::Dated(rows) => self.dated(&rows, field),
            Rows::Numeric(rows) => self.numeric(&rows, field),
        }
    }

    fn expand(&self, written: &rialto_otc_time::ScheduleSpec, field: &Field<'_>) -> Option<Rows> {
        let daily = matches!(written, rialto_otc_time::ScheduleSpec::Daily);
        let (start, end, end_time) = match self.term {
            Term::Dated { start, end, last } => {
                (Some(start), Some(if daily { last } else { end }), None)
            }
            Term::Numeric { end } => (None, None, Some(end.variance)),
        };
        let context = ScheduleContext {
            pointer: field.pointer(),
            start,
            end,
            calendar: self.exchange,
            roll: self.roll,
            calendars: self.calendars,
            grid: self.grid.as_ref(),
            end_time,
        };
        match written.expand(&context) {
            Ok(expansion) => {
                adopt(&expansion.notices, field);
                Some(expansion.rows)
            }
            Err(findings) => {
                adopt(&findings.0, field);
                None
            }
        }
    }

    /// The row of the contract's end.
    pub fn end_row(&self, field: &Field<'_>) -> Option<Row> {
        match self.term {
            Term::Dated { end, last, .. } => {
                let status = self.calendars.get(self.exchange).status(last);
                let status = self.told(status, field)?;
                let row = DatedRow {
                    date: last,
                    unadjusted: end,
                    status,
                };
                self.dated(&[row], field)?.pop()
            }
            Term::Numeric { end } => Some(numeric_row(end)),
        }
    }

    fn dated(&self, rows: &[DatedRow], field: &Field<'_>) -> Option<Vec<Row>> {
        let Term::Dated { start, .. } = self.term else {
            let en = "Dates stand in a contract without dates. Give times in years, or start and end as dates.";
            field.error(
                "E-SCHED-KIND",
                en,
                "数值合约不能使用日期日程，请改用以年为单位的 times，或给出起止日期。",
            );
            return None;
        };
        rows.iter()
            .map(|row| {
                let at = self.moment(start, row.date, row.unadjusted, field)?;
                let pay = match &self.payment {
                    Some(rule) => self.told(rule.date(row.date, self.calendars), field)?,
                    None => row.date,
                };
                let (to, unadjusted) = match self.accrue_to_payment {
                    true => (pay, pay),
                    false => (row.date, row.unadjusted),
                };
                let accrued = self.accrued(start, to, unadjusted, field)?;
                Some(Row {
                    at,
                    pay: self.moment(start, pay, pay, field)?,
                    unadjusted: Some(row.unadjusted),
                    projected: row.status == Status::Projected,
                    accrued,
                })
            })
            .collect()
    }

    fn numeric(&self, rows: &NumericRows, field: &Field<'_>) -> Option<Vec<Row>> {
        if let Term::Dated { .. } = self.term {
            let en = "Times in years stand in a contract with dates. Give dates, or start and end as numbers.";
            field.error(
                "E-SCHED-KIND",
                en,
                "日期合约不能使用以年为单位的日程，请改用日期。",
            );
            return None;
        }
        let clocks = rows.variance.iter().zip(&rows.rate).zip(&rows.coupon);
        Some(
            clocks
                .map(|((variance, rate), coupon)| {
                    let (variance, rate, coupon) = (*variance, *rate, *coupon);
                    numeric_row(Moment {
                        date: None,
                        variance,
                        rate,
                        coupon,
                    })
                })
                .collect(),
        )
    }

    /// The moment of a date; `None` after a finding at `field`.
    pub fn moment(
        &self,
        start: Date,
        date: Date,
        unadjusted: Date,
        field: &Field<'_>,
    ) -> Option<Moment> {
        let clock =
            |clock: &Clock| self.told(clock.year_fraction(start, date, self.calendars), field);
        let coupon = self
            .clocks
            .coupon
            .accrual(start, date, unadjusted, self.calendars);
        Some(Moment {
            date: Some(date),
            variance: clock(&self.clocks.variance)?,
            rate: clock(&self.clocks.rate)?,
            coupon: self.told(coupon, field)?,
        })
    }

    /// The coupon clock as an exact fraction.
    fn accrued(
        &self,
        start: Date,
        date: Date,
        unadjusted: Date,
        field: &Field<'_>,
    ) -> Option<Accrued> {
        let years = self
            .clocks
            .coupon
            .accrual(start, date, unadjusted, self.calendars);
        let years = self.told(years, field)?;
        let basis = match self.clocks.coupon {
            Clock::Act365 => 365,
            Clock::Act360 | Clock::Thirty360 => 360,
            Clock::Sessions { basis, .. } => i64::from(basis),
            Clock::Months12 => 12,
            Clock::Absolute => 1,
            Clock::Weighted { .. } | Clock::Times => return Some(Accrued::Years(years)),
        };
        let count = years * basis as f64;
        if (count - count.round()).abs() > 1e-6 {
            return Some(Accrued::Years(years));
        }
        // Whole and far below 2^53, so the conversion is exact.
        let count = Decimal::from(count.round() as i64);
        Some(Accrued::Fraction(count, Decimal::from(basis)))
    }

    fn told<T, E: std::fmt::Display>(&self, answer: Result<T, E>, field: &Field<'_>) -> Option<T> {
        answer
            .map_err(|error| {
                let en = format!("The calendars or clocks have no answer: {error}.");
                field.error(
                    "E-TIME",
                    en,
                    "日历或时钟无法给出结果（超出覆盖范围或时钟类型不符）。",
                );
            })
            .ok()
    }
}

/// A number of years as a fraction over one.
fn plain(years: f64) -> (Decimal, Decimal) {
    let number = value::decimal(&years.to_string());
    let number = number
        .or_else(|| Decimal::try_from(years).ok())
        .unwrap_or_default();
    (number, Decimal::ONE)
}

fn numeric_row(at: Moment) -> Row {
    Row {
        at,
        pay: at,
        unadjusted: None,
        projected: false,
        accrued: Accrued::Years(at.coupon),
    }
}

/// Reads the object form; a field `columns` belongs to the sheet, not to the schedule.
pub(crate) fn read_spec(field: &Field<'_>) -> Option<rialto_otc_time::ScheduleSpec> {
    let written = Written {
        node: field.node(),
        leave: "columns",
    };
    let form = rialto_otc_time::ScheduleForm::deserialize(written).map_err(|error| {
        let error = error.to_string().replace("unit value", "null");
        let en = format!("This is no schedule: {error}.");
        let zh = format!(
            "{} 不是日程：可写 \"daily\"、{{\"freq\":\"1m\"}}、{{\"dates\":[…]}} 或 {{\"times\":[…]}}。",
            field.node().shown()
        );
        field.error("E-SCHED-FORM", en, zh);
    });
    let read = form.ok()?.read("");
    read.map_err(|findings| field.found(&findings)).ok()
}

/// A node for readers of other crates; numbers stay text, which they take as well.
pub(crate) fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(text) | Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(pairs) => pairs
            .iter()
            .map(|(key, node)| (key.name.clone(), json(node)))
            .collect(),
    }
}

/// Findings of the time crate become ours, with line and column.
pub(crate) fn adopt(findings: &[rialto_otc_time::Finding], field: &Field<'_>) {
    for finding in findings {
        let mut at = field.place();
        let deeper = finding
            .pointer
            .strip_prefix(field.pointer())
            .unwrap_or_default();
        if let Some(node) = find(field.node(), deeper) {
            (at.line, at.column) = (node.line, node.column);
        }
        at.pointer.clone_from(&finding.pointer);
        at.value = Some(finding.value.clone());
        let (rule, cure) = (&finding.rule, &finding.cure);
        let told = finding.value.is_empty() || rule.en.contains(&finding.value);
        let shown = match told {
            true => String::new(),
            false => format!("{}: ", finding.value),
        };
        let en = format!("{shown}{}; {}.", rule.en, cure.en);
        let zh = format!("{shown}{}；{}。", rule.zh, cure.zh);
        match finding.severity {
            TimeSeverity::Error => field.sink().error(finding.code, &at, en, zh),
            TimeSeverity::Notice | TimeSeverity::Decision => {
                field.sink().notice(finding.code, &at, en, zh);
            }
        }
    }
}

/// The node a JSON pointer leads to.
pub(crate) fn find<'n>(node: &'n Node, pointer: &str) -> Option<&'n Node> {
    pointer
        .split('/')
        .skip(1)
        .try_fold(node, |node, name| match &node.value {
            Value::List(items) => items.get(name.parse::<usize>().ok()?),
            _ => node.get(&name.replace("~1", "/").replace("~0", "~")),
        })
}
