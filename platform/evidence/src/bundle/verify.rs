//! Checking a bundle: streaming, bounded, writing nothing to disk, without a server.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tar::EntryType;

use super::meaning::Meaning;
use super::{
    BLOB_FOLDER, BUNDLE_DOMAIN, FORMAT, KEY_ENTRY, MANIFEST_ENTRY, Manifest, RECORDS_ENTRY,
    RecordLine, SIGNATURE_ENTRY, VERSION,
};
use crate::canonical::from_canonical;
use crate::export::MAX_BUNDLE_RECORDS;
use crate::hash::Hash;
use crate::head::SignedHead;
use crate::key::PublicKey;
use crate::merkle::{verify_consistency, verify_inclusion};
use crate::record::{MAX_RECORD_BYTES, Record};

const MAX_MANIFEST_BYTES: u64 = 64 * 1024 * 1024;
const MAX_SMALL_BYTES: u64 = 4_096;
/// A record, its path of at most 64 hashes, and what holds them together.
const MAX_LINE_BYTES: u64 = MAX_RECORD_BYTES as u64 + 8_192;
/// What is kept in memory of records that come before the manifest, and of contents that do.
const MAX_EARLY_BYTES: u64 = 256 * 1024 * 1024;
const MAX_EARLY_BLOBS: usize = 1_000_000;
/// Unpacked bytes read before a bundle is refused.
const MAX_UNPACKED_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Largest decompression window (2^27 bytes), which bounds memory.
const MAX_WINDOW_LOG: u32 = 27;
const MAX_FINDINGS: usize = 100;

/// What the verifier brings along.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// The key that must have signed. Without it the key inside the bundle is used, which shows
    /// that the bundle is whole but not whose it is.
    pub trusted_key: Option<PublicKey>,
    /// A head received earlier: the log must still begin with what that head promised.
    pub earlier_head: Option<SignedHead>,
    /// Unpacked bytes to read at most.
    pub max_bytes: u64,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            trusted_key: None,
            earlier_head: None,
            max_bytes: MAX_UNPACKED_BYTES,
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything is as it was written, and production deployments have what they need.
    Intact,
    /// Something was altered.
    Tampered,
    /// Nothing was found altered, but something that is needed is not there.
    Incomplete,
}

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct VerifyReport {
    /// How it ended.
    pub outcome: Outcome,
    /// First altered, missing or inserted record, when one can be named.
    pub first_bad_seq: Option<u64>,
    /// What is wrong, or that nothing is.
    pub message: String,
    /// What is wanting, one line each.
    pub findings: Vec<String>,
    /// What the bundle says it is about.
    pub about: Option<String>,
    /// Id of the log.
    pub log: Option<String>,
    /// The head it is checked against.
    pub head: Option<SignedHead>,
    /// Id of the key that signed.
    pub key_id: Option<Hash>,
    /// Whether that is the key the verifier trusts.
    pub key_trusted: bool,
    /// Records found intact.
    pub records: u64,
    /// Contents found intact.
    pub blobs: u64,
    /// Successful deployments to production among the records.
    pub production_deployments: u64,
}

/// The file cannot be checked as a bundle at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Not an archive of this kind.
    #[error("not an evidence bundle: {0}")]
    NotABundle(String),
    /// Larger than the verifier reads.
    #[error("the bundle unpacks to over {0} bytes, which is the limit")]
    TooLarge(u64),
}

/// Why a check stopped.
enum Stop {
    Tampered(Option<u64>, String),
    Incomplete(String),
    Error(VerifyError),
}

type Checked<T> = Result<T, Stop>;

