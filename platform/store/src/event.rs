//! The outbox: events written with the fact they tell of, in commit order, for live streams.
//!
//! A sequence number is given when a transaction commits, so it has no gaps, never goes back, and
//! a reader who has seen number n has seen everything before it. The epoch names one life of the
//! event table; after a restore the epoch changes and clients fetch afresh.

use jiff::Timestamp;
use serde_json::Value;

use crate::{StoreError, from_micros};

/// At least this many of the newest events are kept.
pub(crate) const KEEP_EVENTS: i64 = 100_000;
/// Events younger than this are kept however many there are (one hour, microseconds).
pub(crate) const KEEP_MICROS: i64 = 3_600_000_000;
/// Old events are removed when a sequence number passes a multiple of this.
pub(crate) const PRUNE_EVERY: i64 = 1_000;

/// A change that was committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Life of the event table.
    pub epoch: i64,
    /// Position in commit order, from 1, without gaps within the epoch.
    pub sequence: i64,
    /// Topic, e.g. `job:<id>` or `list:pipelines`.
    pub topic: String,
    /// Id of the resource that changed.
    pub id: String,
    /// Version of the resource after the change.
    pub version: i64,
    /// Names of the fields that changed.
    pub changed: Vec<String>,
    /// Small public values to send along; `null` when there are none.
    pub extra: Value,
    /// When it was committed.
    pub at: Timestamp,
}

impl Event {
    /// The event's id on a stream: `<epoch>-<sequence>`.
    #[must_use]
    pub fn stream_id(&self) -> String {
        format!("{}-{}", self.epoch, self.sequence)
    }
}

/// Which events can be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventWindow {
    /// Life of the event table.
    pub epoch: i64,
    /// Oldest kept sequence; `newest + 1` when none is kept.
    pub oldest: i64,
    /// Newest committed sequence; 0 when there was none yet.
    pub newest: i64,
}

impl EventWindow {
    /// The sequence after which to replay for a client that last saw `stream_id`, or `None` when
    /// the client must fetch afresh: another epoch, events already pruned, or not an id of ours.
    #[must_use]
    pub fn resume_after(&self, stream_id: &str) -> Option<i64> {
        let (epoch, sequence) = stream_id.split_once('-')?;
        let (epoch, sequence) = (epoch.parse::<i64>().ok()?, sequence.parse::<i64>().ok()?);
        let known = epoch == self.epoch && sequence >= self.oldest - 1 && sequence <= self.newest;
        known.then_some(sequence)
    }
}

/// An event of an open transaction, before it has a sequence.
#[derive(Debug)]
pub(crate) struct PendingEvent {
    pub topic: String,
    pub id: String,
    pub version: i64,
    pub changed: Vec<String>,
    pub extra: Value,
}

#[derive(sqlx::FromRow)]
pub(crate) struct EventRow {
    epoch: i64,
    sequence: i64,
    topic: String,
    resource_id: String,
    version: i64,
    changed: String,
    extra: String,
    at: i64,
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let broken = |error: serde_json::Error| StoreError::Decode {
            message: format!("event {}: {error}", row.sequence),
        };
        Ok(Self {
            epoch: row.epoch,
            sequence: row.sequence,
            changed: serde_json::from_str(&row.changed).map_err(broken)?,
            extra: serde_json::from_str(&row.extra).map_err(broken)?,
            topic: row.topic,
            id: row.resource_id,
            version: row.version,
            at: from_micros(row.at)?,
        })
    }
}

crate::statements! {
    pub(crate) TAKE_SEQUENCES =
        "UPDATE outbox_position SET newest = newest + $1 WHERE id = 1 RETURNING epoch, newest";
    pub(crate) INSERT_EVENT =
        "INSERT INTO outbox_event (sequence, epoch, topic, resource_id, version, changed, extra, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    pub(crate) PRUNE_EVENTS =
        "DELETE FROM outbox_event WHERE sequence <= $1 AND at < $2";
    pub(crate) EVENTS_SINCE =
        "SELECT epoch, sequence, topic, resource_id, version, changed, extra, at
         FROM outbox_event WHERE sequence > $1 ORDER BY sequence LIMIT $2";
    pub(crate) EVENT_WINDOW =
        "SELECT p.epoch, coalesce((SELECT min(e.sequence) FROM outbox_event e), p.newest + 1), p.newest
         FROM outbox_position p WHERE p.id = 1";
    pub(crate) START_EPOCH =
        "INSERT INTO outbox_position (id, epoch, newest) VALUES (1, $1, 0) ON CONFLICT (id) DO NOTHING";
}
