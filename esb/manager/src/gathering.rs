//! What a snapshot is cut from, read from the tables.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rialto_esb_catalogue::cut::{Binding, Granted, Offered, Operation, Rules};
use rialto_esb_catalogue::labels;
use rialto_esb_catalogue::version::State;
use rialto_esb_contract::Definition;
use rialto_esb_schema::portable::Portable;
use rialto_esb_snapshot::FieldMask;
use rialto_esb_store::subscription::{self, SubscriptionRow, Wanted};
use rialto_esb_store::version::VersionRow;
use rialto_esb_store::{Reader, definition, publishing};
use rialto_platform_store::from_micros;

use crate::definitions::kept;
use crate::subscriptions::{Request, today_state};
use crate::transitions::date;
use crate::versions::{Number, standing};
use crate::{InterfacePlatform, PlatformError, bindings, blocking, reading};

/// Rows read at once.
const PAGE: i64 = 1_000;

/// When a day ends, in UTC+8.
fn end_of(day: Date) -> Option<Timestamp> {
    let here = jiff::tz::Offset::constant(8).to_time_zone();
    let next = day.tomorrow().ok()?;
    Some(next.to_zoned(here).ok()?.timestamp())
}

fn day_of(micros: i64) -> Result<Date, PlatformError> {
    let at = from_micros(micros)?;
    Ok(rialto_kernel::Calendar::china().local(at).date())
}

/// What is asked of a definition.
#[derive(Clone, Copy)]
struct Asked {
    /// What its operations are checked by.
    rules: bool,
    /// Labels of the fields of its answers.
    labels: bool,
}

/// What a definition says of an operation.
type Said = (Rules, Option<Vec<FieldMask>>);

/// What a definition says of each operation, under its method and path.
async fn said(
    reader: &mut impl Reader,
    hash: &str,
    wanted: Asked,
) -> Result<BTreeMap<(String, String), Said>, PlatformError> {
    let found = definition::find(reader, hash).await?;
    let found = found.ok_or_else(|| PlatformError::not_found("definition", hash))?;
    let artefact = kept(reader, &found).await?;
    blocking(move || {
        let definition = reading::read(&artefact)?.definition;
        let operations = definition.operations.iter().map(|one| {
            let rules = match wanted.rules {
                true => rules(one, &definition),
                false => Rules::None,
            };
            let labels = wanted.labels.then(|| labels::of_answers(one, &definition));
            ((one.method.to_string(), one.path.clone()), (rules, labels))
        });
        Ok(operations.collect())
    })
    .await
}

fn rules(operation: &rialto_esb_contract::Operation, definition: &Definition) -> Rules {
    let text = Portable::of(operation, definition).to_text();
    match Portable::compile(&text) {
        Ok(_) => Rules::Text(text),
        Err(error) => Rules::Wrong(error.to_string()),
    }
}

async fn operations(
    reader: &mut impl Reader,
    row: &VersionRow,
    wanted: Asked,
) -> Result<Vec<Operation>, PlatformError> {
    let Some(hash) = row.pinned.as_ref().or(row.definition.as_ref()) else {
        return Ok(Vec::new());
    };
    let mut known = match wanted.rules || wanted.labels {
        true => said(reader, hash, wanted).await?,
        false => BTreeMap::new(),
    };
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let rows = definition::operations(reader, hash, after, None, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = last.no;
        found.extend(rows.into_iter().map(|one| {
            let at = (one.method.to_uppercase(), one.path);
            let (rules, labels) = known.remove(&at).unwrap_or_else(|| match wanted.rules {
                true => (
                    Rules::Wrong("its definition does not have it".to_owned()),
                    None,
                ),
                false => (Rules::None, None),
            });
            let (method, path) = at;
            Operation {
                id: one.operation_id,
                method,
                path,
                rules,
                labels,
            }
        }));
    }
    Ok(found)
}