/// Checks a bundle.
///
/// # Errors
/// [`VerifyError`] when the file is no bundle, or larger than `options.max_bytes`; everything
/// else is in the report.
pub fn verify_bundle<R: Read>(
    reader: R,
    options: &VerifyOptions,
) -> Result<VerifyReport, VerifyError> {
    let no_bundle = |error: io::Error| VerifyError::NotABundle(error.to_string());
    let mut reader = BufReader::new(reader);
    let magic = reader.fill_buf().map_err(no_bundle)?;
    if !magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Err(VerifyError::NotABundle(
            "a bundle is a tar compressed with zstd (.tar.zst), this is none".into(),
        ));
    }
    let mut decoder = zstd::Decoder::with_buffer(reader).map_err(no_bundle)?;
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(no_bundle)?;
    let limited = Limited {
        inner: decoder,
        left: options.max_bytes,
        exceeded: false,
    };
    let mut archive = tar::Archive::new(limited);
    let mut check = Check::new(options);
    let checked = check.run(&mut archive);
    let mut limited = archive.into_inner();
    let stopped = checked.and_then(|()| check_end(&mut limited)).err();
    if limited.exceeded {
        return Err(VerifyError::TooLarge(options.max_bytes));
    }
    check.finish(stopped)
}

/// Reads to the end, where the compressed stream's checksum is, and finds nothing but padding.
fn check_end(rest: &mut impl Read) -> Checked<()> {
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = rest
            .read(&mut buffer)
            .map_err(|error| stop_of(&error, None))?;
        if count == 0 {
            return Ok(());
        }
        if buffer[..count].iter().any(|byte| *byte != 0) {
            return Err(Stop::Tampered(
                None,
                "something was added after the archive".into(),
            ));
        }
    }
}

/// Ends the stream with an error once too much was unpacked.
struct Limited<R> {
    inner: R,
    left: u64,
    exceeded: bool,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            // Only a byte beyond the limit exceeds it; the end exactly there does not.
            let more = self.inner.read(&mut [0_u8; 1])?;
            self.exceeded = more > 0;
            return if more == 0 {
                Ok(0)
            } else {
                Err(io::Error::other("unpacked too much"))
            };
        }
        let room = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let count = self.inner.read(&mut buffer[..room])?;
        self.left -= count as u64;
        Ok(count)
    }
}

struct Check<'a> {
    options: &'a VerifyOptions,
    key: Option<PublicKey>,
    signature: String,
    manifest: Option<Manifest>,
    manifest_signed: bool,
    meaning: Meaning,
    /// Record that refers to a blob, by the blob's digest.
    referred: BTreeMap<Hash, u64>,
    missing_blobs: BTreeMap<Hash, String>,
    records_seen: bool,
    /// Entries that came before what they are checked against.
    early: BTreeMap<Turn, Vec<u8>>,
    /// Contents that came before the records: entry, digest found, bytes.
    early_blobs: Vec<(String, Hash, u64)>,
    report: VerifyReport,
}

/// The entries in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Key,
    Signature,
    Manifest,
    Records,
    Blob,
}

impl Turn {
    fn of(name: &str) -> Option<Self> {
        match name {
            KEY_ENTRY => Some(Self::Key),
            SIGNATURE_ENTRY => Some(Self::Signature),
            MANIFEST_ENTRY => Some(Self::Manifest),
            RECORDS_ENTRY => Some(Self::Records),
            _ => name.starts_with(BLOB_FOLDER).then_some(Self::Blob),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Key => KEY_ENTRY,
            Self::Signature => SIGNATURE_ENTRY,
            Self::Manifest => MANIFEST_ENTRY,
            Self::Records => RECORDS_ENTRY,
            Self::Blob => BLOB_FOLDER,
        }
    }

    const fn max_bytes(self) -> u64 {
        match self {
            Self::Key | Self::Signature => MAX_SMALL_BYTES,
            Self::Manifest => MAX_MANIFEST_BYTES,
            Self::Records | Self::Blob => MAX_EARLY_BYTES,
        }
    }
}

impl<'a> Check<'a> {
    fn new(options: &'a VerifyOptions) -> Self {
        Self {
            options,
            key: None,
            signature: String::new(),
            manifest: None,
            manifest_signed: false,
            meaning: Meaning::default(),
            referred: BTreeMap::new(),
            missing_blobs: BTreeMap::new(),
            records_seen: false,
            early: BTreeMap::new(),
            early_blobs: Vec::new(),
            report: VerifyReport {
                outcome: Outcome::Intact,
                first_bad_seq: None,
                message: String::new(),
                findings: Vec::new(),
                about: None,
                log: None,
                head: None,
                key_id: None,
                key_trusted: false,
                records: 0,
                blobs: 0,
                production_deployments: 0,
            },
        }
    }

