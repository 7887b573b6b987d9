//! The sample house: three hundred contracts with two years behind them, put into the book in one
//! transaction.

use rialto_otc_lifecycle::TradeLog;
use rialto_otc_sample::{SampleHouse, house};
use rialto_otc_store::event::EventRow;
use rialto_otc_store::fixing::FixingRow;
use rialto_otc_store::flow::{FlowRow, PostingRow};
use rialto_otc_store::snapshot::SnapshotRow;
use rialto_otc_store::trade::TradeRow;
use rialto_otc_store::{date, event, fixing, flow, numbers, snapshot, span, trade};
use rialto_otc_time::AsOf;
use rialto_platform_identity::{Actor, Identity, NewUser, Role, User};
use rialto_platform_store::{Tx, now, to_micros};
use serde_json::{Value, json};

use crate::dates::Ahead;
use crate::ledger::{flow_row, posting_row, row_of};
use crate::{Desk, DeskError, blocking, dates, summary, today};

/// Seed of the sample house.
const SEED: u64 = 20_260_309;

/// Login, name and role of the people of the desk.
const PEOPLE: [(&str, &str, Role); 4] = [
    ("trader", "Sample trader", Role::Trader),
    ("middleoffice", "Sample middle office", Role::MiddleOffice),
    ("settlement", "Sample settlement", Role::Settlement),
    ("risk", "Sample risk officer", Role::Risk),
];

/// The people of the desk; those that are there already stay as they are. They have no password, a
/// one-time link lets them in.
///
/// # Errors
/// Identity errors.
pub async fn people(identity: &Identity) -> Result<Vec<User>, DeskError> {
    let system = Actor::system("sample");
    let mut users = Vec::new();
    for (login, name, role) in PEOPLE {
        if let Some(user) = identity.user_by_login(login).await? {
            users.push(user);
            continue;
        }
        let new = NewUser {
            login: login.to_owned(),
            name: name.to_owned(),
            email: format!("{login}@sample.invalid"),
            password: None,
            roles: vec![role],
            locale: None,
        };
        users.push(identity.create_user(&system, new).await?);
    }
    Ok(users)
}

/// A trade ready to be written.
struct Ready {
    row: TradeRow,
    events: Vec<EventRow>,
    flows: Vec<FlowRow>,
    postings: Vec<PostingRow>,
    dates: Vec<date::DateRow>,
    spans: Vec<span::SpanRow>,
    names: Vec<(String, String)>,
}

/// Everything of the sample house ready to be written.
struct Loaded {
    trades: Vec<Ready>,
    fixings: Vec<FixingRow>,
    snapshots: Vec<SnapshotRow>,
}

impl Desk {
    /// Loads the sample house into an empty book; a book with any trade stays as it is. Whether it
    /// was loaded.
    ///
    /// # Errors
    /// Store errors; [`DeskError::Internal`] when the house cannot be made for today.
    pub async fn load_sample(&self) -> Result<bool, DeskError> {
        if !trade::counts(&mut self.db()).await?.is_empty() {
            return Ok(false);
        }
        let desk = self.clone();
        let loaded = blocking(move || {
            let made = house(SEED, today());
            let made = made.map_err(|error| DeskError::Internal(error.to_string()))?;
            desk.prepare(made)
        })
        .await?;
        let mut tx = self.db().begin().await?;
        write(&mut tx, &loaded).await?;
        self.ask_for_bookings(&mut tx, &loaded).await?;
        let system = Actor::system("sample");
        let events: usize = loaded.trades.iter().map(|trade| trade.events.len()).sum();
        let body = json!({"seed": SEED, "trades": loaded.trades.len(), "events": events,
            "fixings": loaded.fixings.len(), "snapshots": loaded.snapshots.len()});
        self.record(
            &mut tx,
            &system,
            "otc_sample",
            "otc_sample".to_owned(),
            body,
        )
        .await?;
        tx.publish("list:otc-trades", "sample", 1, &["created"], Value::Null)
            .await;
        tx.commit().await?;
        Ok(true)
    }

    /// What was submitted waits for its checker.
    async fn ask_for_bookings(&self, tx: &mut Tx<'_>, loaded: &Loaded) -> Result<(), DeskError> {
        let waiting = loaded.trades.iter().map(|ready| &ready.row);
        for row in waiting.filter(|row| row.status == "pending_approval") {
            let maker = Actor {
                login: row.created_by.clone(),
                ..Actor::system("sample")
            };
            let mut held = self.hold(tx, &row.trade_id).await?;
            self.ask_for_booking(tx, &maker, &mut held, "").await?;
            self.release(held);
        }
        Ok(())
    }

