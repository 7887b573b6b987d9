//! What keeps a program from compiling, told to the author of the sheet.

use crate::fold::Fault;
use crate::lower::{self, Kind, Trouble};
use crate::program::{On, Program};
use crate::sheet::Product;
use crate::templates::NamedSchedule;

/// Code, English and Chinese text.
type Told = (&'static str, String, String);

/// The field to look at: the rule that somebody wrote, or, where a template wrote the rule, the
/// schedule on which it acts when the dates are at fault, and else the terms.
pub(crate) fn pointer(
    trouble: &Trouble,
    product: &Product,
    program: &Program,
    schedules: &[NamedSchedule],
) -> String {
    match (product, trouble.rule) {
        (Product::Program(_), Some(rule)) => return format!("/program/rules/{rule}"),
        (Product::Program(_), None) => return "/program".to_owned(),
        (Product::Template { .. }, _) => {}
    }
    let named = |name: &str| schedules.iter().find(|schedule| schedule.name == name);
    let on = trouble.rule.and_then(|rule| program.rules.get(rule));
    let at_fault = match &trouble.kind {
        Kind::BeyondEnd(name) => named(name),
        Kind::EarlyPayment(_) | Kind::NoDate(_) => on.and_then(|rule| match &rule.on {
            On::Schedule(name) => named(name),
            _ => None,
        }),
        Kind::TooLarge(_) => schedules.iter().max_by_key(|schedule| schedule.len()),
        _ => None,
    };
    at_fault.map_or_else(|| "/terms".to_owned(), |found| found.pointer.clone())
}

/// What is wrong and what to do.
pub(crate) fn text(kind: &Kind) -> Told {
    match kind {
        Kind::Fault(Fault::Overflow) => (
            "E-PROG-OVERFLOW",
            "A number of this rule leaves the range of decimals. Make the terms smaller.".into(),
            "该规则的数值超出范围。".into(),
        ),
        Kind::Fault(Fault::Division) => (
            "E-PROG-DIVISION",
            "This rule divides by something that is or can be zero. Divide by a number or by a fixing.".into(),
            "该规则的除数为零或可能为零。".into(),
        ),
        Kind::NoRow(word) => (
            "E-PROG-ROW",
            format!("{word:?} has no meaning here: it belongs to the row of a schedule."),
            format!("{word:?} 只能用于日程行内的规则。"),
        ),
        Kind::Unknown(name) => (
            "E-PROG-NAME",
            format!("Nothing here is called {name:?}."),
            format!("没有名为 {name:?} 的对象。"),
        ),
        Kind::NotBarrier => (
            "E-PROG-CONTINUOUS",
            "A continuous rule watches one price level of one underlying with >= or <=, further conditions speak of variables only, and its payments are all \"obs\" or none.".into(),
            "连续观察的规则须为单一标的对单一价格水平的 >= 或 <=，其余条件只能涉及变量，且付款时点须一致。".into(),
        ),
        Kind::EarlyPayment(at) => {
            let when = at.date.map_or_else(|| at.rate.to_string(), |date| date.to_string());
            (
                "E-TERM-PAYMENT",
                format!("A payment comes before the observation of {when} that determines it."),
                format!("付款早于决定它的观察（{when}）。"),
            )
        }
        Kind::NoDate(date) => (
            "E-TERM-PAYMENT",
            format!("The payment date {date} cannot be placed: the contract has no dates or its calendars end before."),
            format!("付款日 {date} 无法定位：合约无日期或日历未覆盖。"),
        ),
        Kind::BeyondEnd(name) => (
            "E-SCHED-END",
            format!("The schedule {name:?} observes after the end of the contract."),
            format!("日程 {name:?} 的观察日晚于到期日。"),
        ),
        Kind::TooLarge(size) => (
            "E-PROG-SIZE",
            format!("The contract has {size} rules over all its dates; at most {} are compiled.", lower::MAX_STEPS),
            format!("合约各日期的规则共 {size} 条，超过上限 {}。", lower::MAX_STEPS),
        ),
    }
}
