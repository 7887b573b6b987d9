//! Writing a bundle.

use std::fs::File;
use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::{
    BLOB_FOLDER, BUNDLE_DOMAIN, BlobContent, BlobEntry, Bundle, BundleBlob, FORMAT, IndexEntry,
    KEY_ENTRY, MANIFEST_ENTRY, Manifest, RECORDS_ENTRY, SIGNATURE_ENTRY, VERSION,
};
use crate::canonical::to_canonical;
use crate::error::EvidenceError;
use crate::hash::Hash;

impl Bundle {
    /// Number of records in the bundle.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.records.len()
    }

    /// Writes the archive. Reads blob files, so call it where blocking is allowed.
    ///
    /// # Errors
    /// [`EvidenceError::Export`] when a blob's content is not that of its digest,
    /// [`EvidenceError::Write`] when reading or writing fails.
    pub fn write<W: Write>(&self, out: W) -> Result<W, EvidenceError> {
        let manifest = self.manifest()?;
        let mut encoder = zstd::Encoder::new(out, 3)?;
        encoder.include_checksum(true)?;
        let mut archive = tar::Builder::new(encoder);
        let pem = self.key.public().to_pem().map_err(EvidenceError::Export)?;
        add(&mut archive, KEY_ENTRY, pem.as_bytes())?;
        let signature = self.key.sign(BUNDLE_DOMAIN, &manifest);
        add(&mut archive, SIGNATURE_ENTRY, signature.as_bytes())?;
        add(&mut archive, MANIFEST_ENTRY, manifest.as_bytes())?;
        self.write_records(&mut archive)?;
        for blob in &self.blobs {
            let (size, content) = blob.open()?;
            let path = format!("{BLOB_FOLDER}{}", blob.sha256);
            archive.append(&header(&path, size)?, content.take(size))?;
        }
        let mut out = archive.into_inner()?.finish()?;
        out.flush()?;
        Ok(out)
    }

    fn manifest(&self) -> Result<String, EvidenceError> {
        let mut blobs = Vec::with_capacity(self.blobs.len());
        for blob in &self.blobs {
            blobs.push(blob.entry()?);
        }
        let index = self.records.iter();
        let manifest = Manifest {
            format: FORMAT.into(),
            version: VERSION,
            about: self.about.clone(),
            created_at: self.created_at,
            head: self.head.clone(),
            index: index
                .map(|r| IndexEntry {
                    seq: r.seq,
                    hash: r.hash,
                })
                .collect(),
            consistency: self.consistency.clone(),
            blobs,
        };
        let value = serde_json::to_value(&manifest)
            .map_err(|error| EvidenceError::Export(error.to_string()))?;
        to_canonical(&value).map_err(|error| EvidenceError::Export(error.to_string()))
    }

    fn write_records<W: Write>(&self, archive: &mut tar::Builder<W>) -> io::Result<()> {
        let line = |record: &super::BundleRecord| {
            let path: Vec<_> = record
                .path
                .iter()
                .map(|hash| format!("\"{hash}\""))
                .collect();
            // Canonical: `path` sorts before `record`, and both values are canonical.
            format!(
                "{{\"path\":[{}],\"record\":{}}}\n",
                path.join(","),
                record.text
            )
        };
        let size = self
            .records
            .iter()
            .map(|record| line(record).len() as u64)
            .sum();
        let lines = LineReader {
            lines: self.records.iter().map(line),
            rest: Vec::new(),
            at: 0,
        };
        archive.append(&header(RECORDS_ENTRY, size)?, lines)
    }
}

/// Reads lines made one at a time, so that the whole of them is never in memory twice.
struct LineReader<I> {
    lines: I,
    rest: Vec<u8>,
    at: usize,
}

impl<I: Iterator<Item = String>> Read for LineReader<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.rest.len() {
            self.rest = self.lines.next().unwrap_or_default().into_bytes();
            self.at = 0;
        }
        let count = (&self.rest[self.at..]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

impl BundleBlob {
    fn open(&self) -> io::Result<(u64, Box<dyn Read + '_>)> {
        match &self.content {
            BlobContent::Bytes(bytes) => Ok((bytes.len() as u64, Box::new(bytes.as_slice()))),
            BlobContent::File(path) => {
                let file = File::open(path)?;
                Ok((file.metadata()?.len(), Box::new(file)))
            }
        }
    }

    /// The blob's line of the manifest, after its content was checked against its digest.
    fn entry(&self) -> Result<BlobEntry, EvidenceError> {
        let (size, mut content) = self.open()?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0_u8; 64 * 1024];
        loop {
            let count = content.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
        }
        let found = Hash(hasher.finalize().into());
        if found != self.sha256 {
            return Err(EvidenceError::Export(format!(
                "the content of `{}` has digest {found}, and the records refer to {}",
                self.name, self.sha256
            )));
        }
        Ok(BlobEntry {
            sha256: found,
            name: self.name.clone(),
            size,
        })
    }
}

fn add<W: Write>(archive: &mut tar::Builder<W>, name: &str, bytes: &[u8]) -> io::Result<()> {
    archive.append(&header(name, bytes.len() as u64)?, bytes)
}

/// The same header for the same content: no owner, no time.
fn header(name: &str, size: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(header)
}
