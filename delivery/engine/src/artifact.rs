//! Files of jobs: received with their digest checked, handed out to jobs and people.

use std::path::PathBuf;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use rialto_delivery_store::artifact::{self, ArtifactRow};
use rialto_delivery_store::ids::JobId;
use rialto_delivery_store::job::{self, JobRow};
use rialto_delivery_store::{CasWriter, report as reports};
use rialto_platform_store::{new_id, now, to_micros};

use crate::error::blocking;
use crate::{Delivery, DeliveryError};

/// Files of one job.
const MAX_FILES: usize = 200;
/// Entries of one archive.
const MAX_ENTRIES: usize = 1_000_000;
/// Bytes collected before they are written.
const PIECE: usize = 1 << 20;

/// What a runner says of a file it sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// `archive`, `junit`, `cobertura`, `lcov` or `dotenv`.
    pub kind: String,
    /// File name for people.
    pub name: String,
    /// SHA-256, hex.
    pub sha256: String,
}

/// A stored file to be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFile {
    /// Where it is.
    pub path: PathBuf,
    /// Name for people.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

impl Delivery {
    /// Takes a file of a job that is at work. Sending it again is harmless.
    ///
    /// # Errors
    /// [`DeliveryError::StaleLease`], [`DeliveryError::Invalid`], [`DeliveryError::TooLarge`], and
    /// a content error when the digest differs.
    pub async fn upload_file<B>(
        &self,
        id: &JobId,
        lease: &str,
        upload: &Upload,
        body: B,
    ) -> Result<(), DeliveryError>
    where
        B: Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin,
    {
        let row = self.leased(id, lease).await?;
        if row.status.is_completed() {
            return Err(DeliveryError::StaleLease {
                job: id.to_string(),
            });
        }
        let limit = self.check_upload(&row, upload).await?;
        let (sha256, size) = self.receive(body, &upload.sha256, limit).await?;
        if upload.kind == "archive" {
            self.check_archive(&sha256, &upload.name).await?;
        }
        let report = self
            .read_report(&row, &upload.kind, &upload.name, &sha256)
            .await?;
        let at = to_micros(now());
        let artifact = ArtifactRow {
            id: new_id(),
            job_id: id.clone(),
            pipeline_id: row.pipeline_id.clone(),
            kind: upload.kind.clone(),
            name: upload.name.clone(),
            size: i64::try_from(size).unwrap_or(i64::MAX),
            sha256,
            expires_at: self.expiry(&row, at).await?,
            created_at: at,
        };
        let mut tx = self.db().begin().await?;
        artifact::put(&mut tx, &artifact).await?;
        if let Some(report) = &report {
            reports::put(&mut tx, report).await?;
            self.record_report(&mut tx, &row, report).await?;
        }
        let topic = format!("job:{id}");
        let changed: &[&str] = if report.is_some() {
            &["artifacts", "reports"]
        } else {
            &["artifacts"]
        };
        tx.publish(
            &topic,
            id.as_str(),
            row.version,
            changed,
            serde_json::Value::Null,
        )
        .await;
        tx.commit().await?;
        Ok(())
    }

    async fn check_upload(&self, row: &JobRow, upload: &Upload) -> Result<u64, DeliveryError> {
        let settings = self.settings();
        let limit = match upload.kind.as_str() {
            "archive" => settings.artifact_bytes,
            "junit" | "cobertura" | "lcov" => settings.report_bytes,
            "dotenv" => 64 << 10,
            "manifest" => 64 << 20,
            other => {
                let message = format!(
                    "`{other}` is not a kind of file; use archive, manifest, junit, cobertura, lcov or dotenv"
                );
                return Err(DeliveryError::invalid("/kind", "unknown_kind", message));
            }
        };
        let named = !upload.name.is_empty()
            && upload.name.len() <= 1024
            && !upload.name.chars().any(char::is_control);
        if !named {
            let message = "a file has a name of 1 to 1024 bytes without control characters";
            return Err(DeliveryError::invalid("/name", "invalid_name", message));
        }
        if artifact::of_job(&mut self.db(), &row.id).await?.len() >= MAX_FILES {
            return Err(DeliveryError::refused(format!(
                "job `{}` has {MAX_FILES} files already; that is the limit",
                row.name
            )));
        }
        Ok(limit)
    }

