//! Quotes: made, kept, accepted into a trade.

use jiff::SignedDuration;
use rialto_otc_contract::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::quote::{
    Asked, Charges, Heading, Quote, Quoted, SLIPPAGE, Side, Spreads, Status, acceptable, quote,
};
use rialto_otc_pricing::solve::Unknown;
use rialto_otc_store::numbers;
use rialto_otc_store::quote::{self as store, QuoteRow};
use rialto_otc_store::snapshot as snapshots;

use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{from_micros, new_id, now, to_micros};
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::book::Booking;
use crate::price::{increment, request, target, unknown};
use crate::view::{QuoteView, TradeView};
use crate::{Desk, DeskError, blocking, summary, words};

mod notes;

/// Longest life of a quote: a week.
const LONGEST_MINUTES: u32 = 7 * 24 * 60;

rialto_kernel::define_id!(QuoteId);

/// Half-spreads of the marks, per 1.00.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpreadsInput {
    /// Of volatility: 0.01 is one point.
    pub vol: f64,
    /// Of the carry.
    pub q: f64,
    /// Of the rate.
    pub r: f64,
}

/// What the house charges, basis points of the notional.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChargesInput {
    /// Expected cost of hedging.
    pub hedge_bp: f64,
    /// Sales margin.
    pub margin_bp: f64,
    /// Model reserve.
    pub reserve_bp: f64,
    /// Credit and funding.
    pub funding_bp: f64,
}

/// What a client asks for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteInput {
    /// The term sheet; the unknown's present value is where the search begins.
    #[schema(value_type = Object)]
    pub terms: Value,
    /// `coupon`, `bonus`, `strike`, `ko_level`, `ki_level`, `premium`, `part`, `rebate`, `spread`.
    pub unknown: String,
    /// `house_sells` or `house_buys`.
    pub side: String,
    /// Who asks.
    pub counterparty: String,
    /// Market by id.
    pub snapshot_id: String,
    /// Half-spreads of the marks.
    #[serde(default)]
    pub spreads: SpreadsInput,
    /// Charges.
    #[serde(default)]
    pub charges: ChargesInput,
    /// What the buyer pays: `"100%"` of the notional or currency units; when not told the principal
    /// of a note, else the premium of the sheet.
    pub pays: Option<String>,
    /// Step of the answer as it is written.
    pub increment: Option<String>,
    /// Engine by name, never replaced by another; chosen when not told.
    pub engine: Option<String>,
    /// `quoted` (default: what the market names), `gbm`, `local_vol` or `heston`.
    pub model: Option<String>,
    /// How long it stands; 0 makes it indicative, which cannot be accepted. So is every quote on a
    /// surface that admits arbitrage.
    pub valid_minutes: u32,
}

/// What accepts a quote.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInput {
    /// Spot of the first underlying now; that of the newest market when not told.
    pub spot: Option<String>,
}

/// The status now: a firm quote past its time is expired.
fn status(row: &QuoteRow) -> String {
    let expired = row.status == "firm" && row.valid_until < to_micros(now());
    if expired {
        "expired".to_owned()
    } else {
        row.status.clone()
    }
}

fn field<T: serde::de::DeserializeOwned>(document: &Value, name: &str) -> Result<T, DeskError> {
    let value = document.get(name).cloned().unwrap_or_default();
    serde_json::from_value(value)
        .map_err(|error| DeskError::Internal(format!("quote, {name}: {error}")))
}

/// A part that not every document has.
fn or_default<T>(document: &Value, name: &str) -> Result<T, DeskError>
where
    T: serde::de::DeserializeOwned + Default,
{
    match document.get(name) {
        None => Ok(T::default()),
        Some(_) => field(document, name),
    }
}

