//! Altered, hostile and damaged bundles: each is refused, and the first bad record is named.

use std::io::Read as _;
use std::sync::OnceLock;

use proptest::prelude::*;
use rialto_platform_evidence::{
    EvidenceLog, Outcome, VerifyError, VerifyOptions, VerifyReport, verify_bundle,
};
use rialto_platform_store::testing::TestDb;
use tar::{EntryType, Header};

use crate::bundle::{export, tell_a_release, verify};
use crate::{SETS, key};

type Entries = Vec<(String, Vec<u8>)>;

/// A genuine bundle and its entries, made once.
fn genuine() -> &'static (Vec<u8>, Entries) {
    static GENUINE: OnceLock<(Vec<u8>, Entries)> = OnceLock::new();
    GENUINE.get_or_init(|| {
        // A thread of its own: the caller may already be inside a runtime.
        let made = std::thread::spawn(|| {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let db = TestDb::sqlite(SETS).await;
                let log = EvidenceLog::open(&db, key()).await.expect("opens");
                tell_a_release(&db, &log, "wang").await;
                export(&db, &log, Vec::new()).await
            })
        });
        let bundle = made.join().expect("a bundle");
        let entries = unpack(&bundle);
        (bundle, entries)
    })
}

fn unpack(bundle: &[u8]) -> Entries {
    let mut archive = tar::Archive::new(zstd::Decoder::new(bundle).expect("zstd"));
    let entries = archive.entries().expect("tar");
    entries
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let name = String::from_utf8(entry.path_bytes().into_owned()).expect("a name");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("reads");
            (name, bytes)
        })
        .collect()
}

fn header(name: &str, kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_ustar();
    // Written raw, because a safe writer refuses the names a hostile one uses.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn pack(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).expect("zstd"));
    for (name, bytes) in entries {
        let header = header(name, EntryType::Regular, bytes.len());
        archive.append(&header, bytes.as_slice()).expect("appends");
    }
    archive
        .into_inner()
        .expect("tar ends")
        .finish()
        .expect("zstd ends")
}

fn position(entries: &Entries, name: &str) -> usize {
    entries
        .iter()
        .position(|(found, _)| found == name)
        .expect("present")
}

