//! What is checked before an event is recorded. Replay does not check again: what was recorded was
//! right by the rules of its day.

use std::sync::Arc;

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::{Compiled, Initials};
use rialto_otc_contract::envelope::{State, When};
use rialto_otc_contract::formula::grouped;
use rialto_otc_contract::plan::Plan;
use rialto_otc_time::Date;
use rust_decimal::Decimal;

use crate::canon::Document;
use crate::context::Context;
use crate::deal::size_of;
use crate::event::NewEvent;
use crate::flow::FlowStatus;
use crate::payload::{
    Amend, Approve, Book, Cancel, Flows, Kind, LinkKind, Novate, NovationForm, Payload, Resize,
    Settlement,
};
use crate::refusal::Refusal;
use crate::state::Status;
use crate::trade::Trade;

mod prices;

type Checked = Result<(), Refusal>;

fn refuse<T>(
    code: &'static str,
    at: &str,
    en: impl Into<String>,
    zh: impl Into<String>,
) -> Result<T, Refusal> {
    Err(Refusal::new(code, at, en, zh))
}

/// Text that must say something.
fn said(text: &str, field: &str) -> Checked {
    if text.trim().is_empty() {
        let at = format!("/payload/{field}");
        let en = format!("{field:?} is mandatory: say it in words.");
        return refuse(
            "E-BOOK-REASON",
            &at,
            en,
            format!("{field:?} 必填，请说明。"),
        );
    }
    Ok(())
}

impl Trade {
    /// Checks what every event must keep.
    pub(crate) fn check(&self, context: &mut Context<'_>, new: &NewEvent) -> Checked {
        let kind = new.payload.kind();
        if kind.is_derived() {
            let en = format!(
                "{:?} events are derived by the interpreter, not sent.",
                kind.text()
            );
            let zh = format!("{:?} 事件由系统推导，不可录入。", kind.text());
            return refuse("E-BOOK-DERIVED", "/kind", en, zh);
        }
        for (text, field) in [
            (&new.event_id, "event_id"),
            (&new.maker, "maker"),
            (&new.source, "source"),
        ] {
            if text.trim().is_empty() || text.len() > 200 || text.contains('#') {
                let at = format!("/{field}");
                let en = format!("{field:?} must have 1 to 200 characters, none of them #.");
                let zh = format!("{field:?} 须为 1 至 200 个字符且不含 #。");
                return Err(Refusal::new("E-BOOK-FIELD", &at, en, zh).value(text));
            }
        }
        if self.head.known_at.is_some_and(|last| new.known_at < last) {
            let en = "The ledger learns forward: \"known_at\" is before that of the last event.";
            let zh = "known_at 早于上一事件：台账的知悉时间不可倒退。";
            return Err(Refusal::new("E-BOOK-KNOWN", "/known_at", en, zh).value(new.known_at));
        }
        if !self.allowed().contains(&kind) {
            return Err(self.not_now(context, kind));
        }
        self.check_version(new)?;
        self.check_approval(new)?;
        self.check_effective(new)?;
        self.check_payload(context, new)
    }

    /// Nothing is decided about a contract before it was dealt, and nothing is paid before it is
    /// decided.
    fn check_effective(&self, new: &NewEvent) -> Checked {
        let (Some(booked), true) = (&self.booked, new.payload.kind().is_decision()) else {
            return Ok(());
        };
        let on = new.effective_at.date;
        if let Some(dealt) = booked.on.filter(|dealt| on < *dealt) {
            let en = format!("{on} is before the contract was dealt ({dealt}).");
            let zh = format!("{on} 早于合约成交日 {dealt}。");
            return Err(Refusal::new("E-BOOK-EFFECTIVE", "/effective_at/date", en, zh).value(on));
        }
        let pay_date = match &new.payload {
            Payload::TerminatePartial(resize) | Payload::NotionalIncrease(resize) => {
                Some(resize.pay_date)
            }
            Payload::Terminate(end) => Some(end.pay_date),
            Payload::Novate(novate) => Some(novate.pay_date),
            Payload::Cancel(cancel) => cancel.pay_date,
            _ => None,
        };
        if let Some(paid) = pay_date.filter(|paid| *paid < on) {
            let en = format!("It is paid on {paid}, before it takes effect on {on}.");
            let zh = format!("付款日 {paid} 早于生效日 {on}。");
            return Err(Refusal::new("E-BOOK-PAY-DATE", "/payload/pay_date", en, zh).value(paid));
        }
        Ok(())
    }