    /// Streams a body into the content store.
    async fn receive<B>(
        &self,
        mut body: B,
        sha256: &str,
        limit: u64,
    ) -> Result<(String, u64), DeliveryError>
    where
        B: Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin,
    {
        self.content().path(sha256)?;
        let cas = self.content().clone();
        let mut writer: CasWriter = blocking(move || Ok(cas.writer(limit)?)).await?;
        let mut piece = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|source| DeliveryError::File {
                path: "the upload broke off".to_owned(),
                source,
            })?;
            piece.extend_from_slice(&chunk);
            if piece.len() >= PIECE {
                writer = write_piece(writer, std::mem::take(&mut piece)).await?;
            }
        }
        writer = write_piece(writer, piece).await?;
        let expected = sha256.to_owned();
        blocking(move || Ok(writer.finish(Some(&expected))?)).await
    }

    /// An archive that nobody could unpack safely is refused where its maker can still be told.
    async fn check_archive(&self, sha256: &str, name: &str) -> Result<(), DeliveryError> {
        let file = self.content().file(sha256)?;
        let name = name.to_owned();
        blocking(move || {
            let bad = |message: String| DeliveryError::invalid("/body", "bad_archive", message);
            let mut archive = zip::ZipArchive::new(std::io::BufReader::new(file))
                .map_err(|e| bad(format!("`{name}` is not a zip archive: {e}")))?;
            if archive.len() > MAX_ENTRIES {
                return Err(bad(format!("`{name}` has more than {MAX_ENTRIES} entries")));
            }
            for index in 0..archive.len() {
                let entry = archive
                    .by_index_raw(index)
                    .map_err(|e| bad(format!("`{name}`, entry {index}: {e}")))?;
                if entry.enclosed_name().is_none() {
                    return Err(bad(format!(
                        "`{name}` holds the path `{}`, which leads out of the folder",
                        entry.name().unwrap_or_default()
                    )));
                }
            }
            Ok(())
        })
        .await
    }

    async fn expiry(&self, row: &JobRow, at: i64) -> Result<Option<i64>, DeliveryError> {
        let loaded = self.load(&mut self.db(), &row.pipeline_id).await?;
        let index = usize::try_from(row.plan_index).unwrap_or(usize::MAX);
        let artifacts = loaded
            .prepared
            .plan
            .jobs
            .get(index)
            .and_then(|j| j.artifacts.as_ref());
        let default_s = u64::from(self.settings().artifact_days) * 86_400;
        let seconds = artifacts.and_then(|a| a.expire_in_s).unwrap_or(default_s);
        // 0 means for ever.
        let micros = i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000);
        Ok((seconds > 0).then(|| at.saturating_add(micros)))
    }

    /// The archive of a job for another job of the same project.
    ///
    /// # Errors
    /// [`DeliveryError::StaleLease`] for the asking job, [`DeliveryError::NotFound`].
    pub async fn dependency_archive(
        &self,
        source: &JobId,
        asking: &JobId,
        lease: &str,
    ) -> Result<ArtifactFile, DeliveryError> {
        let asking = self.leased(asking, lease).await?;
        let file = self.artifact_file(source, "archive").await?;
        let other = job::find(&mut self.db(), source).await?;
        if other.is_none_or(|other| other.project_id != asking.project_id) {
            return Err(DeliveryError::not_found("artifact of job", source));
        }
        Ok(file)
    }

    /// The dependency archive for a lease alone: the asking job is found by its lease.
    ///
    /// # Errors
    /// As [`Delivery::dependency_archive`].
    pub async fn archive_for_lease(
        &self,
        source: &JobId,
        lease: &str,
    ) -> Result<ArtifactFile, DeliveryError> {
        let asking = job::find_by_lease(&mut self.db(), lease)
            .await?
            .ok_or_else(|| DeliveryError::StaleLease {
                job: source.to_string(),
            })?;
        self.dependency_archive(source, &asking.id, lease).await
    }

    /// A stored file of a job by kind.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`] when there is none or it has expired.
    pub async fn artifact_file(
        &self,
        id: &JobId,
        kind: &str,
    ) -> Result<ArtifactFile, DeliveryError> {
        let row = artifact::find(&mut self.db(), id, kind)
            .await?
            .filter(|row| {
                row.expires_at
                    .is_none_or(|expiry| expiry > to_micros(now()))
            })
            .ok_or_else(|| DeliveryError::not_found("artifact of job", format!("{id}/{kind}")))?;
        let path = self.content().path(&row.sha256)?;
        if !self.content().contains(&row.sha256)? {
            return Err(DeliveryError::not_found("stored content", &row.sha256));
        }
        Ok(ArtifactFile {
            path,
            name: row.name,
            kind: row.kind,
            size: u64::try_from(row.size).unwrap_or(0),
            sha256: row.sha256,
        })
    }
}

async fn write_piece(mut writer: CasWriter, piece: Vec<u8>) -> Result<CasWriter, DeliveryError> {
    if piece.is_empty() {
        return Ok(writer);
    }
    blocking(move || {
        writer.write(&piece)?;
        Ok(writer)
    })
    .await
}
