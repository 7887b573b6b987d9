//! Figures of what is under way, for those who watch the server.

use rialto_delivery_store::{job, runner};
use rialto_platform_store::{now, to_micros};

use crate::{Delivery, DeliveryError};

/// A runner that was not heard of for this long does not count as there (microseconds).
pub(crate) const SILENT: i64 = 60_000_000;

/// What is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Jobs by state, for the states in which something is to happen yet.
    pub jobs: Vec<(String, u64)>,
    /// Runners heard of within the last minute.
    pub runners_online: u64,
    /// Runners known.
    pub runners_known: u64,
}

impl Delivery {
    /// Counts what is under way.
    ///
    /// # Errors
    /// Store errors.
    pub async fn figures(&self) -> Result<Figures, DeliveryError> {
        let mut db = self.db();
        let counted = job::count_under_way(&mut db).await?;
        let states = [
            "pending",
            "running",
            "canceling",
            "scheduled",
            "waiting_for_resource",
        ];
        let jobs = states.map(|state| {
            let found = counted.iter().find(|(status, _)| status == state);
            let count = found.map_or(0, |(_, count)| *count);
            (state.to_owned(), u64::try_from(count).unwrap_or(0))
        });
        let runners = runner::list(&mut db).await?;
        let since = to_micros(now()) - SILENT;
        let online = runners.iter().filter(|row| row.last_contact_at >= since);
        Ok(Figures {
            jobs: jobs.to_vec(),
            runners_online: online.count() as u64,
            runners_known: runners.len() as u64,
        })
    }
}