/// A quote as it is shown.
pub fn view(row: QuoteRow) -> Result<QuoteView, DeskError> {
    let document: Value = serde_json::from_str(&row.document).map_err(DeskError::json("quote"))?;
    Ok(QuoteView {
        no: row.no,
        status: status(&row),
        terms: field(&document, "terms")?,
        unknown: field(&document, "unknown")?,
        solved: field(&document, "solved")?,
        side: field(&document, "side")?,
        pays: field(&document, "pays")?,
        notional: field(&document, "notional")?,
        currency: field(&document, "currency")?,
        fair_value: field(&document, "fair_value")?,
        corners: field(&document, "corners")?,
        worst: field(&document, "worst")?,
        shares: field(&document, "shares")?,
        charges: field(&document, "charges")?,
        edge: field(&document, "edge")?,
        bid: field(&document, "bid")?,
        offer: field(&document, "offer")?,
        greeks: field(&document, "greeks")?,
        desk: field(&document, "desk")?,
        model: or_default(&document, "model")?,
        engine: field(&document, "engine")?,
        notes: or_default(&document, "notes")?,
        id: row.id,
        counterparty: row.counterparty,
        snapshot_id: row.snapshot_id,
        valid_until: from_micros(row.valid_until)?,
        content_hash: row.content_hash,
        created_by: row.created_by,
        created_at: from_micros(row.created_at)?,
        trade_id: row.trade_id,
        reason: row.reason,
        version: u64::try_from(row.version).unwrap_or(0),
    })
}

fn asked(input: &QuoteInput) -> Result<Asked, DeskError> {
    if input.valid_minutes > LONGEST_MINUTES {
        let text = format!("at most {LONGEST_MINUTES} minutes (a week)");
        let zh = format!("至多 {LONGEST_MINUTES} 分钟（一周）");
        return Err(DeskError::invalid(
            "/valid_minutes",
            "out_of_range",
            text,
            zh,
        ));
    }
    if input.counterparty.trim().is_empty() || input.counterparty.len() > 200 {
        let text = "say in 1 to 200 characters who asks";
        let zh = "请用 1 至 200 字写明询价方";
        return Err(DeskError::invalid("/counterparty", "length", text, zh));
    }
    let side = match input.side.as_str() {
        "house_sells" => Side::HouseSells,
        "house_buys" => Side::HouseBuys,
        other => {
            let known = ["house_sells", "house_buys"];
            return Err(DeskError::not_among("/side", other, &known));
        }
    };
    let (spreads, charges) = (input.spreads, input.charges);
    Ok(Asked {
        unknown: unknown(&input.unknown)?,
        side,
        pays: match input.pays.as_deref() {
            None => None,
            some => Some(target("/pays", some)?),
        },
        spreads: Spreads {
            vol: spreads.vol,
            q: spreads.q,
            r: spreads.r,
        },
        charges: Charges {
            hedge_bp: charges.hedge_bp,
            margin_bp: charges.margin_bp,
            reserve_bp: charges.reserve_bp,
            funding_bp: charges.funding_bp,
        },
        increment: increment(input.increment.as_deref())?,
    })
}

/// What the buyer pays stands in the sheet as its premium, so that a trade made of the quote books
/// it. A note sold at par needs none: its principal is booked as paid in by itself.
fn with_premium(sheet: &TermSheet, quoted: Quoted) -> Result<Quoted, DeskError> {
    if quoted.unknown == Unknown::Premium {
        return Ok(quoted);
    }
    let half_up = RoundingStrategy::MidpointAwayFromZero;
    let cents = |amount: Decimal| amount.round_dp_with_strategy(sheet.rounding.amount, half_up);
    let paid = Decimal::from_f64(quoted.pays).map(cents);
    let paid = paid.ok_or_else(|| {
        DeskError::invalid("/pays", "out_of_range", "no amount of money", "不是金额")
    })?;
    match &sheet.premium {
        Some(premium) if cents(premium.amount) == paid => Ok(quoted),
        Some(premium) => {
            let (named, paid) = (words::number(premium.amount), words::number(paid));
            Err(DeskError::Invalid {
                pointer: "/terms/premium/amount".to_owned(),
                code: "E-QUOTE-PREMIUM",
                en: format!(
                    "The sheet names a premium of {named}, but the quote says the buyer pays {paid}. Make them equal, or leave the premium out: it is written from what is paid."
                ),
                zh: format!(
                    "条款所写期权费为 {named}，而报价中买方支付 {paid}，两者不一致；请改为相同金额，或删去期权费，由系统按支付金额写入。"
                ),
            })
        }
        None if paid == sheet.principal().map_or(Decimal::ZERO, |par| par.amount) => Ok(quoted),
        None => {
            let mut terms = quoted.terms;
            terms["premium"] = json!({"amount": paid.normalize().to_string()});
            let sheet = TermSheet::from_value(&terms)?;
            Ok(Quoted {
                terms: sheet.to_value(),
                contract_hash: sheet.hash(),
                ..quoted
            })
        }
    }
}

