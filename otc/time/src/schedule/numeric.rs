//! Schedules in years.

use super::expand::{Found, join};
use super::raw::too_many;
use super::{MAX_ROWS, NumericRows, Ratio, ScheduleContext};
use crate::as_of::TIME_TOLERANCE;
use crate::finding::{Bilingual, Finding};

/// Checks times of one clock: finite, above 0, strictly increasing, not after the end.
pub(super) fn check_times(
    times: &[f64],
    name: &str,
    observe_start: bool,
    flat_allowed: bool,
    context: &ScheduleContext<'_>,
    found: &mut Found,
) {
    let pointer = join(context.pointer, name);
    if times.is_empty() {
        found.push(empty(pointer));
        return;
    }
    if times.len() > MAX_ROWS {
        found.push(too_many(pointer, times.len()));
        return;
    }
    let end = context
        .end_time
        .filter(|_| name != "rate" && name != "coupon");
    let mut before = None;
    for (at, time) in times.iter().copied().enumerate() {
        let place = || format!("{pointer}/{at}");
        let zero_allowed = (observe_start && at == 0) || flat_allowed;
        if !time.is_finite() || time < 0.0 || (time == 0.0 && !zero_allowed) {
            found.push(outside(place(), time, context.end_time));
        } else if end.is_some_and(|end| time > end + TIME_TOLERANCE) {
            found.push(outside(place(), time, end));
        }
        let rises = before.is_none_or(|before| time > before || (flat_allowed && time >= before));
        if !rises {
            found.push(not_rising(place(), time));
        }
        before = Some(time);
    }
}

/// `n` rows, `dt` apart. Row k is `k * numerator / denominator`, so that no rounding adds up.
pub(super) fn grid(
    n: u32,
    dt: Ratio,
    context: &ScheduleContext<'_>,
    found: &mut Found,
) -> Vec<f64> {
    if n as usize > MAX_ROWS {
        found.push(too_many(join(context.pointer, "n"), n));
        return Vec::new();
    }
    if n == 0 {
        found.push(empty(join(context.pointer, "n")));
        return Vec::new();
    }
    let times: Vec<f64> = (1..=n)
        .map(|row| f64::from(row) * dt.numerator / dt.denominator)
        .collect();
    let last = times.last().copied().unwrap_or(0.0);
    if !last.is_finite()
        || context
            .end_time
            .is_some_and(|end| last > end + TIME_TOLERANCE)
    {
        found.push(outside(join(context.pointer, "n"), last, context.end_time));
    }
    times
}

/// Rows of the contract's grid, by number from 1.
pub(super) fn pick(rows: &[u32], context: &ScheduleContext<'_>, found: &mut Found) -> NumericRows {
    let pointer = join(context.pointer, "rows");
    let mut picked = NumericRows::default();
    let Some(grid) = context.grid else {
        found.push(Finding::error(
            "E-SCHED-GRID",
            pointer,
            "",
            Bilingual::new(
                "rows are picked from the contract's grid, and it has none",
                "rows 取自合约网格,而该合约没有网格",
            ),
            Bilingual::new(
                "give the contract a grid as {\"n\":250,\"dt\":\"1/250\"}, or write times",
                "请为合约写明网格,如 {\"n\":250,\"dt\":\"1/250\"},或改写 times",
            ),
        ));
        return picked;
    };
    if rows.is_empty() {
        found.push(empty(pointer));
        return picked;
    }
    let mut before = 0;
    for (at, row) in rows.iter().copied().enumerate() {
        let place = format!("{pointer}/{at}");
        if row <= before {
            found.push(not_rising(place, row));
        } else if row as usize > grid.len() {
            found.push(Finding::error(
                "E-SCHED-GRID",
                place,
                row,
                Bilingual::new(
                    format!("the contract's grid has rows 1 to {}", grid.len()),
                    format!("合约网格的行号为 1 至 {}", grid.len()),
                ),
                Bilingual::new("pick one of them", "请选取其中之一"),
            ));
        } else {
            let at = row as usize - 1;
            picked.variance.push(grid.variance[at]);
            picked.rate.push(grid.rate[at]);
            picked.coupon.push(grid.coupon[at]);
        }
        before = row;
    }
    picked
}

/// Checks that the three clocks have one length and each its order.
pub(super) fn check_clocks(rows: &NumericRows, context: &ScheduleContext<'_>, found: &mut Found) {
    for (name, times) in [
        ("variance", &rows.variance),
        ("rate", &rows.rate),
        ("coupon", &rows.coupon),
    ] {
        if times.len() != rows.variance.len() {
            found.push(Finding::error(
                "E-SCHED-LENGTH",
                join(context.pointer, name),
                times.len(),
                Bilingual::new(
                    format!(
                        "every clock has as many rows as variance, {}",
                        rows.variance.len()
                    ),
                    format!("各时钟的行数须与 variance 相同,即 {}", rows.variance.len()),
                ),
                Bilingual::new(
                    "give one time per row and clock",
                    "请为每行每个时钟各给一个时间",
                ),
            ));
        }
        // A coupon clock can stand still: nothing accrues between two rows.
        check_times(times, name, false, name == "coupon", context, found);
    }
}

pub(super) fn empty(pointer: String) -> Finding {
    Finding::error(
        "E-SCHED-EMPTY",
        pointer,
        "",
        Bilingual::new(
            "a schedule has at least one observation",
            "日程至少须有一个观察",
        ),
        Bilingual::new("add one", "请补充观察"),
    )
}

fn outside(pointer: String, time: f64, end: Option<f64>) -> Finding {
    let (en, zh) = match end {
        Some(end) => (
            format!("times are above 0 and at most the contract's end, {end}"),
            format!("时间须大于 0 且不超过合约终点 {end}"),
        ),
        None => (
            "times are numbers above 0".to_owned(),
            "时间须为大于 0 的数".to_owned(),
        ),
    };
    Finding::error(
        "E-SCHED-RANGE",
        pointer,
        time,
        Bilingual::new(en, zh),
        Bilingual::new("correct or remove it", "请更正或删除"),
    )
}

pub(super) fn not_rising(pointer: String, value: impl std::fmt::Display) -> Finding {
    Finding::error(
        "E-SCHED-ORDER",
        pointer,
        value,
        Bilingual::new(
            "each observation is after the one before it",
            "每个观察须晚于前一个",
        ),
        Bilingual::new("sort the list and remove doubles", "请排序并去除重复"),
    )
}
