//! Published prices of the house, and what they do to trades.

mod agree;
mod notice;
mod row;

use std::collections::BTreeMap;

use rialto_otc_lifecycle::{Status, TradeLog};
use rialto_otc_store::Reader;
use rialto_otc_store::approval::{self, ApprovalRow};
use rialto_otc_store::fixing::{self, FixingRow};
use rialto_otc_store::trade::{self, TradeRow};
use rialto_otc_time::Date;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{Tx, from_micros, now, to_micros};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::agree::agreed;
pub use self::row::{FixingInput, FixingItem, RawRow};
use crate::approval::Request;
use crate::effects::{Effects, Key, Step, fill};
use crate::ledger::Held;
use crate::view::{
    ApprovalView, EffectView, FixingReport, FixingView, OutlierView, RowRefusal, Words,
};
use crate::{Desk, DeskError, blocking, words};

/// Most prices of one request or file.
pub const MOST_ROWS: usize = 200_000;

/// A price that can be entered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub code: String,
    pub date: Date,
    pub rule: String,
    pub value: Decimal,
    pub source: String,
    #[serde(default)]
    pub row: u64,
}

/// Who put prices before whom, and why.
#[derive(Clone, Copy)]
struct Signed<'a> {
    maker: &'a str,
    checker: &'a str,
    reason: &'a str,
}

/// How a price stands to what is known.
enum Standing {
    New,
    Same,
    Corrects,
}

/// Rows sorted by what has to be done with them.
#[derive(Default)]
struct Sorted {
    /// Entered at once.
    direct: Vec<Price>,
    /// Put before a second person.
    signed: Vec<Price>,
    new: u64,
    same: u64,
    corrected: u64,
    refused: Vec<RowRefusal>,
    outliers: Vec<OutlierView>,
    notices: Vec<RowRefusal>,
}

impl Desk {
    /// Reads all rows and sorts them by what has to be done.
    async fn sort(&self, rows: &[RawRow]) -> Result<Sorted, DeskError> {
        let mut sorted = Sorted::default();
        let mut read = Vec::with_capacity(rows.len());
        for raw in rows {
            match self.read_row(raw) {
                Ok(price) => read.push((raw, price)),
                Err(refused) => sorted.refused.push(*refused),
            }
        }
        let agreed = agreed(read);
        sorted.same += agreed.again.len() as u64;
        sorted.notices.extend(notice::again(&agreed.again));
        sorted
            .notices
            .extend(notice::unobserved(&mut self.db(), &agreed.prices).await?);
        sorted.refused.extend(agreed.refused);
        sorted.refused.sort_by_key(|refused| refused.row);
        self.place(agreed.prices, &mut sorted).await?;
        Ok(sorted)
    }

    /// Tells new prices from known ones, and those that need a second person from others.
    async fn place(&self, prices: Vec<Price>, sorted: &mut Sorted) -> Result<(), DeskError> {
        let mut reader = self.db();
        // The last price before, by underlying and rule, as this very file goes on.
        let mut last: BTreeMap<(String, String), Decimal> = BTreeMap::new();
        let outlier = self.policy().outlier;
        for price in prices {
            let key = (price.code.clone(), price.rule.clone());
            let standing = standing(&mut reader, &price).await?;
            if !last.contains_key(&key) {
                let date = price.date.to_string();
                let before = fixing::before(&mut reader, &price.code, &price.rule, &date).await?;
                if let Some(value) = before.and_then(|row| row.value.parse().ok()) {
                    last.insert(key.clone(), value);
                }
            }
            let before = last.insert(key, price.value);
            let jump = before.map(|before| {
                let moved = (price.value - before).abs();
                (before, moved.checked_div(before).unwrap_or(Decimal::MAX))
            });
            let far = jump.filter(|(_, jump)| *jump > outlier);
            match standing {
                Standing::Same => sorted.same += 1,
                Standing::New => {
                    sorted.new += 1;
                    if let Some((before, jump)) = far {
                        sorted.outliers.push(told_outlier(&price, before, jump));
                    }
                    if far.is_some() || price.source == "manual" {
                        sorted.signed.push(price);
                    } else {
                        sorted.direct.push(price);
                    }
                }
                Standing::Corrects => {
                    sorted.corrected += 1;
                    if let Some((before, jump)) = far {
                        sorted.outliers.push(told_outlier(&price, before, jump));
                    }
                    sorted.signed.push(price);
                }
            }
        }
        Ok(())
    }