async fn offered(
    reader: &mut impl Reader,
    row: VersionRow,
    binding: Option<Binding>,
    lowest_clearance: Option<u8>,
) -> Result<Offered, PlatformError> {
    let standing = standing(&row)?;
    let highest_level = match row.pinned.as_ref().or(row.definition.as_ref()) {
        Some(hash) => definition::find(reader, hash).await?,
        None => None,
    };
    let highest_level = highest_level.and_then(|found| u8::try_from(found.highest_level).ok());
    let suspended_for = match standing.suspended {
        true => publishing::last_event(reader, &row, "suspend").await?,
        false => None,
    };
    let deprecated_at = match standing.state {
        State::Deprecated => publishing::last_event(reader, &row, "deprecate").await?,
        _ => None,
    };
    let retired = match standing.state {
        State::Retired => match publishing::last_event(reader, &row, "retire").await? {
            None => publishing::last_event(reader, &row, "supersede").await?,
            known => known,
        },
        _ => None,
    };
    let level = highest_level.unwrap_or(u8::MAX);
    let wanted = Asked {
        rules: binding.as_ref().is_some_and(|to| to.checks.any()),
        labels: lowest_clearance.is_some_and(|lowest| lowest < level),
    };
    let sunset = row.sunset_on.as_deref().map(|day| date(day, "/sunset_on"));
    let Number {
        major,
        minor,
        patch,
    } = Number::of(&row);
    let part = |part: i64| u32::try_from(part).unwrap_or(u32::MAX);
    Ok(Offered {
        number: (part(major), part(minor), part(patch)),
        standing,
        suspended_for: suspended_for.map(|event| event.reason).unwrap_or_default(),
        deprecated_at: deprecated_at
            .map(|event| from_micros(event.at))
            .transpose()?,
        sunset: sunset.transpose()?.and_then(end_of),
        retired_on: retired.map(|event| day_of(event.at)).transpose()?,
        highest_level: level,
        operations: operations(reader, &row, wanted).await?,
        successor: row.successor,
        interface: row.interface,
        binding,
    })
}

fn granted(row: SubscriptionRow) -> Result<Granted, PlatformError> {
    let request: Request =
        serde_json::from_str(&row.document).map_err(PlatformError::json("request"))?;
    Ok(Granted {
        state: today_state(&row)?,
        until: date(&row.until_on, "/until")?,
        major: u32::try_from(row.major).unwrap_or(0),
        operations: request.operations,
        rate: request.quota.rate_per_second,
        burst: request.quota.burst,
        daily: request.quota.daily,
        concurrency: request.quota.concurrency,
        clearance: request.clearance,
        id: row.id,
        application: row.application,
        interface: row.interface,
    })
}

impl InterfacePlatform {
    /// Versions that gateways of an environment may know, for these subscriptions.
    pub(crate) async fn offered(
        &self,
        environment: &str,
        granted: &[Granted],
    ) -> Result<Vec<Offered>, PlatformError> {
        let mut lowest: BTreeMap<(&str, i64), u8> = BTreeMap::new();
        for one in granted {
            let key = (one.interface.as_str(), i64::from(one.major));
            let known = lowest.entry(key).or_insert(u8::MAX);
            *known = one.clearance.min(*known);
        }
        let mut reader = self.db();
        let rows = publishing::bindings_in(&mut reader, environment).await?;
        let mut bound = BTreeMap::new();
        for row in rows {
            bound.insert(row.version_id.clone(), bindings::bound(&row)?);
        }
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let rows = publishing::versions(&mut reader, &after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in rows {
                let binding = bound.remove(&row.id);
                // One that went before it ever was bound here was never served here.
                if binding.is_none() && row.state == "retired" {
                    continue;
                }
                let lowest = lowest.get(&(row.interface.as_str(), row.major)).copied();
                found.push(offered(&mut reader, row, binding, lowest).await?);
            }
        }
        Ok(found)
    }

    /// Applications: code and name.
    pub(crate) async fn callers(&self) -> Result<Vec<(String, String)>, PlatformError> {
        let mut reader = self.db();
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let rows = subscription::applications(&mut reader, &after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.code);
            found.extend(rows.into_iter().map(|row| (row.code, row.name)));
        }
        Ok(found)
    }

    /// Subscriptions to an environment.
    pub(crate) async fn granted(&self, environment: &str) -> Result<Vec<Granted>, PlatformError> {
        let mut reader = self.db();
        let wanted = Wanted::default();
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let rows = subscription::list(&mut reader, &wanted, &after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            let own = rows
                .into_iter()
                .filter(|row| row.environment == environment);
            for row in own {
                found.push(granted(row)?);
            }
        }
        Ok(found)
    }
}