    /// Checks what the kind asks for.
    fn check_payload(&self, context: &mut Context<'_>, new: &NewEvent) -> Checked {
        match &new.payload {
            Payload::Book(book) => self.check_book(context, book),
            Payload::Submit(submit) => said(&submit.limit_check, "limit_check"),
            Payload::Approve(approve) => self.check_approve(approve, new),
            Payload::Reject(reject) => said(&reject.reason, "reason"),
            Payload::Confirm(confirm) => said(&confirm.reference, "reference"),
            Payload::Fixing(fixing) => self.check_fixing(context, fixing, new, false),
            Payload::FixingCorrected(fixing) => self.check_fixing(context, fixing, new, true),
            Payload::BarrierHit(hit) => self.check_hit(context, hit, new),
            Payload::Exercise(exercise) => match exercise.settlement {
                Settlement::Cash => self.check_right(context),
                Settlement::Physical => refuse(
                    "E-BOOK-PHYSICAL",
                    "/payload/settlement",
                    "The book does not deliver underlyings yet. Settle in cash.",
                    "台账尚不支持实物交割，请用现金结算。",
                ),
            },
            Payload::Abandon(abandon) => {
                said(&abandon.reason, "reason")?;
                self.check_right(context)
            }
            Payload::Amend(amend) => self.check_amend(context, amend, false),
            Payload::Extend(amend) => self.check_amend(context, amend, true),
            Payload::TerminatePartial(resize) => self.check_resize(resize, true),
            Payload::NotionalIncrease(resize) => self.check_resize(resize, false),
            Payload::Novate(novate) => self.check_novate(novate),
            Payload::Cancel(cancel) => self.check_cancel(cancel),
            Payload::Instructed(flows) => self.check_flows(flows, FlowStatus::Instructed),
            Payload::Settled(flows) => self.check_flows(flows, FlowStatus::Settled),
            Payload::Failed(flows) => {
                said(&flows.note, "note")?;
                self.check_flows(flows, FlowStatus::Failed)
            }
            Payload::ReviewClosed(closed) => {
                said(&closed.note, "note")?;
                if self.reviews.iter().any(|review| review.id == closed.review) {
                    return Ok(());
                }
                let en = format!("Review {} is not open.", closed.review);
                let zh = format!("复核事项 {} 未处于打开状态。", closed.review);
                refuse("E-BOOK-REVIEW", "/payload/review", en, zh)
            }
            _ => Ok(()),
        }
    }

    /// The refusal of an event that does not fit the status.
    fn not_now(&self, context: &mut Context<'_>, kind: Kind) -> Refusal {
        let mut kinds = self.allowed();
        if let Ok(compiled) = self.contract(context) {
            kinds.retain(|kind| has_use(*kind, &compiled.plan));
        }
        let (en, zh) = self
            .status
            .map_or(("not booked", "未入账"), |s| (s.en(), s.zh()));
        let allowed: Vec<&str> = kinds.iter().map(|kind| kind.text()).collect();
        let list = allowed.join(", ");
        let en = format!(
            "{:?} does not fit a trade that is {en}. Allowed now: {list}.",
            kind.text()
        );
        let told = |kind: &Kind| format!("{}（{}）", kind.zh(), kind.text());
        let list: Vec<String> = kinds.iter().map(told).collect();
        let zh = format!(
            "交易处于“{zh}”，不接受{}。当前可用：{}。",
            told(&kind),
            list.join("、")
        );
        let mut refusal = Refusal::new("E-BOOK-STATE", "/kind", en, zh).value(kind.text());
        refusal.allowed = allowed.into();
        refusal
    }