    /// Enters prices. New ones from a vendor are taken at once and reach every trade that looks at
    /// them; corrections, outliers and prices typed by hand wait for a second person. The same
    /// prices again change nothing.
    ///
    /// # Errors
    /// Store errors; rows that cannot be taken are in the report.
    pub async fn enter_fixings(
        &self,
        actor: &Actor,
        rows: &[RawRow],
        reason: &str,
        dry_run: bool,
    ) -> Result<FixingReport, DeskError> {
        actor.require(Permission::OtcFixing)?;
        if rows.len() > MOST_ROWS {
            let text = format!("more than {MOST_ROWS} prices; send them in parts");
            let zh = format!("价格超过 {MOST_ROWS} 条，请分批提交");
            return Err(DeskError::invalid("/items", "too_many", text, zh));
        }
        let sorted = self.sort(rows).await?;
        let mut report = FixingReport {
            rows: rows.len() as u64,
            new: sorted.new,
            same: sorted.same,
            corrected: sorted.corrected,
            refused: sorted.refused,
            outliers: sorted.outliers,
            notices: sorted.notices,
            effects: Vec::new(),
            trades: 0,
            approval: None,
            dry_run,
        };
        // Before anything is entered: a file is taken whole or refused whole for this.
        if !dry_run && report.corrected > 0 && reason.trim().is_empty() {
            return Err(no_reason(report.corrected));
        }
        let mut effects = Effects::default();
        if dry_run {
            let mut all = sorted.direct.clone();
            all.extend(sorted.signed);
            all.sort_by_key(|price| price.date);
            self.preview(&actor.login, reason, all, &mut effects)
                .await?;
        } else {
            for day in days(sorted.direct) {
                self.enter_day(actor, &day, &mut effects).await?;
            }
            if !sorted.signed.is_empty() {
                let approval = self.ask_for_fixings(actor, sorted.signed, reason).await?;
                report.approval = Some(approval);
            }
        }
        report.trades = effects.touched.len() as u64;
        report.effects = effects.views();
        Ok(report)
    }

    /// Enters the new prices of one date in one transaction: either all of them reached every
    /// trade, or none did.
    async fn enter_day(
        &self,
        actor: &Actor,
        day: &[Price],
        effects: &mut Effects,
    ) -> Result<(), DeskError> {
        let mut tx = self.db().begin().await?;
        let mut told = Effects::default();
        let held = self.take(&mut tx, actor, None, day, &mut told).await?;
        let Some(first) = day.first() else {
            return Ok(());
        };
        let items: Vec<Value> = day.iter().map(item_json).collect();
        let body = json!({"date": first.date, "items": items, "trades": told.touched.len()});
        let subject = format!("otc_fixings:{}", first.date);
        self.record(&mut tx, actor, "otc_fixings", subject, body)
            .await?;
        self.tell_fixings(&mut tx, &first.date.to_string(), &held, &told)
            .await;
        tx.commit().await?;
        for held in held {
            self.release(held);
        }
        effects.merge(told);
        Ok(())
    }

    async fn tell_fixings(&self, tx: &mut Tx<'_>, date: &str, held: &[Held], told: &Effects) {
        tx.publish("list:otc-fixings", date, 1, &["entered"], Value::Null)
            .await;
        let changed = held
            .iter()
            .filter(|held| told.of.contains_key(&held.row.trade_id));
        for held in changed {
            self.tell(tx, &held.row, &["fixing"]).await;
        }
        if !told.touched.is_empty() {
            tx.publish("list:otc-trades", date, 1, &["fixing"], Value::Null)
                .await;
        }
    }