    fn prepare(&self, made: SampleHouse) -> Result<Loaded, DeskError> {
        let at = to_micros(now());
        let mut trades = Vec::with_capacity(made.logs.len());
        for (log, no) in made.logs.iter().zip(1..) {
            trades.push(self.ready(log, no)?);
        }
        let mut fixings = Vec::with_capacity(made.fixings.len());
        for close in &made.fixings {
            let row = |version, value: rust_decimal::Decimal, current| FixingRow {
                code: close.code.clone(),
                rule: "close".to_owned(),
                date: close.date.to_string(),
                version,
                value: value.normalize().to_string(),
                source: "sample".to_owned(),
                current,
                maker: "sample".to_owned(),
                checker: (version > 1).then(|| "middleoffice".to_owned()),
                entered_at: at,
                reason: match version {
                    1 => String::new(),
                    _ => "the exchange corrected its close".to_owned(),
                },
            };
            match close.first {
                Some(first) => {
                    fixings.push(row(1, first, false));
                    fixings.push(row(2, close.value, true));
                }
                None => fixings.push(row(1, close.value, true)),
            }
        }
        let mut snapshots = Vec::new();
        for (market, n) in made.snapshots.iter().zip(1..) {
            let date = match market.as_of() {
                AsOf::Dated { date, .. } => date.to_string(),
                AsOf::Numeric(_) => String::new(),
            };
            let names: Vec<&str> = market.codes().collect();
            snapshots.push(SnapshotRow {
                id: market.id().to_owned(),
                as_of: serde_json::to_string(market.as_of()).map_err(DeskError::json("as_of"))?,
                as_of_date: date,
                names: json!(names).to_string(),
                content: market.canonical().to_owned(),
                created_by: "sample".to_owned(),
                // One after the other, so that the newest is the last.
                created_at: at + n,
            });
        }
        Ok(Loaded {
            trades,
            fixings,
            snapshots,
        })
    }

    /// Everything that is kept of a trade.
    fn ready(&self, log: &TradeLog, no: i64) -> Result<Ready, DeskError> {
        let id = log.trade().id();
        let sheet = log.trade().sheet();
        let sheet = sheet.ok_or_else(|| DeskError::Internal(format!("trade {id} has no sheet")))?;
        let first = log.events().first();
        let maker = first.map_or("", |event| event.maker.as_str());
        let made = first.map_or(0, |event| to_micros(event.known_at));
        let mut row = summary::row(&sheet, no, maker, made);
        summary::refresh(&mut row, log)?;
        let events: Result<Vec<EventRow>, _> = log.events().iter().map(row_of).collect();
        let flows = log.trade().flows().iter().map(|flow| flow_row(&row, flow));
        let flows: Result<Vec<FlowRow>, _> = flows.collect();
        let entries = log.trade().accounts().entries().iter();
        let postings: Result<Vec<PostingRow>, _> =
            entries.map(|entry| posting_row(id, entry)).collect();
        let Ahead { dates, spans } = dates::rows(&row, log, &mut self.context());
        Ok(Ready {
            events: events?,
            flows: flows?,
            postings: postings?,
            dates,
            spans,
            names: summary::looks_at(log),
            row,
        })
    }
}

async fn write(tx: &mut Tx<'_>, loaded: &Loaded) -> Result<(), DeskError> {
    for row in &loaded.snapshots {
        snapshot::insert(tx, row).await?;
    }
    fixing::insert_all(tx, &loaded.fixings).await?;
    let count = i64::try_from(loaded.trades.len()).unwrap_or(i64::MAX);
    numbers(tx, "trade", count).await?;
    let mut all = Vec::new();
    for ready in &loaded.trades {
        trade::insert(tx, &ready.row).await?;
        for (code, rule) in &ready.names {
            trade::add_name(tx, &ready.row.trade_id, code, rule).await?;
        }
        all.extend(ready.events.iter().cloned());
        for row in &ready.flows {
            flow::put(tx, row).await?;
        }
        for row in &ready.postings {
            flow::insert_posting(tx, row).await?;
        }
        date::insert(tx, &ready.dates).await?;
        span::insert(tx, &ready.spans).await?;
    }
    event::insert(tx, &all).await?;
    Ok(())
}