    fn check_version(&self, new: &NewEvent) -> Checked {
        let kind = new.payload.kind();
        let mut refusal = match new.expected_version {
            Some(seen) if seen == self.version => return Ok(()),
            None if !kind.needs_version() => return Ok(()),
            None => Refusal::new(
                "E-BOOK-VERSION",
                "/expected_version",
                format!("Say which version you saw (If-Match). It is {} now.", self.version),
                format!("请注明所见版本（If-Match）。当前版本为 {}。", self.version),
            ),
            Some(seen) => Refusal::new(
                "E-BOOK-VERSION",
                "/expected_version",
                format!(
                    "The trade was changed since you saw it: it is version {} now. Look at it and decide again.",
                    self.version
                ),
                format!("交易已被他人修改，当前版本为 {}。请查看后重新决定。", self.version),
            )
            .value(seen),
        };
        refusal.current_version = Some(self.version);
        Err(refusal)
    }

    fn check_approval(&self, new: &NewEvent) -> Checked {
        let kind = new.payload.kind();
        if new.checker.is_none() && new.approval_hash.is_none() {
            if !new.needs_approval() {
                return Ok(());
            }
            let en = format!(
                "A second person must sign {:?}: give \"checker\" and \"approval_hash\" (the hash of exactly this event).",
                kind.text()
            );
            let zh = format!(
                "{}（{}）须双人复核：请提供 checker 与 approval_hash。",
                kind.zh(),
                kind.text()
            );
            return refuse("E-BOOK-FOUR-EYES", "/checker", en, zh);
        }
        let checker = new.checker.as_deref().unwrap_or_default();
        if checker.trim().is_empty() || checker == new.maker {
            let en = "The checker must be another person than the maker.";
            let refusal =
                Refusal::new("E-BOOK-FOUR-EYES", "/checker", en, "复核人须不同于经办人。");
            return Err(refusal.value(checker));
        }
        let signed = match &new.payload {
            Payload::Approve(approve) => approve.subject,
            _ => new.subject(),
        };
        if new.approval_hash != Some(signed) {
            let en = "The signature is not for this content: it dies with any change. Have it checked again.";
            let zh = "签名与内容不符：内容一经改动签名即失效，请重新复核。";
            return refuse("E-BOOK-APPROVAL", "/approval_hash", en, zh);
        }
        Ok(())
    }

    fn check_approve(&self, approve: &Approve, new: &NewEvent) -> Checked {
        let Some(booked) = &self.booked else {
            return Ok(());
        };
        if approve.subject != booked.subject {
            let en = "The approval is for other content than what was booked.";
            return refuse(
                "E-BOOK-APPROVAL",
                "/payload/subject",
                en,
                "复核对象与入账内容不符。",
            );
        }
        let signer = new.checker.as_ref().unwrap_or(&new.maker);
        if *signer == booked.maker || new.maker == booked.maker {
            let en = "Who booked the trade cannot approve it.";
            let refusal = Refusal::new(
                "E-BOOK-FOUR-EYES",
                "/maker",
                en,
                "经办人不可复核自己的交易。",
            );
            return Err(refusal.value(signer));
        }
        Ok(())
    }

    fn read_sheet(&self, document: &Document) -> Result<TermSheet, Refusal> {
        let sheet = TermSheet::from_value(&document.0).map_err(Refusal::sheet)?;
        if sheet.trade_id != self.trade_id {
            let en = format!(
                "The sheet is of trade {:?}, the event of {:?}.",
                sheet.trade_id, self.trade_id
            );
            let zh = format!(
                "条款清单属于交易 {:?}，事件属于 {:?}。",
                sheet.trade_id, self.trade_id
            );
            return refuse("E-BOOK-TRADE", "/payload/sheet/trade_id", en, zh);
        }
        if !matches!(
            (sheet.dates.start, sheet.dates.end),
            (Some(When::Date(_)), Some(When::Date(_)))
        ) {
            let en = "The book keeps contracts on dates: give start and end dates. Numeric contracts are for pricing alone.";
            let zh = "台账仅登记日期合约：请给出起始与到期日期。数值合约仅供定价。";
            return refuse("E-BOOK-NUMERIC", "/payload/sheet/dates", en, zh);
        }
        if sheet
            .premium
            .as_ref()
            .is_some_and(|premium| premium.unwound.is_some())
        {
            let en = "Book the whole premium; what is unwound comes from the ledger's own events.";
            let zh = "请登记全额期权费；已平仓部分由台账事件得出。";
            return refuse("E-BOOK-PREMIUM", "/payload/sheet/premium/unwound", en, zh);
        }
        Ok(sheet)
    }