    /// Writes prices and appends them to every trade that looks at them, in the caller's
    /// transaction.
    async fn take(
        &self,
        tx: &mut Tx<'_>,
        maker: &Actor,
        checker: Option<Signed<'_>>,
        prices: &[Price],
        effects: &mut Effects,
    ) -> Result<Vec<Held>, DeskError> {
        let mut all: BTreeMap<String, Held> = BTreeMap::new();
        let mut steps: Vec<(String, Step)> = Vec::new();
        for price in prices {
            let date = price.date.to_string();
            let known = fixing::find(tx, &price.code, &price.rule, &date).await?;
            let value = known.as_ref().and_then(|row| row.value.parse().ok());
            if value == Some(price.value) {
                continue;
            }
            let (login, signed, reason) = match checker {
                Some(signed) => {
                    let checker = Some(signed.checker.to_owned());
                    (signed.maker.to_owned(), checker, signed.reason)
                }
                None => (maker.login.clone(), None, ""),
            };
            let row = FixingRow {
                code: price.code.clone(),
                rule: price.rule.clone(),
                date: date.clone(),
                version: known.map_or(1, |row| row.version + 1),
                value: price.value.normalize().to_string(),
                source: price.source.clone(),
                current: true,
                maker: login,
                checker: signed,
                entered_at: to_micros(now()),
                reason: reason.to_owned(),
            };
            fixing::insert(tx, &row).await?;
            for id in trade::looking_at(tx, &price.code, &price.rule, &date).await? {
                if !all.contains_key(&id) {
                    let held = self.hold(tx, &id).await?;
                    all.insert(id.clone(), held);
                }
                steps.push((id, Step::of(&row, price)));
            }
        }
        let (mut all, mut told) = self.walk(all, steps).await?;
        for id in std::mem::take(&mut told.reopened) {
            let Some(mut held) = all.remove(&id) else {
                continue;
            };
            let missing = missing(tx, &held.row, &held.log, &BTreeMap::new()).await?;
            let desk = self.clone();
            (held, told) = blocking(move || {
                told.caught_up(&desk, &mut held.log, held.row.no, &missing)?;
                Ok((held, told))
            })
            .await?;
            all.insert(id, held);
        }
        let mut done = Vec::new();
        for held in all.into_values() {
            told.finish(&held.log, held.row.no);
            done.push(self.persist(tx, held).await?);
        }
        effects.merge(told);
        Ok(done)
    }

    /// Appends steps to trades on a thread that may block.
    async fn walk(
        &self,
        all: BTreeMap<String, Held>,
        steps: Vec<(String, Step)>,
    ) -> Result<(BTreeMap<String, Held>, Effects), DeskError> {
        let desk = self.clone();
        blocking(move || {
            let mut all = all;
            let mut told = Effects::default();
            for (id, step) in steps {
                if let Some(held) = all.get_mut(&id) {
                    let no = held.row.no;
                    // One trade at a time: others may fold in between.
                    let mut context = desk.context();
                    told.enter(&mut context, &mut held.log, no, &step);
                }
            }
            Ok((all, told))
        })
        .await
    }

    /// What prices would do, without writing anything.
    async fn preview(
        &self,
        maker: &str,
        reason: &str,
        prices: Vec<Price>,
        effects: &mut Effects,
    ) -> Result<(), DeskError> {
        let mut reader = self.db();
        let mut logs: BTreeMap<String, (TradeRow, TradeLog)> = BTreeMap::new();
        let mut tried: BTreeMap<Key, Step> = BTreeMap::new();
        for price in prices {
            let date = price.date.to_string();
            let ids = trade::looking_at(&mut reader, &price.code, &price.rule, &date).await?;
            for id in &ids {
                if !logs.contains_key(id) {
                    let (row, log) = self.log(id).await?;
                    logs.insert(id.clone(), (row, TradeLog::clone(&log)));
                }
            }
            let known = fixing::find(&mut reader, &price.code, &price.rule, &date).await?;
            let step = Step {
                version: known.map_or(1, |row| row.version + 1),
                maker: maker.to_owned(),
                checker: Some(format!("{maker} (second person)")),
                reason: reason.to_owned(),
                price,
            };
            tried.insert(step.key(), step.clone());
            let desk = self.clone();
            let moved = std::mem::take(effects);
            (logs, *effects) = blocking(move || {
                let (mut logs, mut effects) = (logs, moved);
                for id in ids {
                    if let Some((row, log)) = logs.get_mut(&id) {
                        effects.enter(&mut desk.context(), log, row.no, &step);
                    }
                }
                Ok((logs, effects))
            })
            .await?;
        }
        for id in std::mem::take(&mut effects.reopened) {
            let Some((row, mut log)) = logs.remove(&id) else {
                continue;
            };
            let missing = missing(&mut reader, &row, &log, &tried).await?;
            let desk = self.clone();
            let mut moved = std::mem::take(effects);
            let no = row.no;
            (log, *effects) = blocking(move || {
                moved.caught_up(&desk, &mut log, no, &missing)?;
                Ok((log, moved))
            })
            .await?;
            logs.insert(id, (row, log));
        }
        for (row, log) in logs.values() {
            effects.finish(log, row.no);
        }
        Ok(())
    }

