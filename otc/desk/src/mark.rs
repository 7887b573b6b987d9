//! Values of trades in the book: one on request, all of them against one market.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use rialto_otc_contract::TermSheet;
use rialto_otc_contract::envelope::When;
use rialto_otc_lifecycle::event::OBSERVED;
use rialto_otc_lifecycle::payload::Payload;
use rialto_otc_lifecycle::{Effective, TradeLog};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_pricing::engine::{ExpectedFlow, Greeking};
use rialto_otc_pricing::valuation::{Prepared, Request, Valuation, prepare, value};
use rialto_otc_store::trade::TradeRow;
use rialto_otc_store::{date, snapshot, trade};
use rialto_otc_time::{AsOf, Date, DayPhase, Moment};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::now;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};

use crate::dates::{self, Look};
use crate::view::{ChanceView, MarkReport, PriceView, Unvalued};
use crate::{Desk, DeskError, blocking, price};

/// Trades that are valued between two transactions.
const CHUNK: usize = 64;
/// Markets among which one is chosen when none is told.
const LAST_MARKETS: i64 = 20;
/// Paths of the simulation behind probabilities: one in a thousand is resolved.
const PATHS: u64 = 1 << 14;

/// Whether the book has observed what comes after a moment.
fn ahead(log: &TradeLog, at: Effective) -> bool {
    let seen = log.state().observed_to;
    seen.is_some_and(|seen| Effective::new(seen, OBSERVED) > at)
}

/// When each flow was settled.
fn settled(log: &TradeLog) -> BTreeMap<&str, Effective> {
    let mut all = BTreeMap::new();
    for event in log.events() {
        if let Payload::Settled(flows) = &event.payload {
            let at = event.effective_at;
            all.extend(flows.flows.iter().map(|flow| (flow.as_str(), at)));
        }
    }
    all
}

/// The sheet of a trade as engines are given it at a moment: initial fixings filled in, the state
/// that its ledger derives.
pub fn priced_sheet(desk: &Desk, log: &TradeLog, as_of: &AsOf) -> Result<TermSheet, DeskError> {
    let AsOf::Dated { date, phase } = *as_of else {
        return Err(DeskError::invalid(
            "/snapshot_id",
            "numeric",
            "trades of the book live on dates: give a market with a date",
            "账簿中的交易按日期存续，请使用带日期的行情",
        ));
    };
    let closed = phase == DayPhase::PostClose;
    let phase = if closed { u8::MAX } else { OBSERVED - 1 };
    let at = Effective::new(date, phase);
    let then = ahead(log, at).then(|| log.fold_at(&mut desk.context(), at, now()));
    let then = then.transpose()?;
    let trade = then.as_ref().unwrap_or_else(|| log.trade());
    let settled = settled(log);
    // Due until it is settled, also after its day; what was settled late was paid on its day.
    let sheet = trade.valued_sheet(|flow| {
        let paid = settled.get(flow.flow_id.as_str());
        paid.is_none_or(|paid| *paid > at && flow.pay_date > date)
    });
    let sheet = sheet.ok_or_else(|| DeskError::not_found("trade", log.trade().id()))?;
    let mut sheet = sheet.fixed(&dates::initials(log));
    // Before the first observation there is no state to tell, but when it was called off.
    let over = sheet.state.as_ref().is_some_and(|state| state.ended);
    if trade.state().observed_to.is_none() && !over {
        sheet.state = None;
    }
    Ok(sheet)
}

/// A trade's value at a market, with the sheet it is the value of. Engines look ahead: what is
/// overdue counts as it is.
pub fn worth(
    desk: &Desk,
    log: &TradeLog,
    market: &Snapshot,
    request: &Request,
) -> Result<(TermSheet, Valuation), DeskError> {
    let as_of = market.as_of();
    let sheet = priced_sheet(desk, log, as_of)?;
    let mut found = value(&sheet, market, desk.calendars(), request)?;
    let pending = sheet.state.iter().flat_map(|state| &state.pending);
    let overdue: Decimal = pending
        .filter(|flow| match flow.pay {
            When::Date(on) => as_of.is_past(Moment::Date(on)).unwrap_or(false),
            When::Years(_) => false,
        })
        .map(|flow| flow.amount)
        .sum();
    let overdue = overdue.to_f64().unwrap_or(f64::NAN);
    found.value += overdue;
    found.value_determined += overdue;
    for point in &mut found.ladder {
        point.value += overdue;
    }
    Ok((sheet, found))
}

/// A valuation with the expected flows of some engine that tells them.
struct Chances {
    prepared: Prepared,
    flows: Vec<ExpectedFlow>,
}