    /// The premium of a funded contract is its whole price, principal included; one below half of
    /// the principal is what was meant to come on top of it.
    fn check_price(sheet: &TermSheet) -> Checked {
        let (Some(premium), Some(principal)) = (&sheet.premium, sheet.principal()) else {
            return Ok(());
        };
        if premium.amount + premium.amount >= principal.amount {
            return Ok(());
        }
        let (named, par) = (grouped(premium.amount), grouped(principal.amount));
        let total = grouped(premium.amount + principal.amount);
        let en = format!(
            "The premium of a contract whose principal is paid in is its whole price, and {named} is less than half of the principal of {par}. To be paid on top of the principal, write {total}; a contract issued at par needs no premium."
        );
        let zh = format!(
            "含本金合约的期权费指全部买入价，而 {named} 不足本金 {par} 的一半。若拟在本金之外另付，请填 {total}；按面值发行则无需填写期权费。"
        );
        let refusal = Refusal::new("E-BOOK-PREMIUM", "/payload/sheet/premium/amount", en, zh);
        Err(refusal.value(premium.amount))
    }

    /// Compiles a sheet; initial fixings that are not known yet stand at 1000 to find what is wrong.
    fn try_sheet(
        &self,
        context: &mut Context<'_>,
        sheet: &TermSheet,
    ) -> Result<Arc<Compiled>, Refusal> {
        let mut initials = Initials::new();
        for (code, rule, date) in sheet.open_initials() {
            let known = self.deal.find_slot(code, rule).zip(date);
            let known = known.and_then(|(slot, date)| self.deal.fixings.get(&(date, slot)));
            let value = known.map_or(Decimal::ONE_THOUSAND, |fixed| fixed.value);
            initials.insert(code.to_owned(), value);
        }
        context.compiled(sheet, &initials).map_err(Refusal::sheet)
    }

    fn check_book(&self, context: &mut Context<'_>, book: &Book) -> Checked {
        let sheet = self.read_sheet(&book.sheet)?;
        let continued = book
            .link
            .as_ref()
            .is_some_and(|link| link.kind != LinkKind::Rebooks);
        if sheet.state.is_some() && !continued {
            let en = "The ledger derives the state from fixings. Remove \"state\", or link the trade it continues.";
            let zh = "状态由台账按定盘价推导，请删除 state 或注明所承接的交易。";
            return refuse("E-BOOK-STATED", "/payload/sheet/state", en, zh);
        }
        let compiled = self.try_sheet(context, &sheet)?;
        if continued {
            check_given(&sheet, &compiled)
        } else {
            Self::check_price(&sheet)
        }
    }

    fn check_amend(&self, context: &mut Context<'_>, amend: &Amend, extends: bool) -> Checked {
        said(&amend.reason, "reason")?;
        let sheet = self.read_sheet(&amend.sheet)?;
        let next = self.deal.versions.len() + 1;
        let before = self
            .deal
            .sheet(self.deal.versions.len().saturating_sub(1))?;
        if usize::try_from(sheet.version).ok() != Some(next) {
            let en = format!("The amended sheet must have \"version\": {next}.");
            let zh = format!("修订后的条款清单版本须为 {next}。");
            let refusal = Refusal::new("E-BOOK-SHEET-VERSION", "/payload/sheet/version", en, zh);
            return Err(refusal.value(sheet.version));
        }
        let codes = |sheet: &TermSheet| -> Vec<String> {
            sheet
                .underlyings
                .iter()
                .map(|underlying| underlying.code.clone())
                .collect()
        };
        if sheet.clocks.is_none() && before.clocks.is_some() {
            let en = "The sheet in force names its three clocks; the amended one must name them too, or its value would change unseen.";
            let zh = "现行条款写明了三个时钟，修订后的条款也须写明，以免估值在不知情时改变。";
            return refuse("E-BOOK-CLOCKS", "/payload/sheet/clocks", en, zh);
        }
        let same = sheet.currency == before.currency
            && sheet.direction == before.direction
            && codes(&sheet) == codes(&before);
        if !same || sheet.state.is_some() {
            let en = "Currency, direction and underlyings stay, and the state comes from the ledger. Cancel and book anew to change them.";
            let zh = "币种、方向与标的不可修订，状态由台账得出；如需更改请撤销后重新入账。";
            return refuse("E-BOOK-AMEND", "/payload/sheet", en, zh);
        }
        let end = |sheet: &TermSheet| match sheet.dates.end {
            Some(When::Date(date)) => Some(date),
            _ => None,
        };
        if extends && end(&sheet) <= end(&before) {
            let en = "An extension ends later than the contract does now.";
            return refuse(
                "E-BOOK-EXTEND",
                "/payload/sheet/dates/end",
                en,
                "展期后的到期日须晚于现到期日。",
            );
        }
        if self.since.is_none() {
            Self::check_price(&sheet)?;
        }
        self.try_sheet(context, &sheet).map(|_| ())
    }