impl Desk {
    /// Makes a quote and keeps it, whatever becomes of it.
    ///
    /// # Errors
    /// Findings of sheet and market; [`DeskError::Quote`] when nothing can be quoted.
    pub async fn make_quote(
        &self,
        actor: &Actor,
        input: QuoteInput,
    ) -> Result<QuoteView, DeskError> {
        actor.require(Permission::OtcQuote)?;
        let asked = asked(&input)?;
        let (engine, model) = (input.engine.clone(), input.model.as_deref());
        let request = request(engine, model, Greeking::All)?;
        let market = self.market(&input.snapshot_id).await?;
        let desk = self.clone();
        let terms = input.terms.clone();
        let (minutes, side) = (input.valid_minutes, input.side.clone());
        let (sheet, mut quoted, firm) = blocking(move || {
            let sheet = TermSheet::from_value(&terms)?;
            let quoted = quote(&sheet, &market, desk.calendars(), &request, &asked)?;
            let mut quoted = with_premium(&sheet, quoted)?;
            let doubt = notes::doubt(&sheet, &market, desk.calendars());
            let age = notes::age(&market, crate::today());
            let stale = notes::too_old(age, desk.market_days());
            let firm = minutes > 0 && doubt.is_none() && stale.is_none();
            quoted.notes.extend(doubt);
            quoted.notes.extend(stale);
            quoted.notes.extend(notes::old(&market, crate::today()));
            quoted.notes.extend(notes::turned(&terms, &side));
            Ok((sheet, quoted, firm))
        })
        .await?;
        quoted.notes.extend(self.off_the_close(&sheet).await?);
        let at = now();
        let minutes = if firm { input.valid_minutes } else { 0 };
        let life = SignedDuration::from_mins(i64::from(minutes));
        let id: QuoteId = new_id();
        let mut tx = self.db().begin().await?;
        let no = numbers(&mut tx, "quote", 1).await?;
        let made = Quote {
            heading: Heading {
                id: id.as_str().to_owned(),
                no: format!("Q{no:06}"),
                counterparty: input.counterparty.clone(),
                created_by: actor.login.clone(),
                created_at: at,
                valid_until: at + life,
            },
            quoted,
        };
        let codes: Vec<&str> = sheet.underlyings.iter().map(|u| u.code.as_str()).collect();
        let row = QuoteRow {
            id: id.as_str().to_owned(),
            no,
            status: if firm { "firm" } else { "indicative" }.to_owned(),
            product: summary::product(&sheet),
            counterparty: input.counterparty,
            underlying: codes.join(","),
            snapshot_id: input.snapshot_id,
            document: made.canonical(),
            content_hash: made.content_hash(),
            valid_until: to_micros(at + life),
            trade_id: None,
            reason: String::new(),
            version: 1,
            created_by: actor.login.clone(),
            created_at: to_micros(at),
            updated_at: to_micros(at),
        };
        self.keep_quote(&mut tx, actor, &row).await?;
        tx.commit().await?;
        view(row)
    }

