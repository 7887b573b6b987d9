//! Every note that an engine, a solver or a quote can put beside its answer.
//!
//! The text names numbers as they are; engines' refusals and errors inside a note are told in the
//! words of their own `en` and `zh`.

use rialto_otc_contract::note::Note;
use rialto_otc_market::bump::BumpError;
use rialto_otc_time::CalendarError;
use rust_decimal::Decimal;

use crate::engine::PriceError;

/// Nothing of the contract is left to be observed.
pub(crate) fn over() -> Note {
    let en = "nothing is left to be observed";
    Note::new("N-ENDED", en, "已无待观察事项")
}

/// A surface has more breaches of no-arbitrage than are told.
pub(crate) fn more_breaches(code: &str, more: usize) -> Note {
    Note::new(
        "N-ARB-MORE",
        format!("the surface of {code} breaks {more} more conditions of no arbitrage"),
        format!("{code} 的波动率曲面另有 {more} 处不满足无套利条件"),
    )
}

/// The achieved error is above the one asked for, currency units.
pub(crate) fn tolerance(error: f64, asked: f64) -> Note {
    Note::new(
        "N-TOLERANCE",
        format!("tolerance not met: the error may be {error:.3e}, {asked:.3e} was asked for"),
        format!("未达到精度要求：误差可能为 {error:.3e}，要求为 {asked:.3e}"),
    )
}

/// The engine knows no next session, so theta is left to the valuation.
pub(crate) fn no_session() -> Note {
    Note::new(
        "N-THETA-SESSION",
        "theta_1d: the next session is not known to this engine",
        "theta_1d：该引擎不知道下一交易日",
    )
}

/// The state says one thing, the market's fixings lead to another.
pub(crate) fn state_against(name: &str, told: Decimal, seen: Decimal) -> Note {
    let (told, seen) = (told.normalize(), seen.normalize());
    Note::new(
        "N-STATE-FIXINGS",
        format!(
            "the state says {name} = {told}, the market's fixings lead to {seen}; the state counts: leave it out to go by the fixings"
        ),
        format!(
            "状态中 {name} = {told}，按行情定盘价推得 {seen}；以状态为准，如需按定盘价请删去状态"
        ),
    )
}

/// The same of the contract's end.
pub(crate) fn ended_against(told: bool) -> Note {
    let (en, zh) = if told {
        (
            "has ended, by the market's fixings it lives",
            "已终止，而按行情定盘价合约仍存续",
        )
    } else {
        (
            "lives, by the market's fixings it has ended",
            "存续，而按行情定盘价合约已终止",
        )
    };
    Note::new(
        "N-STATE-ENDED",
        format!("the state says the contract {en}; the state counts"),
        format!("状态称合约{zh}；以状态为准"),
    )
}

/// A Greek that is not there, and why.
pub(crate) fn missing(greek: &str, (en, zh): (String, String)) -> Note {
    Note::new(
        "N-GREEK-NONE",
        format!("{greek} is not given: {en}"),
        format!("未给出 {greek}：{zh}"),
    )
}

/// What a bump says in both languages.
pub(crate) fn of_bump(error: &BumpError) -> (String, String) {
    (error.to_string(), error.zh())
}

/// What a calendar says in both languages.
pub(crate) fn of_calendar(error: &CalendarError) -> (String, String) {
    let rule = error.finding("").rule;
    (rule.en.into_owned(), rule.zh.into_owned())
}

/// What an engine says in both languages.
pub(crate) fn of_engine(error: &PriceError) -> (String, String) {
    (error.to_string(), error.zh())
}

/// The engine's own Greeks end before vega.
pub(crate) fn by_differences() -> Note {
    Note::new(
        "N-GREEK-DIFFERENCES",
        "vega, rho and rho_q are left to differences of the engine",
        "vega、rho 与 rho_q 由该引擎的差分得出",
    )
}

/// Vega where the value has a corner in the volatility.
pub(crate) fn away_from_levels() -> Note {
    Note::new(
        "N-VEGA-LEVEL",
        "vega is that of a spot away from every level",
        "vega 按现价远离各水平的情形给出",
    )
}

/// Which numbers of Heston's model vega moves.
pub(crate) fn both_variances() -> Note {
    Note::new(
        "N-VEGA-HESTON",
        "vega: √v0 and √θ move together",
        "vega：√v0 与 √θ 同时变动",
    )
}

