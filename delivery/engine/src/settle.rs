//! What follows when a pipeline comes to rest: the gate's verdict and the branch's light.
//!
//! The pipeline's row says that this is still to be done, so a stop in between only delays it.

use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::PipelineId;
use rialto_delivery_store::pipeline;

use crate::{Delivery, DeliveryError};

impl Delivery {
    /// Settles one pipeline, once.
    pub(crate) async fn settle(&self, id: &PipelineId) -> Result<(), DeliveryError> {
        // One at a time: two pipelines of a branch must not turn its light at once.
        let _held = self.inner.settling.lock().await;
        let Some(row) = pipeline::find(&mut self.db(), id).await? else {
            return Ok(());
        };
        if !row.unsettled {
            return Ok(());
        }
        let judged = matches!(
            *row.status,
            Status::Success | Status::Failed | Status::Manual
        );
        if judged && let Err(error) = self.judge_at_rest(&row).await {
            // The light must turn even where the gate cannot be judged.
            tracing::error!(pipeline = %id, %error, "the gate could not be judged");
        }
        self.turn_light(&row).await?;
        let mut tx = self.db().begin().await?;
        pipeline::set_settled(&mut tx, &row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Settles everything that waits for it.
    pub(crate) async fn settle_all(&self) -> Result<(), DeliveryError> {
        for row in pipeline::unsettled(&mut self.db()).await? {
            if let Err(error) = self.settle(&row.id).await {
                tracing::warn!(pipeline = %row.id, %error, "cannot settle yet");
            }
        }
        Ok(())
    }
}