    /// Writes a quote that was made.
    async fn keep_quote(
        &self,
        tx: &mut rialto_platform_store::Tx<'_>,
        actor: &Actor,
        row: &QuoteRow,
    ) -> Result<(), DeskError> {
        store::insert(tx, row).await?;
        let body = json!({"quote": row.id, "no": row.no, "content_hash": row.content_hash,
            "counterparty": row.counterparty, "snapshot": row.snapshot_id});
        let subject = format!("otc_quote:{}", row.id);
        self.record(tx, actor, "otc_quote", subject, body).await?;
        tx.publish("list:otc-quotes", &row.id, 1, &["created"], Value::Null)
            .await;
        Ok(())
    }

    /// A quote.
    ///
    /// # Errors
    /// [`DeskError::NotFound`].
    pub async fn quote(&self, id: &str) -> Result<QuoteView, DeskError> {
        let row = store::find(&mut self.db(), id).await?;
        view(row.ok_or_else(|| DeskError::not_found("quote", id))?)
    }

    /// Quotes, newest first, with a number below `before`.
    ///
    /// # Errors
    /// [`DeskError::Invalid`] for an unknown status.
    pub async fn quotes(
        &self,
        status: Option<&str>,
        counterparty: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<QuoteView>, DeskError> {
        let status = status.filter(|status| !status.is_empty());
        if let Some(other) = status.filter(|status| Status::named(status).is_none()) {
            let known: Vec<&str> = Status::ALL.iter().map(|status| status.name()).collect();
            return Err(DeskError::not_among("status", other, &known));
        }
        let at = to_micros(now());
        let rows = store::list(&mut self.db(), status, counterparty, at, before, limit).await?;
        rows.into_iter().map(view).collect()
    }

    /// Spots of the quote and now, of each underlying known at both times.
    async fn spots(
        &self,
        row: &QuoteRow,
        spot: Option<&str>,
    ) -> Result<Vec<(f64, f64)>, DeskError> {
        let then = self.market(&row.snapshot_id).await?;
        let codes: Vec<&str> = row.underlying.split(',').collect();
        let at = |market: &Snapshot, code: &str| {
            market
                .underlying(code)
                .and_then(|quotes| quotes.spot.to_f64())
        };
        let mut pairs = Vec::new();
        if let Some(text) = spot {
            let read: Option<Decimal> = text.parse().ok();
            let value = read.filter(|spot| *spot > Decimal::ZERO);
            let value = value.and_then(|spot| spot.to_f64()).ok_or_else(|| {
                let text = "a spot is a decimal above zero";
                DeskError::invalid("/spot", "invalid", text, "现价须为大于 0 的十进制数")
            })?;
            let first = codes.first().and_then(|code| at(&then, code));
            pairs.extend(first.map(|then| (then, value)));
        }
        let now = match self.market_or_newest(None, &codes).await {
            Ok(market) => market,
            Err(DeskError::Conflict { .. }) => return Ok(pairs),
            Err(error) => return Err(error),
        };
        // A spot that is told does not stand against a market entered since the quote was made.
        let entered = snapshots::find(&mut self.db(), now.id()).await?;
        let since = entered.is_some_and(|market| market.created_at > row.created_at);
        if spot.is_none() || since {
            let both = |code: &&str| Some((at(&then, code)?, at(&now, code)?));
            pairs.extend(codes.iter().filter_map(both));
        }
        Ok(pairs)
    }

    /// Accepts a quote: it becomes a trade, in one step.
    ///
    /// # Errors
    /// [`DeskError::Conflict`] when it has expired, slipped or been decided; [`DeskError::Stale`]
    /// when it is not the version that was seen.
    pub async fn accept_quote(
        &self,
        actor: &Actor,
        id: &str,
        version: Option<u64>,
        input: AcceptInput,
    ) -> Result<(QuoteView, TradeView), DeskError> {
        actor.require(Permission::OtcQuote)?;
        actor.require(Permission::OtcTrade)?;
        let row = self.decidable(id, version).await?;
        let spots = self.spots(&row, input.spot.as_deref()).await?;
        let standing = Status::named(&status(&row)).unwrap_or(Status::Expired);
        let until = from_micros(row.valid_until)?;
        acceptable(standing, until, now(), &spots, SLIPPAGE)
            .map_err(|error| DeskError::conflict(error.code(), error.to_string(), error.zh()))?;
        let document: Value =
            serde_json::from_str(&row.document).map_err(DeskError::json("quote"))?;
        let terms = document.get("terms").cloned().unwrap_or_default();
        let mut sheet = blocking(move || Ok(TermSheet::from_value(&terms)?)).await?;
        sheet.trade_id = format!("T-Q{:06}", row.no);
        sheet
            .parties
            .counterparty
            .entry("name".to_owned())
            .or_insert_with(|| row.counterparty.clone());
        sheet.ids.insert("quote".to_owned(), row.id.clone());
        let trade_id = sheet.trade_id.clone();
        let booking = Booking {
            sheet,
            link: None,
            quote: Some(row.id.clone()),
            event_id: "book".to_owned(),
            effective: None,
        };
        let mut tx = self.db().begin().await?;
        let held = self.book_in(&mut tx, actor, booking).await?;
        let row = QuoteRow {
            status: "booked".to_owned(),
            trade_id: Some(trade_id.clone()),
            updated_at: to_micros(now()),
            ..row
        };
        let row = self.close_quote(&mut tx, actor, row).await?;
        tx.commit().await?;
        self.release(held);
        Ok((view(row)?, self.trade(&trade_id).await?))
    }

    /// The client says no.
    ///
    /// # Errors
    /// [`DeskError::Conflict`] when it was decided already.
    pub async fn reject_quote(
        &self,
        actor: &Actor,
        id: &str,
        reason: &str,
    ) -> Result<QuoteView, DeskError> {
        actor.require(Permission::OtcQuote)?;
        if reason.trim().is_empty() {
            return Err(DeskError::invalid(
                "/reason",
                "missing",
                "say why it is rejected",
                "请写明拒绝原因",
            ));
        }
        let row = self.decidable(id, None).await?;
        let standing = Status::named(&status(&row)).unwrap_or(Status::Expired);
        standing
            .after(rialto_otc_pricing::quote::Action::Reject)
            .map_err(|refusal| {
                DeskError::conflict("E-QUOTE-STATUS", refusal.to_string(), refusal.zh())
            })?;
        let row = QuoteRow {
            status: "rejected".to_owned(),
            reason: reason.to_owned(),
            updated_at: to_micros(now()),
            ..row
        };
        let mut tx = self.db().begin().await?;
        let row = self.close_quote(&mut tx, actor, row).await?;
        tx.commit().await?;
        view(row)
    }

    async fn decidable(&self, id: &str, version: Option<u64>) -> Result<QuoteRow, DeskError> {
        let row = store::find(&mut self.db(), id).await?;
        let row = row.ok_or_else(|| DeskError::not_found("quote", id))?;
        let there = u64::try_from(row.version).unwrap_or(0);
        if version.is_some_and(|seen| seen != there) {
            return Err(DeskError::Stale {
                what: "quote",
                version: there,
            });
        }
        Ok(row)
    }

    /// Writes what became of a quote, unless somebody else decided meanwhile.
    async fn close_quote(
        &self,
        tx: &mut rialto_platform_store::Tx<'_>,
        actor: &Actor,
        row: QuoteRow,
    ) -> Result<QuoteRow, DeskError> {
        if !store::decide(tx, &row).await? {
            return Err(DeskError::Stale {
                what: "quote",
                version: u64::try_from(row.version).unwrap_or(0) + 1,
            });
        }
        let body = json!({"quote": row.id, "no": row.no, "status": row.status,
            "trade": row.trade_id, "reason": row.reason, "content_hash": row.content_hash});
        let subject = format!("otc_quote:{}", row.id);
        self.record(tx, actor, "otc_quote", subject, body).await?;
        tx.publish(
            "list:otc-quotes",
            &row.id,
            row.version + 1,
            &["status"],
            Value::Null,
        )
        .await;
        Ok(QuoteRow {
            version: row.version + 1,
            ..row
        })
    }
}
