//! From a schedule to its rows.

use std::collections::BTreeMap;

use super::numeric::{check_clocks, check_times, empty, grid, not_rising, pick};
use super::raw::too_many;
use super::{
    DatedRow, DayRule, Expansion, Freq, MAX_ROWS, MonthEnd, NumericRows, Rows, RuleSpec,
    ScheduleContext, ScheduleSpec,
};
use crate::calendar::{CalendarError, Roll, SessionCalendar, Status};
use crate::date::{Date, days_in_month, month_after};
use crate::exchange::Exchange;
use crate::finding::{Bilingual, Finding, Findings, Severity};
use crate::tenor::Tenor;

/// What was found on the way; beyond the first hundred of a severity only counted.
#[derive(Default)]
pub(super) struct Found {
    list: Vec<Finding>,
    counts: BTreeMap<Severity, usize>,
}

const TOLD: usize = 100;

impl Found {
    pub(super) fn push(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.severity).or_default();
        *count += 1;
        if *count <= TOLD {
            self.list.push(finding);
        }
    }

    fn has_error(&self) -> bool {
        self.counts.contains_key(&Severity::Error)
    }

    fn finish(mut self, pointer: &str) -> Vec<Finding> {
        for (severity, count) in self.counts {
            if count > TOLD {
                self.list.push(Finding::new(
                    severity,
                    "E-SCHED-MORE",
                    pointer,
                    count - TOLD,
                    Bilingual::new("there are more findings like these", "还有更多同类问题"),
                    Bilingual::new("mend these first", "请先处理以上问题"),
                ));
            }
        }
        self.list
    }
}

/// A pointer to a field of what another points to.
pub(super) fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{name}")
}

impl ScheduleSpec {
    /// The rows of this schedule in a contract.
    ///
    /// A rule counts every unadjusted date from the start, then rolls it; two that meet on one
    /// session make one row. Dates in a list never move: one on a closure is a matter for
    /// decision. Rows are strictly increasing; those of a rule lie after the start, their
    /// unadjusted dates up to the end.
    ///
    /// # Errors
    /// All [`Findings`] at once, each with its place.
    pub fn expand(&self, context: &ScheduleContext<'_>) -> Result<Expansion, Findings> {
        let mut found = Found::default();
        let rows = match self {
            Self::Daily => {
                Expander::rule(&RuleSpec::every(Freq::Daily), context, &mut found).map(Rows::Dated)
            }
            Self::Rule(rule) => Expander::rule(rule, context, &mut found).map(Rows::Dated),
            Self::Dates {
                dates,
                calendar,
                observe_start,
            } => Some(Rows::Dated(listed(
                dates,
                *calendar,
                *observe_start,
                context,
                &mut found,
            ))),
            Self::Times {
                times,
                observe_start,
            } => {
                check_times(times, "times", *observe_start, false, context, &mut found);
                Some(Rows::Numeric(NumericRows::same(times.clone())))
            }
            Self::Grid { n, dt } => {
                let times = grid(*n, *dt, context, &mut found);
                Some(Rows::Numeric(NumericRows::same(times)))
            }
            Self::Rows(rows) => Some(Rows::Numeric(pick(rows, context, &mut found))),
            Self::PerClock(rows) => {
                check_clocks(rows, context, &mut found);
                Some(Rows::Numeric(rows.clone()))
            }
        };
        if let Some(Rows::Dated(rows)) = &rows {
            note_projected(rows, context.pointer, &mut found);
        }
        let findings = Findings(found.finish(context.pointer));
        match rows {
            Some(rows) if !findings.has_error() => Ok(Expansion {
                rows,
                notices: findings.0,
            }),
            _ => Err(findings),
        }
    }
}

fn note_projected(rows: &[DatedRow], pointer: &str, found: &mut Found) {
    let mut projected = rows.iter().filter(|row| row.status == Status::Projected);
    let Some(first) = projected.next() else {
        return;
    };
    let count = projected.count() + 1;
    found.push(Finding::new(
        Severity::Notice,
        "N-SCHED-PROJECTED",
        pointer,
        count,
        Bilingual::new(
            format!(
                "{count} dates from {} on are projected: their year is not announced",
                first.date
            ),
            format!(
                "自 {} 起 {count} 个日期为推算，相应年份尚未公布",
                first.date
            ),
        ),
        Bilingual::new("they are derived again when it is", "公布后将重新推导"),
    ));
}