    fn check_resize(&self, resize: &Resize, ends: bool) -> Checked {
        let sheet = self.deal.sheet(self.walk.cursor.version)?;
        let left = self
            .walk
            .cursor
            .size
            .map_or_else(|| size_of(&sheet), |(left, _)| left);
        if resize.size <= Decimal::ZERO || (ends && resize.size >= left) {
            let en = format!(
                "The part must be above 0 and below {}. End the whole with \"terminate\".",
                left.normalize()
            );
            let zh = format!(
                "部分规模须大于 0 且小于 {}；全部终止请用 terminate。",
                left.normalize()
            );
            return Err(Refusal::new("E-BOOK-SIZE", "/payload/size", en, zh).value(resize.size));
        }
        Ok(())
    }

    fn check_novate(&self, novate: &Novate) -> Checked {
        if novate.replacement == self.trade_id {
            let en = "The replacement is a trade of its own.";
            return refuse(
                "E-BOOK-NOVATION",
                "/payload/replacement",
                en,
                "替代交易须另有编号。",
            );
        }
        said(&novate.replacement, "replacement")?;
        if novate.form == NovationForm::ThreeParty {
            said(
                novate.transferee.as_deref().unwrap_or_default(),
                "transferee",
            )?;
        }
        Ok(())
    }

    fn check_cancel(&self, cancel: &Cancel) -> Checked {
        said(&cancel.reason, "reason")?;
        let paid = self
            .flows
            .iter()
            .any(|flow| flow.status == FlowStatus::Settled);
        if paid && cancel.pay_date.is_none() {
            let en = "Flows were settled already: say when they are paid back.";
            return refuse(
                "E-BOOK-CANCEL",
                "/payload/pay_date",
                en,
                "已有现金流结算，请给出退回日期。",
            );
        }
        Ok(())
    }

    fn check_flows(&self, flows: &Flows, to: FlowStatus) -> Checked {
        if flows.flows.is_empty() {
            return refuse(
                "E-FLOW-UNKNOWN",
                "/payload/flows",
                "Name the flows.",
                "请列出现金流。",
            );
        }
        for (n, id) in flows.flows.iter().enumerate() {
            let at = format!("/payload/flows/{n}");
            let Some(flow) = self.flows.iter().find(|flow| flow.flow_id == *id) else {
                let en = format!("The trade has no flow {id:?}.");
                return refuse(
                    "E-FLOW-UNKNOWN",
                    &at,
                    en,
                    format!("交易无此现金流 {id:?}。"),
                );
            };
            if !flow.status.may_become(to)
                || flows.flows.get(..n).is_some_and(|all| all.contains(id))
            {
                let ((now, jetzt), (then, dann)) = (flow.status.texts(), to.texts());
                let en = format!("Flow {id} is {now} and cannot become {then}.");
                let zh = format!("现金流 {id} 状态为{jetzt}，不能变为{dann}。");
                return refuse("E-FLOW-STATUS", &at, en, zh);
            }
        }
        if to == FlowStatus::Instructed && !self.reviews.is_empty() {
            let open: Vec<String> = self
                .reviews
                .iter()
                .map(|review| review.id.to_string())
                .collect();
            let open = open.join(", ");
            let en = format!("Review {open} is open: close it before anything is instructed.");
            let zh = format!("复核事项 {open} 未完成，完成前不可发出付款指令。");
            return refuse("E-BOOK-REVIEW", "/payload/flows", en, zh);
        }
        Ok(())
    }

    /// The contract in force; an initial fixing that is not known yet stands at 1000, which changes
    /// nothing of what may happen to it.
    fn contract(&self, context: &mut Context<'_>) -> Result<Arc<Compiled>, Refusal> {
        let sheet = self.deal.sheet(self.walk.cursor.version)?;
        self.try_sheet(context, &sheet)
    }

