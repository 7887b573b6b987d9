//! What takes the place of a novated trade: it must be there, signed, and the same contract with
//! another party.

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::envelope::{Initial, Size, UnderlyingTerms};
use rialto_otc_lifecycle::payload::{LinkKind, Novate, Payload};
use rialto_otc_lifecycle::{NewEvent, Status, TradeLog};
use rialto_platform_store::Tx;
use rust_decimal::Decimal;

use crate::event::dealt;
use crate::ledger::Held;
use crate::view::Words;
use crate::{Desk, DeskError, dates, summary, words};

const CODE: &str = "E-BOOK-NOVATION";

impl Desk {
    /// Checks the replacement that a novation names, when it is proposed and again when it is
    /// signed: in between the replacement may have been cancelled.
    ///
    /// # Errors
    /// [`DeskError::Conflict`] with everything that keeps it from taking the trade's place.
    pub(crate) async fn check_novation(
        &self,
        tx: &mut Tx<'_>,
        held: &Held,
        new: &NewEvent,
    ) -> Result<(), DeskError> {
        let Payload::Novate(novate) = &new.payload else {
            return Ok(());
        };
        let id = &novate.replacement;
        // The book itself refuses a replacement that is the trade, or has no name.
        if *id == held.row.trade_id || id.trim().is_empty() {
            return Ok(());
        }
        let old = &held.row.trade_id;
        let replacement = match self.hold(tx, id).await {
            Ok(replacement) => replacement,
            Err(DeskError::NotFound { .. }) => {
                return Err(DeskError::conflict(
                    CODE,
                    format!(
                        "There is no trade {id}. Book the replacement first, with \"link\": \
                         {{\"kind\": \"novated_from\", \"trade_id\": \"{old}\"}}, and have it approved."
                    ),
                    format!(
                        "没有交易 {id}。请先登记替代交易（link 为 novated_from {old}）并完成复核。"
                    ),
                ));
            }
            Err(other) => return Err(other),
        };
        let log = &replacement.log;
        let mut wrong = standing(log, old);
        let (from, on) = (dealt(&replacement), new.effective_at.date);
        if from != on {
            wrong.push(Words::new(
                format!(
                    "it lives from {from} on, {old} until {on}; book it with \"effective\": \"{on}\""
                ),
                format!("它自 {from} 起存续，而 {old} 存续至 {on}；入账时 effective 须为 {on}"),
            ));
        }
        if let (Some(before), Some(after)) = (held.log.trade().sheet(), log.trade().sheet()) {
            wrong.extend(differences(&held.log, &before, &after, novate));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let en: Vec<&str> = wrong.iter().map(|words| words.en.as_str()).collect();
        let zh: Vec<&str> = wrong.iter().map(|words| words.zh.as_str()).collect();
        Err(DeskError::conflict(
            CODE,
            format!(
                "Trade {id} cannot take the place of {old}: {}.",
                en.join("; ")
            ),
            format!("交易 {id} 不能承接 {old}：{}。", zh.join("；")),
        ))
    }
}

/// Whether the replacement is signed, and continues this very trade.
fn standing(log: &TradeLog, old: &str) -> Vec<Words> {
    let mut wrong = Vec::new();
    let state = log.state();
    match state.status {
        Some(Status::PendingConfirm | Status::Live) => {}
        Some(Status::Draft | Status::PendingApproval) => wrong.push(Words::new(
            "it is not approved yet; a second person must sign its booking first",
            "尚未复核，须先完成入账复核",
        )),
        other => {
            let (en, zh) = other.map_or(("not booked", "未入账"), |s| (s.en(), s.zh()));
            wrong.push(Words::new(format!("it is {en}"), format!("其状态为“{zh}”")));
        }
    }
    let continues = state
        .link
        .is_some_and(|link| link.kind == LinkKind::NovatedFrom && link.trade_id == old);
    if !continues {
        wrong.push(Words::new(
            format!("it was not booked as novated from {old} (\"link\")"),
            format!("入账时未注明由 {old} 更替而来（link）"),
        ));
    }
    wrong
}

fn size(sheet: &TermSheet) -> Decimal {
    let (Size::Notional(size) | Size::Quantity(size)) = sheet.size;
    size
}

/// The initial price of an underlying, when it is known.
fn initial(underlying: &UnderlyingTerms) -> Option<Decimal> {
    match &underlying.initial {
        Initial::Price(price) => Some(*price),
        Initial::Fixing { value, .. } => *value,
    }
}

/// Where the replacement is another contract, or has the same party.
fn differences(log: &TradeLog, old: &TermSheet, new: &TermSheet, novate: &Novate) -> Vec<Words> {
    let codes = |sheet: &TermSheet| -> Vec<String> {
        sheet.underlyings.iter().map(|u| u.code.clone()).collect()
    };
    let left = log.state().size.map_or_else(|| size(old), |(left, _)| left);
    let mut wrong = Vec::new();
    let mut differ = |same: bool, en: String, zh: String| {
        if !same {
            wrong.push(Words::new(en, zh));
        }
    };
    differ(
        old.product == new.product && old.schedules == new.schedules,
        "its product or terms differ".to_owned(),
        "产品或条款不同".to_owned(),
    );
    differ(
        codes(old) == codes(new),
        format!(
            "its underlyings are {}, not {}",
            codes(new).join(", "),
            codes(old).join(", ")
        ),
        format!(
            "标的为 {}，而非 {}",
            codes(new).join("、"),
            codes(old).join("、")
        ),
    );
    differ(
        old.direction == new.direction,
        "the house stands on its other side".to_owned(),
        "我方方向相反".to_owned(),
    );
    differ(
        old.currency == new.currency,
        format!("its currency is {}, not {}", new.currency, old.currency),
        format!("币种为 {}，而非 {}", new.currency, old.currency),
    );
    differ(
        (old.dates.start, old.dates.end) == (new.dates.start, new.dates.end),
        "it starts or ends on another date".to_owned(),
        "起始日或到期日不同".to_owned(),
    );
    let fixed = old.fixed(&dates::initials(log));
    let both = fixed.underlyings.iter().zip(&new.underlyings);
    let other = both
        .filter_map(|(was, is)| Some((&was.code, initial(was)?, initial(is)?)))
        .find(|(_, was, is)| was != is);
    if let Some((code, was, is)) = other {
        let (was, is) = (words::number(was), words::number(is));
        differ(
            false,
            format!("the initial price of {code} is {is}, not {was}"),
            format!("{code} 的初始价为 {is}，而非 {was}"),
        );
    }
    let (shown, wanted) = (words::number(size(new)), words::number(left));
    differ(
        size(new) == left,
        format!("its size is {shown}; {wanted} is left to be taken over"),
        format!("规模为 {shown}，而待承接规模为 {wanted}"),
    );
    wrong.extend(parties(old, new, novate));
    wrong
}

/// Whether the replacement is with another party, and with the one that the novation names.
fn parties(old: &TermSheet, new: &TermSheet, novate: &Novate) -> Vec<Words> {
    let (was, is) = (
        summary::party(&old.parties.counterparty),
        summary::party(&new.parties.counterparty),
    );
    let mut wrong = Vec::new();
    if was == is {
        wrong.push(Words::new(
            format!("its counterparty is the leaving one ({was})"),
            format!("对手方仍为退出方（{was}）"),
        ));
    }
    let told = novate.transferee.as_deref().map(str::trim);
    if let Some(told) = told.filter(|told| !told.is_empty())
        && !new.parties.counterparty.values().any(|text| text == told)
    {
        wrong.push(Words::new(
            format!("its counterparty is {is}, not the transferee {told}"),
            format!("对手方为 {is}，而非受让方 {told}"),
        ));
    }
    wrong
}