/// How noisy simulated Greeks are.
pub(crate) fn noise(each: &[String]) -> Note {
    let each = each.join(", ");
    Note::new(
        "N-GREEK-NOISE",
        format!("standard errors of the Greeks: {each}"),
        format!("各希腊值的标准误差：{each}"),
    )
}

/// How far delta and gamma of two orders of a quadrature lie apart.
pub(crate) fn rough(left: f64) -> Note {
    Note::new(
        "N-GREEK-ROUGH",
        format!(
            "delta and gamma may be off by {left:.1e} of max(|Greek|, notional/spot or /spot²)"
        ),
        format!(
            "delta 与 gamma 的误差可达 {left:.1e} × max(|希腊值|, 名义本金/现价 或 名义本金/现价²)"
        ),
    )
}

/// The engine tells no expected flows.
pub(crate) fn no_flows() -> Note {
    Note::new(
        "N-FLOWS-NONE",
        "expected flows are not told by this engine",
        "该引擎不给出预期现金流",
    )
}

/// An answer about flows without any.
pub(crate) fn no_projection(engine: &str) -> Note {
    Note::new(
        "N-FLOWS-ENGINE",
        format!("{engine} gives no projected flows for this contract; name an engine that does"),
        format!("{engine} 不给出该合约的预计现金流，请指定能给出的引擎"),
    )
}

/// Expected flows that a simulation counted, why, and the error of their sum, currency units.
pub(crate) fn counted((en, zh): (&str, &str), error: f64) -> Note {
    Note::new(
        "N-FLOWS-SIMULATED",
        format!(
            "expected flows are counted on simulated paths ({en}): the error of their sum may be {error:.1e}"
        ),
        format!("预期现金流按模拟路径统计（{zh}）：合计误差可达 {error:.1e}"),
    )
}

/// Expected flows that nothing gives.
pub(crate) fn uncounted((en, zh): (&str, &str), error: &PriceError) -> Note {
    let (why_en, why_zh) = of_engine(error);
    Note::new(
        "N-FLOWS-UNKNOWN",
        format!(
            "expected flows are not given: {en}; a simulation does not count them either: {why_en}"
        ),
        format!("未给出预期现金流：{zh}；模拟亦无法统计：{why_zh}"),
    )
}

/// Rate time is interpolated by variance time.
pub(crate) fn one_clock() -> Note {
    Note::new(
        "N-CLOCK-RATE",
        "between now and the end rate time is taken to run in proportion to variance time",
        "从现在至到期，利率时间按方差时间等比推移",
    )
}

/// The dividend model of closed forms.
pub(crate) fn escrowed() -> Note {
    Note::new(
        "N-DIVIDEND-ESCROW",
        "cash dividends: escrowed spot (lognormal less what they are worth)",
        "现金股息：采用托管现价模型（对数正态现价扣除股息现值）",
    )
}

/// What simulated paths keep of a spot on a dividend.
pub(crate) fn dividend_floor() -> Note {
    Note::new(
        "N-DIVIDEND-FLOOR",
        "a cash dividend leaves at least 1e-6 of the spot",
        "现金股息后至少保留现价的 1e-6",
    )
}

/// How much was simulated, and what plain random numbers would have left, currency units.
pub(crate) fn paths(paths: u64, scrambles: u32, plain: f64) -> Note {
    Note::new(
        "N-RQMC-PATHS",
        format!(
            "{paths} paths in {scrambles} scrambles; as many pseudo-random ones would leave {plain:.2e}"
        ),
        format!("{paths} 条路径，分 {scrambles} 组置乱；同样多的伪随机路径误差为 {plain:.2e}"),
    )
}

/// What twice as long steps between dates change, currency units.
pub(crate) fn steps(bias: f64) -> Note {
    Note::new(
        "N-RQMC-STEPS",
        format!("steps between dates: twice as long ones change the value by {bias:.2e}"),
        format!("日期间的步长加倍会使价值变动 {bias:.2e}"),
    )
}

/// Coordinates beyond the table of Sobol numbers.
pub(crate) fn beyond(coordinates: usize) -> Note {
    Note::new(
        "N-RQMC-COORDINATES",
        format!("the last {coordinates} coordinates of each path are pseudo-random"),
        format!("每条路径的最后 {coordinates} 个坐标为伪随机数"),
    )
}