    /// Whether the contract gives a right to exercise.
    fn check_right(&self, context: &mut Context<'_>) -> Checked {
        if !has_use(Kind::Exercise, &self.contract(context)?.plan) {
            let en = "The contract gives the holder no right to exercise.";
            return refuse("E-BOOK-RIGHT", "/kind", en, "合约不含行权权利。");
        }
        match self.deal.clone().load(self.walk.cursor.version, context)? {
            crate::deal::Load::Ready(_) => Ok(()),
            crate::deal::Load::Waiting(date) => Err(waiting(date, None)),
        }
    }

    /// After a decision was folded on trial: whether it took effect.
    pub(crate) fn check_effect(&self, new: &NewEvent) -> Checked {
        if self.workflow != Some(Status::Live) {
            return Ok(());
        }
        let Some(seq) = self.deal.controls.iter().map(|control| control.seq).max() else {
            return Ok(());
        };
        let place = self
            .deal
            .controls
            .iter()
            .position(|control| control.seq == seq);
        if place.is_none_or(|place| self.walk.cursor.control > place) {
            return Ok(());
        }
        if let Some((_, on)) = self.walk.outcome {
            let en = format!(
                "The contract had ended on {on}, before {}.",
                new.effective_at.date
            );
            let zh = format!("合约已于 {on} 终止，早于 {}。", new.effective_at.date);
            return refuse("E-BOOK-ENDED", "/effective_at", en, zh);
        }
        let missing = self.walk.waiting.unwrap_or(new.effective_at.date);
        Err(waiting(missing, self.walk.cursor.last))
    }
}

/// Whether a contract's program gives an event something to do: only some have a right to exercise
/// or barriers that are watched at every instant.
#[must_use]
pub fn has_use(kind: Kind, plan: &Plan<Decimal>) -> bool {
    match kind {
        Kind::Exercise | Kind::Abandon => plan.exercise.is_some(),
        Kind::BarrierHit => !plan.monitors.is_empty(),
        _ => true,
    }
}

/// A trade that is continued must say all that its contract remembers, and nothing else.
fn check_given(sheet: &TermSheet, compiled: &Compiled) -> Checked {
    let vars: Vec<&str> = compiled
        .plan
        .vars
        .iter()
        .map(|var| var.name.as_str())
        .collect();
    let empty = State::default();
    let state = sheet.state.as_ref().unwrap_or(&empty);
    let unknown = state
        .values
        .keys()
        .map(String::as_str)
        .find(|name| !vars.contains(name));
    let missing = vars.iter().find(|name| !state.values.contains_key(**name));
    if let Some(name) = unknown.or(missing.copied()) {
        let en = format!(
            "A trade in mid-life must give the state of {}; see {name:?}.",
            vars.join(", ")
        );
        let zh = format!(
            "承接中的交易须给出状态 {}，请检查 {name:?}。",
            vars.join("、")
        );
        return Err(Refusal::new("E-BOOK-STATED", "/payload/sheet/state", en, zh).value(name));
    }
    if state.ended || !state.pending.is_empty() {
        let en = "What is determined and unpaid stays with the trade it comes from; a trade that has ended is not continued.";
        let zh = "已确定未支付的现金流留在原交易；已终止的交易不可承接。";
        return refuse("E-BOOK-STATED", "/payload/sheet/state/pending", en, zh);
    }
    Ok(())
}

/// Fixings of a date are missing; `last` is the last date that is known. Before the close of the
/// missing one nobody can enter it.
fn waiting(date: Date, last: Option<Date>) -> Refusal {
    let mut en = format!(
        "What happened before is not known: fixings of {date} are missing. Enter them first; decisions are booked when they take effect."
    );
    let mut zh = format!("缺少 {date} 的定盘价，无法确定此前状态。请先录入；决定须在生效时登记。");
    if let Some(last) = last {
        en += &format!(
            " Until {date} has closed, the last effective date that can be taken is {last}."
        );
        zh += &format!("{date} 收盘前，生效日最晚可取 {last}。");
    }
    Refusal::new("E-BOOK-WAITING", "/effective_at", en, zh)
}