    fn run<R: Read>(&mut self, archive: &mut tar::Archive<R>) -> Checked<()> {
        {
            let damaged = |error: io::Error| stop_of(&error, None);
            // Raw: long names and other extensions are not interpreted, and are refused below.
            let entries = archive.entries().map_err(damaged)?.raw(true);
            for entry in entries {
                let mut entry = entry.map_err(|error| stop_of(&error, self.next_seq()))?;
                let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                // Other programs that pack a bundle again add its folders; they say nothing.
                if entry.header().entry_type() == EntryType::Directory && entry.size() == 0 {
                    continue;
                }
                if entry.header().entry_type() != EntryType::Regular {
                    return Err(Stop::Tampered(
                        None,
                        format!("entry `{}` is not a plain file", shorten(&name)),
                    ));
                }
                let size = entry.size();
                self.entry(&name, size, &mut entry)?;
            }
        }
        self.late()?;
        self.check_complete()
    }

    /// Takes an entry in its turn, or puts it by until what it is checked against has come: other
    /// programs that pack a bundle again keep no order.
    fn entry(&mut self, name: &str, size: u64, content: &mut impl Read) -> Checked<()> {
        let name = name.strip_prefix("./").unwrap_or(name);
        let turn = Turn::of(name);
        let twice = match turn {
            Some(Turn::Key) => self.key.is_some(),
            Some(Turn::Signature) => !self.signature.is_empty(),
            Some(Turn::Manifest) => self.manifest.is_some(),
            Some(Turn::Records) => self.records_seen,
            Some(Turn::Blob) | None => false,
        };
        let Some(turn) = turn.filter(|turn| !twice && !self.early.contains_key(turn)) else {
            let what = format!("unexpected entry `{}`", shorten(name));
            return Err(Stop::Tampered(self.next_seq(), what));
        };
        match turn {
            Turn::Blob if self.records_seen => self.read_blob(name, size, content),
            Turn::Blob => {
                if self.early_blobs.len() >= MAX_EARLY_BLOBS {
                    return Err(out_of_order(name));
                }
                let hash = hash_of(content, None)?;
                self.early_blobs.push((name.to_owned(), hash, size));
                Ok(())
            }
            Turn::Records if self.is_due(turn) => self.read_records(content),
            Turn::Records if size > MAX_EARLY_BYTES => Err(out_of_order(name)),
            _ => {
                let bytes = read_small(name, size, turn.max_bytes(), content)?;
                if self.is_due(turn) {
                    return self.small(turn, &bytes);
                }
                self.early.insert(turn, bytes);
                Ok(())
            }
        }
    }

    /// Whether everything that must be known first is known.
    fn is_due(&self, turn: Turn) -> bool {
        match turn {
            Turn::Key => true,
            Turn::Signature => self.key.is_some(),
            Turn::Manifest => !self.signature.is_empty(),
            Turn::Records => self.manifest.is_some(),
            Turn::Blob => self.records_seen,
        }
    }

    fn small(&mut self, turn: Turn, bytes: &[u8]) -> Checked<()> {
        let text = || {
            std::str::from_utf8(bytes)
                .map_err(|_| Stop::Tampered(None, format!("{} is not UTF-8", turn.name())))
        };
        match turn {
            Turn::Key => self.read_key(text()?),
            Turn::Signature => {
                text()?.clone_into(&mut self.signature);
                Ok(())
            }
            Turn::Manifest => self.read_manifest(text()?),
            Turn::Records => self.read_records(&mut &*bytes),
            Turn::Blob => Ok(()),
        }
    }

    /// Checks what was put by.
    fn late(&mut self) -> Checked<()> {
        for (turn, bytes) in std::mem::take(&mut self.early) {
            if self.is_due(turn) {
                self.small(turn, &bytes)?;
            }
        }
        if self.records_seen {
            for (name, hash, size) in std::mem::take(&mut self.early_blobs) {
                let (digest, content) = self.listed_blob(&name)?;
                self.check_blob(digest, &content, hash, size)?;
            }
        }
        Ok(())
    }