    /// Puts prices before a second person, with what they would do.
    async fn ask_for_fixings(
        &self,
        actor: &Actor,
        prices: Vec<Price>,
        reason: &str,
    ) -> Result<ApprovalView, DeskError> {
        let items: Vec<Value> = prices.iter().map(item_json).collect();
        let document = json!({"kind": "fixings", "items": items});
        let subject = hex::encode(Sha256::digest(document.to_string().as_bytes()));
        let mut effects = Effects::default();
        self.preview(&actor.login, reason, prices.clone(), &mut effects)
            .await?;
        let mut tx = self.db().begin().await?;
        let at = to_micros(now());
        if let Some(known) = approval::of_subject(&mut tx, "fixings", &subject, at).await? {
            return crate::approval::view(known);
        }
        let first = prices.first().map(|price| {
            let Price {
                code, date, value, ..
            } = price;
            format!("{code} {date} {}", words::number(*value))
        });
        let first = first.unwrap_or_default();
        let more = prices.len();
        let request = Request {
            kind: "fixings",
            trade_id: None,
            event_id: String::new(),
            subject,
            document,
            words: Words::new(
                format!("Enter {more} prices that need a second person: {first} …"),
                format!("录入 {more} 个须复核的定盘价：{first} …"),
            ),
            reason: reason.to_owned(),
            difference: effects.difference(),
        };
        let view = self.ask(&mut tx, actor, request).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// A second person signed prices: they are entered now.
    pub(crate) async fn sign_fixings(
        &self,
        tx: &mut Tx<'_>,
        checker: &Actor,
        row: &ApprovalRow,
        document: Value,
        reason: &str,
    ) -> Result<(Vec<Held>, FixingReport), DeskError> {
        #[derive(Deserialize)]
        struct Items {
            items: Vec<Price>,
        }
        let Items { items } =
            serde_json::from_value(document).map_err(DeskError::json("approval"))?;
        let mut effects = Effects::default();
        let signed = Some(Signed {
            maker: &row.maker,
            checker: &checker.login,
            reason,
        });
        let mut corrected = 0;
        for price in &items {
            if let Standing::Corrects = standing(tx, price).await? {
                corrected += 1;
            }
        }
        let held = self.take(tx, checker, signed, &items, &mut effects).await?;
        let told: Vec<Value> = effects.views().iter().map(effect_json).collect();
        let body = json!({"approval": row.id, "items": items.iter().map(item_json)
            .collect::<Vec<_>>(), "effects": told, "maker": row.maker, "checker": checker.login,
            "reason": reason});
        let subject = format!("otc_approval:{}", row.id);
        self.record(tx, checker, "otc_correction", subject, body)
            .await?;
        self.tell_fixings(tx, &row.id, &held, &effects).await;
        let report = FixingReport {
            rows: items.len() as u64,
            new: items.len() as u64 - corrected,
            same: 0,
            corrected,
            refused: Vec::new(),
            outliers: Vec::new(),
            notices: Vec::new(),
            trades: effects.touched.len() as u64,
            effects: effects.views(),
            approval: None,
            dry_run: false,
        };
        Ok((held, report))
    }

    /// Gives a trade in force every price of the house that it lacks.
    pub(crate) async fn catch_up(
        &self,
        reader: &mut impl Reader,
        held: Held,
    ) -> Result<Held, DeskError> {
        if held.log.trade().status() != Some(Status::Live) {
            return Ok(held);
        }
        let missing = missing(reader, &held.row, &held.log, &BTreeMap::new()).await?;
        let desk = self.clone();
        blocking(move || {
            let mut held = held;
            fill(&desk, &mut held.log, &missing)?;
            Ok(held)
        })
        .await
    }

    /// Prices in force, newest first, before a place; with each its place.
    ///
    /// # Errors
    /// Store errors.
    pub async fn fixings(
        &self,
        code: Option<&str>,
        range: (Option<&str>, Option<&str>),
        before: Option<(String, String, String)>,
        limit: i64,
    ) -> Result<Vec<FixingView>, DeskError> {
        let rows = fixing::list(&mut self.db(), code, range, before, limit).await?;
        rows.into_iter()
            .map(|row| {
                Ok(FixingView {
                    underlying: row.code,
                    date: row.date,
                    rule: row.rule,
                    value: row.value,
                    source: row.source,
                    version: row.version,
                    maker: row.maker,
                    checker: row.checker,
                    reason: Some(row.reason).filter(|reason| !reason.is_empty()),
                    entered_at: from_micros(row.entered_at)?,
                })
            })
            .collect()
    }
}

/// Every price of the house that a trade looks at, oldest first. Prices that are only tried stand
/// before those that are written.
async fn missing(
    reader: &mut impl Reader,
    row: &TradeRow,
    log: &TradeLog,
    tried: &BTreeMap<Key, Step>,
) -> Result<Vec<Step>, DeskError> {
    let mut steps: BTreeMap<(Date, String, String), Step> = BTreeMap::new();
    let place = |step: Step| {
        let (code, rule, date) = step.key();
        ((date, code, rule), step)
    };
    let (from, to) = (row.start_date.as_str(), row.end_date.as_str());
    for (code, rule) in crate::summary::looks_at(log) {
        for known in fixing::of(reader, &code, &rule, (from, to)).await? {
            steps.extend([place(Step::read(known)?)]);
        }
        let of = tried.values().filter(|step| {
            let date = step.price.date.to_string();
            let (seen, asked) = (&step.price.code, &step.price.rule);
            (seen, asked) == (&code, &rule) && (from..=to).contains(&date.as_str())
        });
        steps.extend(of.cloned().map(place));
    }
    Ok(steps.into_values().collect())
}

async fn standing(reader: &mut impl Reader, price: &Price) -> Result<Standing, DeskError> {
    let date = price.date.to_string();
    let known = fixing::find(reader, &price.code, &price.rule, &date).await?;
    let value = known.map(|row| row.value.parse::<Decimal>());
    Ok(match value {
        None => Standing::New,
        Some(Ok(value)) if value == price.value => Standing::Same,
        Some(_) => Standing::Corrects,
    })
}

fn told_outlier(price: &Price, before: Decimal, jump: Decimal) -> OutlierView {
    let jump = rialto_otc_contract::value::percent_text(jump.round_dp(4));
    let (value, before) = (words::number(price.value), words::number(before));
    OutlierView {
        row: price.row,
        underlying: price.code.clone(),
        date: price.date.to_string(),
        message: Words::new(
            format!("{value} is {jump} away from {before} before it: a second person must sign."),
            format!("{value} 与前值 {before} 相差 {jump}，须双人复核。"),
        ),
        value,
        before,
    }
}

fn item_json(price: &Price) -> Value {
    json!({"code": price.code, "date": price.date, "rule": price.rule,
        "value": price.value.normalize().to_string(), "source": price.source})
}

fn effect_json(effect: &EffectView) -> Value {
    let told = effect.difference.as_ref().map(|words| words.en.as_str());
    json!({"trade": effect.trade_id, "events": effect.events, "difference": told})
}

fn no_reason(corrected: u64) -> DeskError {
    DeskError::Invalid {
        pointer: "/reason".to_owned(),
        code: "required",
        en: format!(
            "{corrected} of these prices correct known ones; say why in \"reason\". Nothing was entered."
        ),
        zh: format!(
            "其中 {corrected} 个价格更正了已有定盘价，请在 reason 中说明原因。本次未录入任何价格。"
        ),
    }
}

/// Prices by date, oldest first.
fn days(prices: Vec<Price>) -> Vec<Vec<Price>> {
    let mut days: BTreeMap<Date, Vec<Price>> = BTreeMap::new();
    for price in prices {
        days.entry(price.date).or_default().push(price);
    }
    days.into_values().collect()
}
