//! The state of a contract of which nobody has told one.

use rialto_otc_contract::compile::compile_with;
use rialto_otc_contract::envelope::State;
use rialto_otc_contract::note::Note;
use rialto_otc_contract::program::VarKind;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_pricing::valuation::initials;
use rialto_otc_time::{AsOf, Calendars, Moment};

/// Code of a note about an assumed state.
pub const ASSUMED: &str = "N-STATE-ASSUMED";

/// The sheet with the state that it began with, and a note that says so; `None` where that would be
/// more than an assumption about events: when fixings are known, when sums run, when all is past.
pub fn fresh(
    sheet: &TermSheet,
    snapshot: &Snapshot,
    as_of: Option<AsOf>,
    calendars: &Calendars,
) -> Option<(TermSheet, Note)> {
    let as_of = as_of.unwrap_or(*snapshot.as_of());
    let compiled = compile_with(sheet, calendars, &initials(sheet, snapshot)).ok()?;
    let plan = &compiled.plan;
    let past = |instant: &&rialto_otc_contract::plan::Instant<_>| {
        let at = match instant.at.date {
            Some(date) => Moment::Date(date),
            None => Moment::Time(instant.at.rate),
        };
        as_of.is_past(at).unwrap_or(false)
    };
    let gone: Vec<_> = plan.instants.iter().take_while(past).collect();
    if gone.len() == plan.instants.len() {
        return None;
    }
    let known = gone
        .iter()
        .filter_map(|instant| instant.at.date)
        .any(|date| {
            plan.underlyings
                .iter()
                .any(|name| snapshot.fixing(&name.code, date).is_some())
        });
    let running = plan.vars.iter().any(|var| matches!(var.kind, VarKind::Sum));
    if known || running {
        return None;
    }
    let values = plan.vars.iter();
    let state = State {
        values: values.map(|var| (var.name.clone(), var.value)).collect(),
        ..State::default()
    };
    let names: Vec<String> = plan
        .vars
        .iter()
        .map(|var| format!("{} = {}", var.name, var.value.normalize()))
        .collect();
    let stays = if names.is_empty() {
        String::new()
    } else {
        format!(" ({})", names.join(", "))
    };
    let past = gone.len();
    let note = Note::new(
        ASSUMED,
        format!(
            "{past} past observations up to {as_of} have no fixings here; they are taken to have \
             changed nothing{stays}. Give state=, or fixings in the market."
        ),
        format!(
            "截至 {as_of} 有 {past} 次观察缺少定盘价，视为状态未变{stays}。请给出 state= 或在行情中提供定盘价。"
        ),
    );
    let mut sheet = sheet.clone();
    sheet.state = Some(state);
    Some((sheet, note))
}