    fn read_key(&mut self, pem: &str) -> Checked<()> {
        let key = PublicKey::from_pem(pem)
            .map_err(|why| Stop::Tampered(None, format!("{KEY_ENTRY}: {why}")))?;
        self.report.key_id = Some(key.id());
        if let Some(trusted) = &self.options.trusted_key {
            if *trusted != key {
                let (found, wanted) = (key.id(), trusted.id());
                let what = format!("it is signed by key {found}, not by the trusted key {wanted}");
                return Err(Stop::Tampered(None, what));
            }
            self.report.key_trusted = true;
        }
        self.key = Some(key);
        Ok(())
    }

    fn read_manifest(&mut self, text: &str) -> Checked<()> {
        let altered = |why: String| Stop::Tampered(None, format!("the manifest: {why}"));
        let value = from_canonical(text.as_bytes()).map_err(|error| altered(error.to_string()))?;
        if value.get("format").and_then(|format| format.as_str()) != Some(FORMAT) {
            return Err(Stop::Error(VerifyError::NotABundle(
                "its manifest is another's".into(),
            )));
        }
        let manifest: Manifest =
            serde_json::from_value(value).map_err(|error| altered(error.to_string()))?;
        if manifest.version != VERSION {
            let found = manifest.version;
            let why = format!("bundle version {found}; this program reads version {VERSION}");
            return Err(Stop::Error(VerifyError::NotABundle(why)));
        }
        if manifest.index.len() > MAX_BUNDLE_RECORDS {
            return Err(altered(format!(
                "it lists over {MAX_BUNDLE_RECORDS} records"
            )));
        }
        let key = self
            .key
            .ok_or_else(|| altered("no key came before it".into()))?;
        if !manifest.head.verifies(&key) {
            return Err(altered("the signature of its head fails".into()));
        }
        self.manifest_signed = key.verifies(BUNDLE_DOMAIN, text, &self.signature);
        self.report.about = Some(manifest.about.clone());
        self.report.log = Some(manifest.head.head.log.clone());
        self.report.head = Some(manifest.head.clone());
        self.missing_blobs = manifest
            .blobs
            .iter()
            .map(|blob| (blob.sha256, blob.name.clone()))
            .collect();
        self.manifest = Some(manifest);
        self.check_earlier_head(&key)
    }

    fn check_earlier_head(&self, key: &PublicKey) -> Checked<()> {
        let (Some(earlier), Some(manifest)) = (&self.options.earlier_head, &self.manifest) else {
            return Ok(());
        };
        let (old, new) = (&earlier.head, &manifest.head.head);
        let tampered = |what: &str| Err(Stop::Tampered(None, what.to_owned()));
        if old.log != new.log {
            return tampered("the earlier head belongs to another log");
        }
        if !earlier.verifies(key) {
            return tampered("the earlier head is not signed by the bundle's key");
        }
        if old.size > new.size {
            return Err(Stop::Incomplete(format!(
                "the earlier head has {} records and the bundle's head {}: the bundle is older, or \
                 records were cut off; export it again",
                old.size, new.size
            )));
        }
        let path = match manifest
            .consistency
            .iter()
            .find(|proof| proof.from == old.size)
        {
            Some(proof) if old.size < new.size => proof.path.as_slice(),
            None if old.size > 0 && old.size < new.size => {
                return Err(Stop::Incomplete(format!(
                    "no proof from the earlier head's {} records; export it again with that size",
                    old.size
                )));
            }
            _ => &[],
        };
        if verify_consistency((old.size, &old.root), (new.size, &new.root), path) {
            return Ok(());
        }
        tampered(
            "the log does not begin with the records of the earlier head: history was rewritten",
        )
    }