fn chances(desk: &Desk, sheet: &TermSheet, market: &Snapshot) -> Result<Chances, DeskError> {
    let request = Request {
        greeks: Greeking::None,
        flows: true,
        ..Request::default()
    };
    let prepared = prepare(sheet, market, desk.calendars(), None, &request.config)?;
    let found = prepared.value(&request)?;
    if !found.flows.is_empty() || prepared.plan.instants.is_empty() {
        let flows = found.flows;
        return Ok(Chances { prepared, flows });
    }
    // Few engines tell flows; the simulation tells those of every contract it prices.
    let simulated = Request {
        engine: Some("rqmc".to_owned()),
        paths: Some(PATHS),
        ..request
    };
    let flows = prepared.value(&simulated)?.flows;
    Ok(Chances { prepared, flows })
}

/// Probabilities by date and kind. Flows of one date are paid together, so the most probable one
/// tells how probable the date's event is.
fn told(found: &Chances) -> Vec<ChanceView> {
    let plan = &found.prepared.compiled.plan;
    let looks = dates::looks(plan);
    let last = plan.instants.len().saturating_sub(1);
    let mut all: BTreeMap<(Date, &str), (f64, Option<f64>)> = BTreeMap::new();
    for flow in &found.flows {
        let Some(on) = plan.instants.get(flow.instant).and_then(|i| i.at.date) else {
            continue;
        };
        let of = |kind: &str| {
            let same = |look: &&Look| look.instant == flow.instant && look.kind == kind;
            looks.iter().find(same)
        };
        let look = match (flow.instant == last, flow.leg.contains("coupon")) {
            (true, _) => of("expiry"),
            (false, true) => of("knock_out").or_else(|| of("coupon")),
            (false, false) => of("knock_out").or_else(|| of("observation")),
        };
        let kind = look.map_or("payment", |look| look.kind);
        let level = look.and_then(|look| look.level);
        let level = level.and_then(|level| f64::try_from(level).ok());
        let known = all.entry((on, kind)).or_insert((0.0, level));
        known.0 = known.0.max(flow.probability);
    }
    all.into_iter()
        .map(|((on, kind), (probability, level))| ChanceView {
            date: on.to_string(),
            kind: kind.to_owned(),
            level,
            probability: probability.clamp(0.0, 1.0),
        })
        .collect()
}

/// What valuing one trade gave.
struct Marked {
    row: TradeRow,
    outcome: Result<(f64, Vec<ChanceView>), String>,
}

fn mark(desk: &Desk, market: &Snapshot, row: TradeRow, log: &TradeLog) -> Marked {
    let work = || -> Result<(f64, Vec<ChanceView>), DeskError> {
        let request = Request {
            greeks: Greeking::None,
            ..Request::default()
        };
        let (sheet, found) = worth(desk, log, market, &request)?;
        let house = f64::from(sheet.direction.house_sign());
        // A value stands without probabilities: not every contract can be simulated.
        let told = chances(desk, &sheet, market).map(|found| told(&found));
        // Nothing has no sign.
        Ok((house * found.value + 0.0, told.unwrap_or_default()))
    };
    Marked {
        outcome: work().map_err(|error| error.to_string()),
        row,
    }
}

