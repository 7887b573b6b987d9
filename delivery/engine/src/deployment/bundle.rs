//! What belongs into the evidence bundle of a release.

use rialto_delivery_store::ids::ReleaseId;
use rialto_delivery_store::{Cas, release};
use rialto_platform_evidence::{
    BlobContent, Bundle, BundleBlob, ExportRequest, Hash, Record, RecordQuery,
};

use super::Deployments;
use crate::DeliveryError;
use crate::error::blocking;

/// Largest content put into a bundle; larger ones are named by their digest only.
const MAX_BLOB_BYTES: u64 = 256 << 20;
/// Records read per page.
const PAGE: u32 = 1_000;

impl Deployments {
    /// The evidence bundle of a release: every record about it and its pipeline (push, jobs,
    /// reports, verdict, release, approvals, deployment steps, deployments, rollbacks) and the
    /// stored contents they refer to. [`Bundle::write`] writes it; that blocks.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`], [`DeliveryError::Evidence`].
    pub async fn release_bundle(&self, id: &ReleaseId) -> Result<Bundle, DeliveryError> {
        let delivery = self.delivery();
        let row = release::find(&mut delivery.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("release", id))?;
        let mut subjects = vec![
            format!("release:{id}"),
            format!("pipeline:{}", row.pipeline_id),
        ];
        subjects.extend(self.push_subject(&row.pipeline_id).await?);
        let mut refs: Vec<(String, Hash)> = Vec::new();
        for subject in &subjects {
            for record in self.records_about(subject).await? {
                refs.extend(record.refs.into_iter().map(|r| (r.id, r.sha256)));
            }
        }
        refs.sort_by_key(|(_, sha256)| sha256.to_string());
        refs.dedup_by(|a, b| a.1 == b.1);
        let content = delivery.content().clone();
        let blobs = blocking(move || Ok(stored(&content, refs))).await?;
        let request = ExportRequest {
            about: format!("release:{id}"),
            subjects,
            blobs,
            earlier_sizes: Vec::new(),
        };
        Ok(delivery.evidence().export(delivery.db(), request).await?)
    }

    async fn push_subject(
        &self,
        id: &rialto_delivery_store::ids::PipelineId,
    ) -> Result<Option<String>, DeliveryError> {
        let row = rialto_delivery_store::pipeline::find(&mut self.delivery().db(), id).await?;
        Ok(row
            .and_then(|row| row.push_event_id)
            .map(|push| format!("push:{push}")))
    }

    async fn records_about(&self, subject: &str) -> Result<Vec<Record>, DeliveryError> {
        let mut all = Vec::new();
        let mut from = 0;
        loop {
            let query = RecordQuery {
                from_seq: Some(from),
                subject: Some(subject.to_owned()),
                limit: PAGE,
                ..RecordQuery::default()
            };
            let page = self
                .delivery()
                .evidence()
                .records(self.delivery().db(), &query)
                .await?;
            let full = page.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
            if let Some(last) = page.last() {
                from = last.seq + 1;
            }
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }
}

/// The contents that are stored and not too large.
fn stored(content: &Cas, refs: Vec<(String, Hash)>) -> Vec<BundleBlob> {
    refs.into_iter()
        .filter_map(|(name, sha256)| {
            let path = content.path(&sha256.to_string()).ok()?;
            let size = path.metadata().ok()?.len();
            (size <= MAX_BLOB_BYTES).then_some(BundleBlob {
                name,
                sha256,
                content: BlobContent::File(path),
            })
        })
        .collect()
}