    fn read_records(&mut self, content: &mut impl Read) -> Checked<()> {
        self.records_seen = true;
        let mut lines = BufReader::new(content);
        let mut previous: Option<(u64, Hash)> = None;
        let mut line = Vec::new();
        loop {
            line.clear();
            let expected = self.next_seq();
            let read = (&mut lines)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line);
            let count = read.map_err(|error| stop_of(&error, expected))?;
            if count == 0 {
                break;
            }
            if line.pop() != Some(b'\n') {
                let place = expected.map_or(String::new(), |seq| format!("record {seq}: "));
                let what = format!("{place}its line is too long or not ended");
                return Err(Stop::Tampered(expected, what));
            }
            previous = Some(self.check_line(&line, previous)?);
            self.report.records += 1;
        }
        if let Some(missing) = self.next_seq() {
            return Err(self.altered(Some(missing), "it is missing"));
        }
        if !self.manifest_signed {
            return Err(Stop::Tampered(
                None,
                "the manifest was altered: its signature fails".into(),
            ));
        }
        Ok(())
    }

    /// Checks one line; the record's position and hash.
    fn check_line(&mut self, line: &[u8], previous: Option<(u64, Hash)>) -> Checked<(u64, Hash)> {
        let expected = self.next_seq();
        let bad = |why: String| {
            let place = expected.map_or("after the last record".into(), |seq| {
                format!("record {seq}")
            });
            Stop::Tampered(expected, format!("{place}: {why}"))
        };
        let value = from_canonical(line).map_err(|error| bad(error.to_string()))?;
        let parsed: RecordLine =
            serde_json::from_value(value).map_err(|error| bad(error.to_string()))?;
        let record = Record::from_value(parsed.record).map_err(|error| bad(error.to_string()))?;
        let hash = record.hash().map_err(|error| bad(error.to_string()))?;
        let Some(manifest) = &self.manifest else {
            return Err(bad("no manifest".into()));
        };
        let head = &manifest.head.head;
        if !verify_inclusion(&hash, record.seq, head.size, &parsed.path, &head.root) {
            return Err(bad("it is not the record that was signed".into()));
        }
        if record.log != head.log {
            return Err(bad("it belongs to another log".into()));
        }
        match previous {
            Some((seq, _)) if record.seq <= seq => {
                return Err(bad(format!(
                    "record {} stands here, out of order",
                    record.seq
                )));
            }
            Some((seq, hash)) if record.seq == seq + 1 && record.prev != hash => {
                return Err(bad("it does not follow the record before it".into()));
            }
            _ => {}
        }
        let at = usize::try_from(self.report.records).unwrap_or(usize::MAX);
        let listed = manifest.index.get(at);
        // A record under the signed head is genuine: then the list is what was altered, unless
        // the list itself is signed.
        if self.manifest_signed && listed.is_none_or(|l| l.seq != record.seq || l.hash != hash) {
            return Err(bad(format!("record {} stands here instead", record.seq)));
        }
        for reference in &record.refs {
            if self.missing_blobs.contains_key(&reference.sha256) {
                self.referred.entry(reference.sha256).or_insert(record.seq);
            }
        }
        self.meaning.observe(&record);
        Ok((record.seq, hash))
    }

    fn read_blob(&mut self, name: &str, size: u64, content: &mut impl Read) -> Checked<()> {
        let (digest, listed) = self.listed_blob(name)?;
        let hash = hash_of(content, self.referred.get(&digest).copied())?;
        self.check_blob(digest, &listed, hash, size)
    }

    /// The digest an entry is named by, and the content's name in the manifest, which lists it once.
    fn listed_blob(&mut self, name: &str) -> Checked<(Hash, String)> {
        let digest = name.strip_prefix(BLOB_FOLDER).unwrap_or(name);
        let unexpected =
            || Stop::Tampered(None, format!("content `{}` is not listed", shorten(digest)));
        let digest: Hash = digest.parse().map_err(|_| unexpected())?;
        let listed = self.missing_blobs.remove(&digest).ok_or_else(unexpected)?;
        Ok((digest, listed))
    }

    fn check_blob(&mut self, digest: Hash, name: &str, found: Hash, size: u64) -> Checked<()> {
        let mut listed = self.manifest.iter().flat_map(|manifest| &manifest.blobs);
        let listed = listed.find(|blob| blob.sha256 == digest);
        if found != digest || listed.is_none_or(|blob| blob.size != size) {
            let owner = self.referred.get(&digest).copied();
            return Err(self.altered(owner, &format!("its content `{name}` was altered")));
        }
        self.report.blobs += 1;
        Ok(())
    }

    fn check_complete(&self) -> Checked<()> {
        if !self.records_seen {
            return Err(Stop::Incomplete(
                "the bundle ends before its records".into(),
            ));
        }
        if let Some((digest, name)) = self.missing_blobs.first_key_value() {
            return Err(Stop::Incomplete(format!(
                "the content `{name}` ({digest}) is missing"
            )));
        }
        Ok(())
    }

    /// Position of the next record that the manifest lists.
    fn next_seq(&self) -> Option<u64> {
        let at = usize::try_from(self.report.records).ok()?;
        self.manifest.as_ref()?.index.get(at).map(|entry| entry.seq)
    }

    fn altered(&self, seq: Option<u64>, why: &str) -> Stop {
        if !self.manifest_signed {
            return Stop::Tampered(None, "the manifest was altered: its signature fails".into());
        }
        let what = seq.map_or(why.to_owned(), |seq| format!("record {seq}: {why}"));
        Stop::Tampered(seq, what)
    }

    fn finish(self, stopped: Option<Stop>) -> Result<VerifyReport, VerifyError> {
        let mut report = self.report;
        let (deployments, findings) = self.meaning.finish();
        report.production_deployments = deployments as u64;
        match stopped {
            Some(Stop::Error(error)) => return Err(error),
            Some(Stop::Tampered(seq, message)) => {
                report.outcome = Outcome::Tampered;
                report.first_bad_seq = seq;
                report.message = message;
            }
            Some(Stop::Incomplete(message)) => {
                report.outcome = Outcome::Incomplete;
                report.message = message;
            }
            None if findings.is_empty() => {
                report.message = format!(
                    "{} records and {} contents are intact under the head of {} records",
                    report.records,
                    report.blobs,
                    report.head.as_ref().map_or(0, |head| head.head.size)
                );
            }
            None => {
                report.outcome = Outcome::Incomplete;
                report.message = format!(
                    "the records are intact, but {} things that a deployment to production needs \
                     are wanting",
                    findings.len()
                );
                let texts = findings.into_iter().map(|(_, text)| text);
                report.findings = texts.take(MAX_FINDINGS).collect();
            }
        }
        Ok(report)
    }
}