/// A rule being carried out.
struct Expander<'a> {
    rule: &'a RuleSpec,
    calendar: &'a SessionCalendar,
    pointer: &'a str,
    start: Date,
    end: Date,
    /// The first unadjusted date that is not locked.
    unlocked: Date,
    roll: Roll,
}

impl<'a> Expander<'a> {
    fn rule(
        rule: &'a RuleSpec,
        context: &'a ScheduleContext<'_>,
        found: &mut Found,
    ) -> Option<Vec<DatedRow>> {
        check_rule(rule, context.pointer, found);
        let start = bound(rule.start, context.start, "start", context.pointer, found);
        let end = bound(rule.end, context.end, "end", context.pointer, found);
        let (start, end) = (start?, end?);
        if end <= start {
            found.push(Finding::error(
                "E-SCHED-RANGE",
                join(context.pointer, "end"),
                end,
                Bilingual::new(
                    format!("the end is after the start, {start}"),
                    format!("结束日须晚于起始日 {start}"),
                ),
                Bilingual::new("correct one of them", "请更正其一"),
            ));
            return None;
        }
        let unlocked = match rule.lock.map(|lock| lock.after(start, 1)) {
            None => start,
            Some(Ok(unlocked)) => unlocked,
            Some(Err(error)) => {
                found.push(CalendarError::from(error).finding(&join(context.pointer, "lock")));
                return None;
            }
        };
        let expander = Self {
            rule,
            calendar: context
                .calendars
                .get(rule.calendar.unwrap_or(context.calendar)),
            pointer: context.pointer,
            start,
            end,
            unlocked,
            roll: rule.roll.unwrap_or(context.roll),
        };
        let rows = match rule.freq {
            Freq::Daily => expander.daily(),
            Freq::Every(tenor) => expander.every(tenor, found),
        };
        match rows {
            Ok(rows) if rows.is_empty() && !found.has_error() => {
                found.push(empty(context.pointer.to_owned()));
                None
            }
            Ok(rows) if rows.len() > MAX_ROWS => {
                found.push(too_many(join(context.pointer, "freq"), rows.len()));
                None
            }
            Ok(rows) => Some(rows),
            Err(error) => {
                found.push(error.finding(context.pointer));
                None
            }
        }
    }

    fn row(&self, date: Date, unadjusted: Date) -> Result<DatedRow, CalendarError> {
        Ok(DatedRow {
            date,
            unadjusted,
            status: self.calendar.status(date)?,
        })
    }

    fn daily(&self) -> Result<Vec<DatedRow>, CalendarError> {
        let mut rows = Vec::new();
        if self.rule.observe_start {
            let date = self.calendar.roll(self.start, self.roll)?;
            rows.push(self.row(date, self.start)?);
        }
        for date in self.calendar.sessions(self.start, self.end)? {
            let seen = rows.last().is_some_and(|row: &DatedRow| row.date >= date);
            if date >= self.unlocked && !seen {
                rows.push(self.row(date, date)?);
            }
        }
        Ok(rows)
    }

