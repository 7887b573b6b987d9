//! What happened to interfaces.

use rialto_esb_store::event;
use rialto_platform_store::from_micros;

use crate::view::EventView;
use crate::{InterfacePlatform, PlatformError};

impl InterfacePlatform {
    /// Events of an interface, or of one of its versions, before a number, newest first.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn events(
        &self,
        code: &str,
        version: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<EventView>, PlatformError> {
        self.interface(code).await?;
        let before = before.unwrap_or(i64::MAX);
        let rows = event::of_interface(&mut self.db(), code, version, before, limit).await?;
        let views = rows.into_iter().map(|row| {
            Ok(EventView {
                no: u64::try_from(row.no).unwrap_or(0),
                interface: row.interface,
                version: row.version_id,
                kind: row.kind,
                actor: row.actor,
                reason: row.reason,
                detail: serde_json::from_str(&row.document)
                    .map_err(PlatformError::json("event"))?,
                at: from_micros(row.at)?,
            })
        });
        views.collect()
    }
}