/// Too much came before what it is checked against.
fn out_of_order(name: &str) -> Stop {
    Stop::Error(VerifyError::NotABundle(format!(
        "`{}` comes before the manifest, and is too large to be kept until then; pack the bundle \
         in its own order: {KEY_ENTRY}, {SIGNATURE_ENTRY}, {MANIFEST_ENTRY}, {RECORDS_ENTRY}, \
         {BLOB_FOLDER}",
        shorten(name)
    )))
}

/// SHA-256 of a content; `owner` is the record to name if it cannot be read.
fn hash_of(content: &mut impl Read, owner: Option<u64>) -> Checked<Hash> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = content
            .read(&mut buffer)
            .map_err(|error| stop_of(&error, owner))?;
        if count == 0 {
            return Ok(Hash(hasher.finalize().into()));
        }
        hasher.update(&buffer[..count]);
    }
}

fn read_small(name: &str, size: u64, limit: u64, content: &mut impl Read) -> Checked<Vec<u8>> {
    if size > limit {
        return Err(Stop::Tampered(
            None,
            format!("{name} has {size} bytes, over {limit}"),
        ));
    }
    let mut bytes = Vec::new();
    content
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| stop_of(&error, None))?;
    Ok(bytes)
}

/// An archive that ends too early is incomplete; one that cannot be decoded was altered.
fn stop_of(error: &io::Error, seq: Option<u64>) -> Stop {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let place = seq.map_or(String::new(), |seq| format!(" at record {seq}"));
        return Stop::Incomplete(format!("the bundle ends too early{place}"));
    }
    let place = seq.map_or(String::new(), |seq| format!("record {seq}: "));
    Stop::Tampered(seq, format!("{place}the archive is damaged ({error})"))
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}