    fn every(&self, tenor: Tenor, found: &mut Found) -> Result<Vec<DatedRow>, CalendarError> {
        let mut rows: Vec<DatedRow> = Vec::new();
        if self.rule.observe_start {
            let date = self.calendar.roll(self.start, self.roll)?;
            rows.push(self.row(date, self.start)?);
        }
        let mut merged = Vec::new();
        for period in 0_u32.. {
            let base = tenor.after(self.start, period)?;
            let month_over = base.year() > self.end.year()
                || (base.year() == self.end.year() && base.month() > self.end.month());
            if (tenor.is_monthly() && month_over) || (!tenor.is_monthly() && base > self.end) {
                break;
            }
            let Some((unadjusted, short)) = self.unadjusted(tenor, period)? else {
                continue;
            };
            if unadjusted <= self.start || unadjusted > self.end || unadjusted < self.unlocked {
                continue;
            }
            let date = self.adjust(unadjusted, short)?;
            let row = self.row(date, unadjusted)?;
            if date <= self.start && !(self.rule.observe_start && date == self.start) {
                merged.push((unadjusted, self.start));
                continue;
            }
            match rows.last_mut() {
                Some(last) if last.date >= date => {
                    // The one whose own date it is stays.
                    if (last.date - last.unadjusted).abs() > (date - unadjusted).abs() {
                        merged.push((last.unadjusted, date));
                        *last = row;
                    } else {
                        merged.push((unadjusted, last.date));
                    }
                }
                _ => rows.push(row),
            }
        }
        if let Some((unadjusted, date)) = merged.first() {
            found.push(note_merged(self.pointer, merged.len(), *unadjusted, *date));
        }
        Ok(rows)
    }

    /// The date of a period before rolling, and whether its month lacks the day asked for or the
    /// month's end is asked for. `None` when the month is left out.
    fn unadjusted(&self, tenor: Tenor, period: u32) -> Result<Option<(Date, bool)>, CalendarError> {
        if !tenor.is_monthly() {
            return Ok(Some((tenor.after(self.start, period)?, false)));
        }
        let (year, month, day) = self.start.civil();
        let base = tenor.after(self.start, period)?;
        let months = (base.year() - year) * 12 + base.month().cast_signed() - month.cast_signed();
        let (year, month) = month_after(year, month, months)?;
        let last = days_in_month(year, month);
        let wanted = match self.rule.day.unwrap_or_default() {
            DayRule::Eom => return Ok(Some((base.end_of_month(), true))),
            DayRule::Start => day,
            DayRule::Day(day) => u32::from(day),
        };
        if wanted > last && self.rule.month_end == Some(MonthEnd::Drop) {
            return Ok(None);
        }
        Ok(Some((
            Date::new(year, month, wanted.min(last))?,
            wanted > last && self.rule.month_end == Some(MonthEnd::LastSession),
        )))
    }

    fn adjust(&self, unadjusted: Date, month_end: bool) -> Result<Date, CalendarError> {
        if month_end && self.roll != Roll::None {
            return self.calendar.last_session_of_month(unadjusted);
        }
        self.calendar.roll(unadjusted, self.roll)
    }
}

/// Finds fields that have no meaning beside each other.
fn check_rule(rule: &RuleSpec, pointer: &str, found: &mut Found) {
    let monthly = matches!(rule.freq, Freq::Every(tenor) if tenor.is_monthly());
    let mut refuse = |name: &str, value: String, en: &'static str, zh: &'static str| {
        found.push(Finding::error(
            "E-SCHED-FORM",
            join(pointer, name),
            value,
            Bilingual::new(en, zh),
            Bilingual::new("remove it or change the other", "请删除或修改另一字段"),
        ));
    };
    if let Some(day) = rule.day
        && day != DayRule::Start
        && !monthly
    {
        let value = match day {
            DayRule::Day(day) => day.to_string(),
            _ => "eom".to_owned(),
        };
        refuse(
            "day",
            value,
            "a day of the month goes with a frequency in months or years",
            "月内日期只能与按月或按年的频率同用",
        );
    }
    if let Some(month_end) = rule.month_end {
        let value = match month_end {
            MonthEnd::Drop => "drop",
            MonthEnd::LastSession => "last_session",
        };
        if !monthly {
            refuse(
                "month_end",
                value.to_owned(),
                "month_end goes with a frequency in months or years",
                "month_end 只能与按月或按年的频率同用",
            );
        } else if month_end == MonthEnd::Drop && rule.day == Some(DayRule::Eom) {
            refuse(
                "month_end",
                value.to_owned(),
                "every month has an end: drop has no meaning with day eom",
                "每月都有月末:drop 与 day eom 同用无意义",
            );
        }
    }
    if rule.observe_start && rule.lock.is_some() {
        refuse(
            "observe_start",
            "true".to_owned(),
            "a lock removes the start, which observe_start adds",
            "lock 会去除起始日,而 observe_start 要求观察起始日",
        );
    }
}