fn record_lines(entries: &Entries) -> Vec<Vec<u8>> {
    let bytes = &entries[position(entries, "records.jsonl")].1;
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

/// The genuine bundle with other record lines.
fn with_lines(lines: &[Vec<u8>]) -> VerifyReport {
    let mut entries = genuine().1.clone();
    let at = position(&entries, "records.jsonl");
    entries[at].1 = lines.concat();
    verify(&pack(&entries), None)
}

/// Positions in the log of the genuine bundle's records.
const SEQS: [u64; 5] = [3, 4, 6, 7, 8];

fn names(report: &VerifyReport, seq: u64) {
    assert_eq!(report.outcome, Outcome::Tampered, "{}", report.message);
    assert_eq!(report.first_bad_seq, Some(seq), "{}", report.message);
    assert!(
        report.message.contains(&seq.to_string()),
        "{}",
        report.message
    );
}

/// A digit in upper case names the same number, but is not what was written.
#[test]
fn a_signature_has_one_spelling() {
    let entries = &genuine().1;
    let at = position(entries, "manifest.sig");
    for digit in 0..entries[at].1.len() {
        let mut entries = entries.clone();
        entries[at].1[digit] ^= 0x20;
        assert_eq!(
            verify(&pack(&entries), None).outcome,
            Outcome::Tampered,
            "digit {digit}"
        );
    }
}

#[test]
fn repacking_alone_changes_nothing() {
    let entries = &genuine().1;
    assert_eq!(verify(&pack(entries), None).outcome, Outcome::Intact);
    assert_eq!(record_lines(entries).len(), SEQS.len());
}

/// As after `tar -xf`, an edit, and `tar -cf`: folders' order and a leading `./`.
#[test]
fn packed_in_any_order_the_altered_record_is_named() {
    let sorted = |entries: &Entries| {
        let mut all = entries.clone();
        all.sort();
        for (name, _) in &mut all {
            *name = format!("./{name}");
        }
        pack(&all)
    };
    let entries = &genuine().1;
    assert_eq!(verify(&sorted(entries), None).outcome, Outcome::Intact);
    let mut altered = entries.clone();
    let at = position(&altered, "records.jsonl");
    let mut lines = record_lines(&altered);
    let byte = lines[2].len() / 2;
    lines[2][byte] ^= 0x80;
    altered[at].1 = lines.concat();
    names(&verify(&sorted(&altered), None), SEQS[2]);
    let mut altered = entries.clone();
    let blob = altered
        .iter_mut()
        .find(|(name, _)| name.starts_with("blobs/"));
    blob.expect("a content").1.push(b'x');
    let report = verify(&sorted(&altered), None);
    assert_eq!(report.outcome, Outcome::Tampered);
    assert!(report.message.contains("its content"), "{}", report.message);
    let mut twice = entries.clone();
    twice.push(twice[0].clone());
    assert_eq!(verify(&sorted(&twice), None).outcome, Outcome::Tampered);
    let mut without = entries.clone();
    without.retain(|(name, _)| name != "manifest.sig");
    assert_eq!(verify(&sorted(&without), None).outcome, Outcome::Incomplete);
}

proptest! {
    // Each case packs and checks a bundle; 64 of them keep the suite quick.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_altered_byte_of_a_record_names_the_record(line in 0_usize..5, at: prop::sample::Index, flip in 1_u8..=255) {
        let mut lines = record_lines(&genuine().1);
        let at = at.index(lines[line].len());
        lines[line][at] ^= flip;
        names(&with_lines(&lines), SEQS[line]);
    }

    #[test]
    fn a_dropped_record_is_named(line in 0_usize..5) {
        let mut lines = record_lines(&genuine().1);
        lines.remove(line);
        names(&with_lines(&lines), SEQS[line]);
    }

    #[test]
    fn the_first_of_two_swapped_records_is_named(a in 0_usize..5, b in 0_usize..5) {
        prop_assume!(a != b);
        let mut lines = record_lines(&genuine().1);
        lines.swap(a, b);
        names(&with_lines(&lines), SEQS[a.min(b)]);
    }

    #[test]
    fn an_inserted_record_is_found_where_it_stands(line in 0_usize..5, copied in 0_usize..5) {
        let mut lines = record_lines(&genuine().1);
        let copy = lines[copied].clone();
        lines.insert(line, copy);
        let report = with_lines(&lines);
        // A copy of the record at this very place is found at the next place.
        let bad = if copied == line { line + 1 } else { line };
        match SEQS.get(bad) {
            Some(seq) => names(&report, *seq),
            None => {
                assert_eq!(report.outcome, Outcome::Tampered);
                assert!(report.message.contains("after the last record"), "{}", report.message);
            }
        }
    }

    #[test]
    fn any_altered_byte_of_the_other_entries_is_found(entry in 0_usize..5, at: prop::sample::Index, flip in 1_u8..=255) {
        let mut entries = genuine().1.clone();
        prop_assume!(entries[entry].0 != "records.jsonl");
        let at = at.index(entries[entry].1.len());
        entries[entry].1[at] ^= flip;
        let options = VerifyOptions { trusted_key: Some(key().public()), ..VerifyOptions::default() };
        let verdict = verify_bundle(pack(&entries).as_slice(), &options);
        // PEM has spare forms (line ends, unused bits) that decode to the same trusted key.
        let same_key = entries[entry].0 == "public_key.pem";
        prop_assert!(same_key || verdict.is_err() || verdict.expect("checked").outcome != Outcome::Intact);
    }

    #[test]
    fn any_altered_byte_of_the_packed_file_is_found_or_harmless(at: prop::sample::Index, flip in 1_u8..=255) {
        let mut bundle = genuine().0.clone();
        let at = at.index(bundle.len());
        bundle[at] ^= flip;
        let options = VerifyOptions { trusted_key: Some(key().public()), ..VerifyOptions::default() };
        if let Ok(report) = verify_bundle(bundle.as_slice(), &options)
            && report.outcome == Outcome::Intact
        {
            prop_assert_eq!(unpack(&bundle), genuine().1.clone(), "intact means the same contents");
        }
    }

    #[test]
    fn a_bundle_cut_anywhere_is_never_intact(at: prop::sample::Index) {
        let bundle = &genuine().0;
        let cut = &bundle[..at.index(bundle.len())];
        let options = VerifyOptions { trusted_key: Some(key().public()), ..VerifyOptions::default() };
        match verify_bundle(cut, &options) {
            Err(VerifyError::NotABundle(_)) => {}
            Err(error) => prop_assert!(false, "{error}"),
            Ok(report) => prop_assert_eq!(report.outcome, Outcome::Incomplete, "{}", report.message),
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_panic(mut bytes: Vec<u8>, framed: bool) {
        if framed {
            bytes = zstd::encode_all(bytes.as_slice(), 1).expect("packs");
        }
        match verify_bundle(bytes.as_slice(), &VerifyOptions::default()) {
            Ok(report) => prop_assert_ne!(report.outcome, Outcome::Intact),
            Err(error) => prop_assert!(matches!(error, VerifyError::NotABundle(_))),
        }
    }
}

#[test]
fn an_altered_manifest_is_not_blamed_on_a_record() {
    let mut entries = genuine().1.clone();
    let at = position(&entries, "manifest.json");
    let text = String::from_utf8(entries[at].1.clone()).expect("text");
    let index = text.find("\"hash\":\"").expect("an index") + 8;
    let digit = if text.as_bytes()[index] == b'0' {
        b'1'
    } else {
        b'0'
    };
    entries[at].1[index] = digit;
    let report = verify(&pack(&entries), None);
    assert_eq!(
        (report.outcome, report.first_bad_seq),
        (Outcome::Tampered, None)
    );
    assert!(
        report.message.contains("the manifest was altered"),
        "{}",
        report.message
    );
}

#[test]
fn an_altered_content_names_the_record_that_refers_to_it() {
    let mut entries = genuine().1.clone();
    let last = entries.len() - 1;
    entries[last].1[0] ^= 1;
    let report = verify(&pack(&entries), None);
    names(&report, 4);
    assert!(
        report.message.contains("verdict.json"),
        "{}",
        report.message
    );
}

#[test]
fn a_missing_content_leaves_the_bundle_incomplete() {
    let mut entries = genuine().1.clone();
    entries.pop();
    let report = verify(&pack(&entries), None);
    assert_eq!(report.outcome, Outcome::Incomplete);
    assert!(
        report.message.contains("verdict.json"),
        "{}",
        report.message
    );
}

#[test]
fn unexpected_entries_are_refused() {
    for name in [
        "../../etc/passwd",
        "/etc/passwd",
        "blobs/../../x",
        "extra",
        "records.jsonl",
    ] {
        let mut entries = genuine().1.clone();
        entries.push((name.into(), b"x".to_vec()));
        let report = verify(&pack(&entries), None);
        assert_eq!(report.outcome, Outcome::Tampered, "{name}");
    }
}

#[test]
fn links_and_extension_headers_are_refused() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::GNULongName,
        EntryType::XHeader,
    ] {
        let mut archive = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).expect("zstd"));
        archive
            .append(&header("public_key.pem", kind, 3), b"abc".as_slice())
            .expect("appends");
        let bundle = archive
            .into_inner()
            .expect("tar ends")
            .finish()
            .expect("zstd ends");
        let report = verify(&bundle, None);
        assert_eq!(report.outcome, Outcome::Tampered, "{kind:?}");
        assert!(
            report.message.contains("not a plain file"),
            "{}",
            report.message
        );
    }
}

