//! Removing archives whose time is over.

use std::time::{Duration, SystemTime};

use rialto_delivery_store::artifact;

use crate::error::blocking;
use crate::{Delivery, DeliveryError};

/// An archive stays this long after it expired: a job or a person may just be fetching it.
const GRACE: Duration = Duration::from_secs(3600);

/// How far the search for expired archives has come.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    until: i64,
}

impl Delivery {
    /// Looks for what expired since the last call.
    pub(crate) async fn remove_expired(&self, sweep: &mut Sweep) -> Result<(), DeliveryError> {
        let removed = self.remove_expired_at(sweep, SystemTime::now()).await?;
        if removed > 0 {
            tracing::info!(removed, "expired archives were removed");
        }
        Ok(())
    }

    /// Removes the content of archives that expired before `at`, less an hour, and that nothing
    /// needs any more; answers how many. That they were there, and their digests, stays known.
    ///
    /// # Errors
    /// Store and disk errors.
    pub async fn remove_expired_before(&self, at: SystemTime) -> Result<usize, DeliveryError> {
        self.remove_expired_at(&mut Sweep::default(), at).await
    }

    async fn remove_expired_at(
        &self,
        sweep: &mut Sweep,
        at: SystemTime,
    ) -> Result<usize, DeliveryError> {
        let before = at - GRACE;
        let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH);
        let until = since(before).map_or(0, |time| i64::try_from(time.as_micros()).unwrap_or(0));
        let digests = artifact::expired(&mut self.db(), sweep.until, until).await?;
        let content = self.content().clone();
        let removed = blocking(move || {
            let mut removed = 0;
            for digest in digests {
                removed += usize::from(content.remove(&digest, before)?);
            }
            Ok(removed)
        })
        .await?;
        sweep.until = until;
        Ok(removed)
    }
}
