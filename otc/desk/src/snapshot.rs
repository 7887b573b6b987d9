//! Markets: entered once, never changed, named by their content.

use std::collections::HashMap;
use std::sync::Arc;

use rialto_otc_contract::document::Node;
use rialto_otc_contract::finding::{Finding, Findings, Severity};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_store::snapshot::{self, SnapshotRow};
use rialto_otc_time::{AsOf, Calendars};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{from_micros, now, to_micros};
use serde_json::{Value, json};

use crate::view::SnapshotView;
use crate::words;
use crate::{Desk, DeskError, blocking};

/// Most markets that are kept ready.
const MOST: usize = 32;

/// Markets that were read lately.
#[derive(Debug, Default)]
pub struct Markets {
    ready: HashMap<String, Arc<Snapshot>>,
}

impl Markets {
    fn put(&mut self, market: &Arc<Snapshot>) {
        if self.ready.len() >= MOST {
            self.ready.clear();
        }
        self.ready
            .insert(market.id().to_owned(), Arc::clone(market));
    }
}

/// Reads a market given as a JSON object or as text.
pub fn read(market: &Value) -> Result<(Snapshot, Findings), Findings> {
    match market {
        Value::String(text) => Snapshot::from_text(text),
        other => Snapshot::from_node(&Node::from_value(other)?),
    }
}

fn view(row: SnapshotRow, whole: bool) -> Result<SnapshotView, DeskError> {
    let json = |text: &str| serde_json::from_str::<Value>(text);
    let content = whole.then(|| json(&row.content)).transpose();
    Ok(SnapshotView {
        as_of: json(&row.as_of).map_err(DeskError::json("as_of"))?,
        names: serde_json::from_str(&row.names).map_err(DeskError::json("names"))?,
        created_at: from_micros(row.created_at)?,
        content: content.map_err(DeskError::json("content"))?,
        id: row.id,
        created_by: row.created_by,
        findings: Vec::new(),
    })
}

impl Desk {
    /// Enters a market; the same content again is the same market. Whether it is new comes beside
    /// it.
    ///
    /// # Errors
    /// All findings at once.
    pub async fn enter_snapshot(
        &self,
        actor: &Actor,
        market: Value,
    ) -> Result<(SnapshotView, bool), DeskError> {
        actor.require(Permission::OtcMarketEnter)?;
        let (market, notices) = blocking(move || {
            let (market, mut notices) = read(&market)?;
            // Arbitrage in a surface does not keep a market from being looked at; it is told.
            for breach in market.arbitrage(Calendars::builtin()) {
                notices.push(Finding {
                    severity: Severity::Notice,
                    ..breach
                });
            }
            Ok((market, notices))
        })
        .await?;
        let date = match market.as_of() {
            AsOf::Dated { date, .. } => date.to_string(),
            AsOf::Numeric(_) => String::new(),
        };
        let names: Vec<&str> = market.codes().collect();
        if names.is_empty() {
            let text = "the market quotes no underlying: nothing can be valued against it";
            let zh = "行情未报价任何标的，无法用于估值";
            return Err(DeskError::invalid("/underlyings", "required", text, zh));
        }
        let row = SnapshotRow {
            id: market.id().to_owned(),
            as_of: serde_json::to_string(market.as_of()).map_err(DeskError::json("as_of"))?,
            as_of_date: date,
            names: json!(names).to_string(),
            content: market.canonical().to_owned(),
            created_by: actor.login.clone(),
            created_at: to_micros(now()),
        };
        let mut tx = self.db().begin().await?;
        let is_new = snapshot::insert(&mut tx, &row).await?;
        let row = snapshot::find(&mut tx, &row.id).await?.unwrap_or(row);
        if is_new {
            let body = json!({"snapshot": row.id, "as_of": row.as_of, "names": names});
            let subject = format!("otc_snapshot:{}", row.id);
            self.record(&mut tx, actor, "otc_snapshot", subject, body)
                .await?;
            tx.publish("list:otc-snapshots", &row.id, 1, &["created"], Value::Null)
                .await;
        }
        tx.commit().await?;
        self.markets().put(&Arc::new(market));
        let mut view = view(row, true)?;
        view.findings = words::findings(&notices);
        Ok((view, is_new))
    }

    /// A market with its content.
    ///
    /// # Errors
    /// [`DeskError::NotFound`].
    pub async fn snapshot(&self, id: &str) -> Result<SnapshotView, DeskError> {
        let row = snapshot::find(&mut self.db(), id).await?;
        view(
            row.ok_or_else(|| DeskError::not_found("snapshot", id))?,
            true,
        )
    }

    /// Markets, newest first; with each the place after it.
    ///
    /// # Errors
    /// Store errors.
    pub async fn snapshots(
        &self,
        before: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<(SnapshotView, (i64, String))>, DeskError> {
        let rows = snapshot::list(&mut self.db(), before, limit).await?;
        rows.into_iter()
            .map(|row| {
                let place = (row.created_at, row.id.clone());
                Ok((view(row, false)?, place))
            })
            .collect()
    }

    /// A market ready for pricing.
    pub(crate) async fn market(&self, id: &str) -> Result<Arc<Snapshot>, DeskError> {
        let known = self.markets().ready.get(id).cloned();
        if let Some(market) = known {
            return Ok(market);
        }
        let row = snapshot::find(&mut self.db(), id).await?;
        let row = row.ok_or_else(|| {
            let text = format!("there is no snapshot `{id}`; enter it first");
            let zh = format!("没有行情 `{id}`，请先录入");
            DeskError::invalid("/snapshot_id", "unknown", text, zh)
        })?;
        let market = blocking(move || Ok(Snapshot::from_text(&row.content)?.0)).await?;
        let market = Arc::new(market);
        self.markets().put(&market);
        Ok(market)
    }
}