fn bound(
    own: Option<Date>,
    contract: Option<Date>,
    name: &str,
    pointer: &str,
    found: &mut Found,
) -> Option<Date> {
    let date = own.or(contract);
    if date.is_none() {
        found.push(Finding::error(
            "E-SCHED-BOUND",
            join(pointer, name),
            "",
            Bilingual::new(
                format!("a rule needs a {name}, and neither it nor the contract tells one"),
                format!("规则须有 {name},而规则与合约均未给出"),
            ),
            Bilingual::new("name the date", "请写明日期"),
        ));
    }
    date
}

fn note_merged(pointer: &str, count: usize, unadjusted: Date, date: Date) -> Finding {
    Finding::new(
        Severity::Notice,
        "N-SCHED-MERGED",
        pointer,
        count,
        Bilingual::new(
            format!("{count} dates meet another row when rolled, the first {unadjusted} on {date}"),
            format!("{count} 个日期调整后与其他行重合,首个为 {unadjusted},落于 {date}"),
        ),
        Bilingual::new(
            "they make no row of their own; check the number of levels",
            "其不单独成行,请核对水平个数",
        ),
    )
}

/// Listed dates: they never move.
fn listed(
    dates: &[Date],
    calendar: Option<Exchange>,
    observe_start: bool,
    context: &ScheduleContext<'_>,
    found: &mut Found,
) -> Vec<DatedRow> {
    let pointer = join(context.pointer, "dates");
    let calendar = context.calendars.get(calendar.unwrap_or(context.calendar));
    if dates.is_empty() {
        found.push(empty(pointer));
        return Vec::new();
    }
    if dates.len() > MAX_ROWS {
        found.push(too_many(pointer, dates.len()));
        return Vec::new();
    }
    let mut rows = Vec::with_capacity(dates.len());
    let mut before = None;
    for (at, date) in dates.iter().copied().enumerate() {
        let place = format!("{pointer}/{at}");
        if before.is_some_and(|before| date <= before) {
            found.push(not_rising(place.clone(), date));
        }
        before = Some(date);
        check_inside(date, observe_start, &place, context, found);
        match (calendar.is_session(date), calendar.status(date)) {
            (Ok(open), Ok(status)) => {
                if !open {
                    found.push(closure(&place, date, calendar.exchange()));
                }
                rows.push(DatedRow {
                    date,
                    unadjusted: date,
                    status,
                });
            }
            (Err(error), _) | (_, Err(error)) => found.push(error.finding(&place)),
        }
    }
    rows
}

fn check_inside(
    date: Date,
    observe_start: bool,
    place: &str,
    context: &ScheduleContext<'_>,
    found: &mut Found,
) {
    let early = context
        .start
        .filter(|start| date < *start || (date == *start && !observe_start));
    let late = context.end.filter(|end| date > *end);
    let (en, zh) = match (early, late) {
        (Some(start), _) => (
            format!("observations are after the start, {start}"),
            format!("观察日须晚于起始日 {start}"),
        ),
        (None, Some(end)) => (
            format!("observations are not after the end, {end}"),
            format!("观察日不得晚于结束日 {end}"),
        ),
        (None, None) => return,
    };
    let cure = if early == Some(date) {
        Bilingual::new(
            "remove it, or set observe_start to true",
            "请删除,或将 observe_start 设为 true",
        )
    } else {
        Bilingual::new("correct or remove it", "请更正或删除")
    };
    found.push(Finding::error(
        "E-SCHED-RANGE",
        place,
        date,
        Bilingual::new(en, zh),
        cure,
    ));
}

fn closure(place: &str, date: Date, exchange: Exchange) -> Finding {
    Finding::new(
        Severity::Decision,
        "D-SCHED-CLOSED",
        place,
        date,
        Bilingual::new(
            format!("{exchange} is closed on this day, and listed dates do not move"),
            format!("{exchange} 当日休市,而列明的日期不自动调整"),
        ),
        Bilingual::new(
            "agree on another date with the counterparty, or keep it",
            "请与对手方商定其他日期,或予以保留",
        ),
    )
}