impl Desk {
    /// The market told; else, among the last of the dated ones, that which quotes most of these
    /// underlyings, the newest of equals: a market of one name entered last is not the house's.
    pub(crate) async fn market_or_newest(
        &self,
        id: Option<&str>,
        codes: &[&str],
    ) -> Result<Arc<Snapshot>, DeskError> {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            return self.market(id).await;
        }
        let mut best: Option<(usize, String)> = None;
        for row in snapshot::list(&mut self.db(), None, LAST_MARKETS).await? {
            if row.as_of_date.is_empty() {
                continue;
            }
            let names: Vec<String> =
                serde_json::from_str(&row.names).map_err(DeskError::json("names"))?;
            let quoted = codes
                .iter()
                .filter(|code| names.iter().any(|n| n == **code));
            let quoted = quoted.count();
            if best.as_ref().is_none_or(|(most, _)| quoted > *most) {
                best = Some((quoted, row.id));
            }
        }
        let (_, id) = best.ok_or_else(|| {
            DeskError::conflict(
                "E-MARKET-NONE",
                "There is no market yet. Enter a snapshot first.",
                "尚无行情快照，请先录入。",
            )
        })?;
        self.market(&id).await
    }

    /// Values a trade in the state its ledger derives.
    ///
    /// # Errors
    /// Findings, when the market lacks something; the reason why no engine has a price.
    pub async fn trade_value(
        &self,
        trade_id: &str,
        snapshot_id: Option<&str>,
        engine: Option<String>,
    ) -> Result<PriceView, DeskError> {
        let (row, log) = self.log(trade_id).await?;
        let codes: Vec<&str> = row.underlying.split(',').collect();
        let market = self.market_or_newest(snapshot_id, &codes).await?;
        let desk = self.clone();
        blocking(move || {
            let request = Request {
                engine,
                ..Request::default()
            };
            let (sheet, found) = worth(&desk, &log, &market, &request)?;
            Ok(price::view(&sheet, &market, found))
        })
        .await
    }

    /// How probable the events to come of a trade are.
    ///
    /// # Errors
    /// As [`Desk::trade_value`].
    pub async fn probabilities(
        &self,
        trade_id: &str,
        snapshot_id: Option<&str>,
    ) -> Result<Vec<ChanceView>, DeskError> {
        let (row, log) = self.log(trade_id).await?;
        let codes: Vec<&str> = row.underlying.split(',').collect();
        let market = self.market_or_newest(snapshot_id, &codes).await?;
        let desk = self.clone();
        blocking(move || {
            let sheet = priced_sheet(&desk, &log, market.as_of())?;
            Ok(told(&chances(&desk, &sheet, &market)?))
        })
        .await
    }

    /// Values every trade in force, and those that are over at what is determined and not paid, and keeps values and probabilities for the lists. A trade that
    /// cannot be valued keeps what it had; the others go on. Each part is a transaction of its own,
    /// so that a stop in between loses nothing.
    ///
    /// # Errors
    /// Store errors; [`DeskError::Conflict`] without any market.
    pub async fn mark_book(
        &self,
        actor: &Actor,
        snapshot_id: Option<&str>,
    ) -> Result<MarkReport, DeskError> {
        actor.require(Permission::OtcMarketEnter)?;
        let market = self.market_of_the_book(snapshot_id).await?;
        let mut report = MarkReport {
            snapshot_id: market.id().to_owned(),
            valued: 0,
            over: 0,
            failed: Vec::new(),
        };
        let mut after = 0;
        loop {
            let rows = trade::valued(&mut self.db(), after, CHUNK as i64).await?;
            let Some(last) = rows.last() else {
                break;
            };
            after = last.no;
            let mut work = Vec::new();
            for row in rows {
                let (row, log) = self.log(&row.trade_id).await?;
                work.push((row, log));
            }
            let (desk, with) = (self.clone(), Arc::clone(&market));
            let marked = blocking(move || {
                let all = work.into_par_iter();
                Ok(all
                    .map(|(row, log)| mark(&desk, &with, row, &log))
                    .collect::<Vec<_>>())
            })
            .await?;
            self.keep_marks(&market, marked, &mut report).await?;
        }
        let body = json!({"snapshot": report.snapshot_id, "valued": report.valued,
            "failed": report.failed.len()});
        let mut tx = self.db().begin().await?;
        let subject = format!("otc_snapshot:{}", report.snapshot_id);
        self.record(&mut tx, actor, "otc_valuation", subject, body)
            .await?;
        tx.publish(
            "list:otc-trades",
            &report.snapshot_id,
            1,
            &["pv"],
            Value::Null,
        )
        .await;
        tx.commit().await?;
        Ok(report)
    }

    /// The market told, or that which quotes most of what is in force.
    async fn market_of_the_book(&self, id: Option<&str>) -> Result<Arc<Snapshot>, DeskError> {
        let mut codes = BTreeSet::new();
        let mut after = 0;
        while id.is_none_or(str::is_empty) {
            let rows = trade::valued(&mut self.db(), after, CHUNK as i64).await?;
            let Some(last) = rows.last() else {
                break;
            };
            after = last.no;
            let quoted = rows.iter().flat_map(|row| row.underlying.split(','));
            codes.extend(quoted.map(str::to_owned));
        }
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        self.market_or_newest(id, &codes).await
    }

    async fn keep_marks(
        &self,
        market: &Snapshot,
        marked: Vec<Marked>,
        report: &mut MarkReport,
    ) -> Result<(), DeskError> {
        let as_of = match market.as_of() {
            AsOf::Dated { date, .. } => date.to_string(),
            AsOf::Numeric(_) => String::new(),
        };
        let mut tx = self.db().begin().await?;
        for Marked { row, outcome } in marked {
            let id = &row.trade_id;
            match outcome {
                Ok((pv, chances)) => {
                    report.valued += 1;
                    report.over += u64::from(row.status != "live");
                    trade::set_value(&mut tx, id, &pv.to_string(), &as_of, row.seq).await?;
                    for chance in chances {
                        let at = (chance.date.as_str(), chance.kind.as_str());
                        let told = chance.probability.to_string();
                        date::set_probability(&mut tx, id, at, &told).await?;
                    }
                }
                Err(reason) => report.failed.push(Unvalued {
                    trade_id: id.clone(),
                    reason,
                }),
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
