//! A contract enters the book.

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::Initials;
use rialto_otc_contract::envelope::When;
use rialto_otc_lifecycle::payload::{Book, Link, Payload};
use rialto_otc_lifecycle::{Document, Effective, NewEvent, TradeLog};
use rialto_otc_store::{numbers, trade};
use rialto_otc_time::Date;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{Tx, now, to_micros};
use serde_json::json;

use crate::event::date;
use crate::ledger::Held;
use crate::trade::{BookInput, booked_sheet};
use crate::view::{LinkView, TradeView};
use crate::{Desk, DeskError, blocking, summary, termsheet, today};

/// What a booking says.
pub struct Booking {
    pub sheet: TermSheet,
    pub link: Option<Link>,
    pub quote: Option<String>,
    pub event_id: String,
    /// When it takes effect, when its sheet does not say it.
    pub effective: Option<Date>,
}

fn link(view: &LinkView) -> Result<Link, DeskError> {
    let value = serde_json::to_value(view).map_err(DeskError::json("link"))?;
    serde_json::from_value(value).map_err(|_| {
        let kinds = ["novated_from", "migrated_from", "rebooks"];
        DeskError::not_among("/link/kind", &view.kind, &kinds)
    })
}

impl Desk {
    /// Books a trade as a draft. The same sheet again by the same person gives the trade there is.
    ///
    /// # Errors
    /// Findings of the sheet; a refusal of the book; `E-BOOK-CONFLICT` when the id is taken.
    pub async fn book(&self, actor: &Actor, input: BookInput) -> Result<TradeView, DeskError> {
        actor.require(Permission::OtcTrade)?;
        let link = input.link.as_ref().map(link).transpose()?;
        let event_id = input.event_id.clone().unwrap_or_else(|| "book".to_owned());
        let effective = input.effective.as_deref();
        let effective = effective.map(|text| date("/effective", text)).transpose()?;
        if effective.is_some() && link.is_none() {
            let text =
                "only a trade that continues another one (\"link\") takes effect in mid-life";
            let zh = "只有承接另一笔交易（link）的交易才可在存续期中生效";
            return Err(DeskError::invalid("/effective", "no_link", text, zh));
        }
        let sheet = blocking(move || booked_sheet(&input)).await?;
        let trade_id = sheet.trade_id.clone();
        let booking = Booking {
            sheet,
            link,
            quote: None,
            event_id,
            effective,
        };
        let mut tx = self.db().begin().await?;
        let held = self.book_in(&mut tx, actor, booking).await?;
        tx.commit().await?;
        self.release(held);
        self.trade(&trade_id).await
    }

    /// Books in the caller's transaction.
    pub(crate) async fn book_in(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        booking: Booking,
    ) -> Result<Held, DeskError> {
        let sheet = self.with_clocks(booking.sheet).await?;
        let trade_id = sheet.trade_id.clone();
        let held = match trade::find(tx, &trade_id).await? {
            Some(_) => self.hold(tx, &trade_id).await?,
            None => {
                let no = numbers(tx, "trade", 1).await?;
                let mut row = summary::row(&sheet, no, &actor.login, to_micros(now()));
                row.quote_id.clone_from(&booking.quote);
                Held::fresh(row, TradeLog::new(trade_id.clone()))
            }
        };
        // A contract that began before it is entered was dealt before it began.
        let entered = match sheet.dates.start {
            Some(When::Date(start)) => start.min(today()),
            _ => today(),
        };
        let day = booking.effective.or(sheet.dates.trade).unwrap_or(entered);
        let new = NewEvent {
            event_id: booking.event_id,
            trade_id: trade_id.clone(),
            effective_at: Effective::after(day),
            known_at: held.known_at(),
            source: if booking.quote.is_some() {
                "quote"
            } else {
                "manual"
            }
            .to_owned(),
            cause: None,
            supersedes: None,
            payload: Payload::Book(Book {
                link: booking.link,
                quote: booking.quote,
                sheet: Document(sheet.to_value()),
            }),
            maker: actor.login.clone(),
            checker: None,
            approval_hash: None,
            expected_version: None,
        };
        let known = held.row.seq > 0;
        let (held, receipt) = match self.append(held, new).await {
            Err(DeskError::Refused(refusal)) if known && refusal.code == "E-BOOK-STATE" => {
                return Err(DeskError::conflict(
                    "E-BOOK-CONFLICT",
                    format!("Trade {trade_id} is booked already. Use another trade_id."),
                    format!("交易 {trade_id} 已入账，请使用其他编号。"),
                ));
            }
            other => other?,
        };
        if receipt.repeated {
            return Ok(held);
        }
        let held = self.persist(tx, held).await?;
        let body = json!({"trade": trade_id, "no": held.row.no, "event": receipt.event_id,
            "hash": receipt.hash.to_string(), "terms": sheet.hash()});
        let subject = format!("otc_trade:{trade_id}");
        self.record(tx, actor, "otc_booking", subject, body).await?;
        self.tell(tx, &held.row, &["created"]).await;
        Ok(held)
    }

    /// The sheet with its three clocks written out: what is booked never hangs on what is usual.
    async fn with_clocks(&self, sheet: TermSheet) -> Result<TermSheet, DeskError> {
        if sheet.clocks.is_some() {
            return Ok(sheet);
        }
        let desk = self.clone();
        blocking(move || {
            let mut sheet = sheet;
            // What is wrong with the sheet is told by the book.
            if let Ok(contract) = termsheet::compiled(&desk, &sheet, &Initials::new()) {
                sheet.clocks = Some(contract.clocks);
            }
            Ok(sheet)
        })
        .await
    }

    /// Tells live readers that a trade changed.
    pub(crate) async fn tell(&self, tx: &mut Tx<'_>, row: &trade::TradeRow, changed: &[&str]) {
        let extra = json!({"status": row.status, "no": row.no});
        let id = &row.trade_id;
        let topic = format!("otc-trade:{id}");
        tx.publish(&topic, id, row.seq, changed, extra.clone())
            .await;
        tx.publish("list:otc-trades", id, row.seq, changed, extra)
            .await;
    }
}
