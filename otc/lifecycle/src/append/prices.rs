//! What is checked of prices and of hits of barriers before they are recorded.

use rialto_otc_contract::interpret;
use rialto_otc_contract::plan::Monitor;
use rialto_otc_time::{Date, Exchange, FixingSource};
use rust_decimal::Decimal;

use super::{Checked, has_use, refuse};
use crate::context::{Context, local_date};
use crate::event::NewEvent;
use crate::payload::{BarrierHit, Fixing, Kind};
use crate::refusal::Refusal;
use crate::trade::Trade;

impl Trade {
    pub(super) fn check_session(
        &self,
        context: &Context<'_>,
        code: &str,
        date: Date,
        new: &NewEvent,
    ) -> Checked {
        if new.effective_at.date != date {
            let en = "The effective date of a price is its date.";
            return refuse(
                "E-FIXING-DATE",
                "/effective_at/date",
                en,
                "生效日须为定盘日。",
            );
        }
        if date > local_date(new.known_at) {
            let en = format!("{date} is still ahead.");
            return Err(
                Refusal::new("E-FIXING-FUTURE", "/payload/date", en, "定盘日尚未到来。")
                    .value(date),
            );
        }
        let exchange = code
            .split(':')
            .next()
            .and_then(|text| text.parse::<Exchange>().ok());
        let Some(exchange) = exchange else {
            return Ok(());
        };
        match context.calendars.get(exchange).is_session(date) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let en = format!("{} had no session on {date}.", exchange.code());
                let zh = format!("{} 在 {date} 无交易。", exchange.code());
                Err(Refusal::new("E-FIXING-SESSION", "/payload/date", en, zh).value(date))
            }
            Err(error) => refuse(
                error.code(),
                "/payload/date",
                format!("{error}."),
                "日历未覆盖该日。",
            ),
        }
    }

    pub(super) fn check_code(&self, code: &str) -> Checked {
        if self.terms.codes.iter().any(|known| known == code) {
            return Ok(());
        }
        let en = format!("The contract has no underlying {code:?}.");
        let zh = format!("合约无标的 {code:?}。");
        Err(Refusal::new("E-FIXING-CODE", "/payload/code", en, zh).value(code))
    }

    pub(super) fn check_hit(
        &self,
        context: &mut Context<'_>,
        hit: &BarrierHit,
        new: &NewEvent,
    ) -> Checked {
        if !has_use(Kind::BarrierHit, &self.contract(context)?.plan) {
            let en = "The contract watches no barrier at every instant: only the fixings of its dates count. Enter the fixing.";
            let zh = "合约没有逐刻观察的障碍，仅以观察日的定盘价为准，请录入定盘价。";
            return refuse("E-BOOK-BARRIER", "/kind", en, zh);
        }
        self.check_code(&hit.code)?;
        self.check_session(context, &hit.code, hit.date, new)?;
        positive(hit.price, "/payload/price")?;
        let plan = &self.contract(context)?.plan;
        let of_code = |index: usize| plan.underlyings.get(index).map(|u| u.code.as_str());
        let mut watched = plan
            .monitors
            .iter()
            .filter(|monitor| of_code(monitor.underlying) == Some(hit.code.as_str()));
        let seen = [(hit.date, hit.price)];
        if watched
            .clone()
            .any(|monitor| interpret::first_hit(monitor, (None, hit.date), seen).is_some())
        {
            return Ok(());
        }
        let level = |monitor: &Monitor<Decimal>| monitor.level.normalize().to_string();
        let in_time = watched.any(|monitor| interpret::beyond(monitor, hit.price));
        let levels: Vec<String> = plan.monitors.iter().map(level).collect();
        let (price, levels) = (hit.price.normalize(), levels.join(", "));
        let (en, zh) = if in_time {
            (
                format!("No barrier was watched on {}.", hit.date),
                format!("{} 不在障碍观察期内。", hit.date),
            )
        } else {
            (
                format!(
                    "{price} hits no barrier: give the price seen at a level or beyond it. Levels: {levels}."
                ),
                format!("{price} 未触及障碍，请录入触及或越过障碍的价格。障碍价：{levels}。"),
            )
        };
        Err(Refusal::new("E-BOOK-HIT", "/payload/price", en, zh).value(price))
    }

    pub(super) fn check_fixing(
        &self,
        context: &Context<'_>,
        fixing: &Fixing,
        new: &NewEvent,
        corrects: bool,
    ) -> Checked {
        self.check_code(&fixing.code)?;
        if let Err(error) = fixing.rule.parse::<FixingSource>() {
            let zh = "定盘价来源无法识别。";
            return refuse("E-FIXING-RULE", "/payload/rule", format!("{error}."), zh);
        }
        self.check_session(context, &fixing.code, fixing.date, new)?;
        positive(fixing.value, "/payload/value")?;
        let slot = self.deal.find_slot(&fixing.code, &fixing.rule);
        let known = slot.and_then(|slot| self.deal.fixings.get(&(fixing.date, slot)));
        match (known, corrects, &new.supersedes) {
            (Some(_), true, Some(_)) | (None, false, None) => {}
            (None, _, _) => {
                let en =
                    "There is no fixing here to correct. Send a \"fixing\" without \"supersedes\".";
                return refuse(
                    "E-FIXING-NONE",
                    "/supersedes",
                    en,
                    "无可更正的定盘价，请录入 fixing。",
                );
            }
            (Some(before), _, _) => {
                let before = before.value.normalize();
                let en = format!(
                    "The fixing is known as {before}. To correct it send \"fixing-corrected\" that supersedes its event."
                );
                let zh = format!(
                    "已有定盘价 {before}。如需更正，请用 fixing-corrected 并注明 supersedes。"
                );
                return Err(
                    Refusal::new("E-FIXING-CONFLICT", "/payload/value", en, zh).value(fixing.value)
                );
            }
        }
        self.check_outlier(context, fixing, new)
    }

    pub(super) fn check_outlier(
        &self,
        context: &Context<'_>,
        fixing: &Fixing,
        new: &NewEvent,
    ) -> Checked {
        let slot = self.deal.find_slot(&fixing.code, &fixing.rule);
        let Some(before) = slot.and_then(|slot| self.deal.before(fixing.date, slot)) else {
            return Ok(());
        };
        let jump = (fixing.value - before)
            .abs()
            .checked_div(before)
            .unwrap_or(Decimal::MAX);
        if jump <= context.policy.outlier || new.checker.is_some() {
            return Ok(());
        }
        let percent = |share| rialto_otc_contract::value::percent_text(share);
        let (jump, most) = (percent(jump.round_dp(4)), percent(context.policy.outlier));
        let before = before.normalize();
        let en = format!(
            "{} is {jump} away from {before} before it, more than {most}. Have a second person sign it.",
            fixing.value.normalize()
        );
        let zh = format!("与前值 {before} 相差 {jump}，超过 {most}，须双人复核。");
        Err(Refusal::new("E-FIXING-OUTLIER", "/payload/value", en, zh).value(fixing.value))
    }
}

fn positive(value: Decimal, at: &str) -> Checked {
    if value > Decimal::ZERO {
        return Ok(());
    }
    Err(Refusal::new(
        "E-FIXING-VALUE",
        at,
        "A price is above zero.",
        "价格须大于零。",
    )
    .value(value))
}