#[test]
fn a_bomb_is_refused_at_the_limit() {
    let mut entries = genuine().1.clone();
    let at = position(&entries, "records.jsonl");
    entries[at].1 = vec![b'a'; 64 * 1024 * 1024];
    let bundle = pack(&entries);
    assert!(bundle.len() < 200_000, "it packs well");
    let options = VerifyOptions {
        max_bytes: 1024 * 1024,
        ..VerifyOptions::default()
    };
    let small = verify_bundle(bundle.as_slice(), &options);
    // Refused by its over-long line, long before 64 MiB were read.
    assert!(matches!(small, Err(VerifyError::TooLarge(_))), "{small:?}");
    names(&verify(&bundle, None), 3);
}

#[test]
fn an_entry_that_claims_a_huge_size_is_refused_without_reading_it() {
    let mut archive = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).expect("zstd"));
    let mut claim = header("public_key.pem", EntryType::Regular, 0);
    claim.set_size(u64::MAX / 2);
    claim.set_cksum();
    archive.append(&claim, b"x".as_slice()).expect("appends");
    let bundle = archive
        .into_inner()
        .expect("tar ends")
        .finish()
        .expect("zstd ends");
    let report = verify(&bundle, None);
    assert_eq!(report.outcome, Outcome::Tampered);
    assert!(report.message.contains("over 4096"), "{}", report.message);
}

#[test]
fn bytes_after_the_archive_are_found() {
    let mut tar = Vec::new();
    zstd::Decoder::new(genuine().0.as_slice())
        .expect("zstd")
        .read_to_end(&mut tar)
        .expect("reads");
    tar.extend_from_slice(b"more");
    let bundle = zstd::encode_all(tar.as_slice(), 1).expect("packs");
    let report = verify(&bundle, None);
    assert_eq!(report.outcome, Outcome::Tampered);
    assert!(
        report.message.contains("after the archive"),
        "{}",
        report.message
    );
}

#[test]
fn a_file_of_another_kind_is_no_bundle() {
    for bytes in [b"".as_slice(), b"hello", b"PK\x03\x04"] {
        let error = verify_bundle(bytes, &VerifyOptions::default()).expect_err("no bundle");
        assert!(
            error.to_string().starts_with("not an evidence bundle"),
            "{error}"
        );
    }
}