/// Hits of several names between two steps.
pub(crate) fn independent_hits() -> Note {
    Note::new(
        "N-RQMC-HITS",
        "hits of barriers on different underlyings between two steps are independent given the steps' ends",
        "给定步长两端后，不同标的在两步之间触碰障碍视为相互独立",
    )
}

/// The check engine's bias.
pub(crate) fn short_steps() -> Note {
    Note::new(
        "N-NAIVE-STEPS",
        "paths move in short steps; their bias is not in the error",
        "路径以小步长推进，其偏差未计入误差",
    )
}

/// The value is no straight line in the unknown after all.
pub(crate) fn curved(off: f64) -> Note {
    Note::new(
        "N-SOLVE-CURVED",
        format!(
            "the value is not a straight line here (off by {off:.2e}): found by Brent's method"
        ),
        format!("价值在此处并非直线（偏离 {off:.2e}）：改用 Brent 法求得"),
    )
}

/// Several numbers answer the question; `nearest`: the one told is nearest to the sheet's.
pub(crate) fn several(count: usize, nearest: bool) -> Note {
    let (en, zh) = match nearest {
        true => ("the one nearest to the sheet's", "最接近条款原值者"),
        false => ("the lowest", "其中最低者"),
    };
    Note::new(
        "N-SOLVE-SEVERAL",
        format!("the value meets the target at {count} places; this is {en}"),
        format!("价值在 {count} 处达到目标，此处给出{zh}"),
    )
}

/// A corner of the marks' spreads that another engine had to price.
pub(crate) fn other_engine(first: &str, point: &[f64; 3], other: &str) -> Note {
    Note::new(
        "N-QUOTE-ENGINE",
        format!("{first} cannot price with volatility, q and r moved by {point:?}: {other} did"),
        format!("波动率、q 与 r 变动 {point:?} 时 {first} 无法定价，改由 {other} 定价"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every note, with made-up numbers.
    fn all() -> Vec<Note> {
        let error = PriceError::Number {
            stage: "the value",
            value: f64::NAN,
        };
        let bump = BumpError::Name("A".to_owned());
        vec![
            over(),
            more_breaches("A", 4),
            tolerance(0.2, 0.1),
            no_session(),
            missing("vega", of_bump(&bump)),
            by_differences(),
            away_from_levels(),
            both_variances(),
            noise(&["delta 1e-3".to_owned()]),
            rough(1e-4),
            no_flows(),
            no_projection("quad1d/1"),
            counted(("why", "原因"), 1.0),
            uncounted(("why", "原因"), &error),
            one_clock(),
            escrowed(),
            dividend_floor(),
            paths(1024, 16, 0.5),
            steps(0.1),
            beyond(3),
            independent_hits(),
            short_steps(),
            curved(0.1),
            several(2, true),
            other_engine("quad1d/1", &[0.01, 0.0, 0.0], "pde/1"),
            state_against("ki", Decimal::ZERO, Decimal::ONE),
            ended_against(true),
        ]
    }

    fn chinese(text: &str) -> bool {
        text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
    }

    #[test]
    fn every_note_has_a_code_of_its_own_and_both_languages() {
        let all = all();
        let codes: BTreeSet<&str> = all.iter().map(|note| note.code.as_str()).collect();
        assert_eq!(codes.len(), all.len());
        for note in &all {
            assert!(note.code.starts_with("N-"), "{note:?}");
            assert!(chinese(&note.zh) && !chinese(&note.en), "{note:?}");
            let numbers = |text: &str| -> Vec<String> {
                let digits = text.split(|c: char| !c.is_ascii_digit());
                let found = digits.filter(|part| !part.is_empty());
                let mut found: Vec<String> = found.map(str::to_owned).collect();
                found.sort();
                found
            };
            assert_eq!(numbers(&note.en), numbers(&note.zh), "{note:?}");
        }
    }

    #[test]
    fn every_maker_of_a_note_has_a_row_above() {
        let lines = include_str!("notes.rs").lines();
        let makers =
            lines.filter(|line| line.starts_with("pub(crate) fn") && line.ends_with("-> Note {"));
        assert_eq!(makers.count(), all().len());
    }
}
