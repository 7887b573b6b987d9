//! Bundles from both engines, checked without a server.

use rialto_platform_evidence::{
    BlobContent, BundleBlob, EvidenceLog, ExportRequest, Hash, NewRecord, Outcome, Ref, SignedHead,
    SigningKey, VerifyOptions, VerifyReport, verify_bundle,
};
use rialto_platform_store::Db;
use rialto_platform_store::testing::engines;
use serde_json::json;

use crate::{SETS, append_pushes, fact, key};

/// Content that the verdict record refers to.
pub const VERDICT: &[u8] = b"{\"overall\":\"passed\"}";

/// The subjects of the release told by [`tell_a_release`].
pub const SUBJECTS: [&str; 2] = ["pipeline:1", "release:1"];

/// Records a release to production between records of others.
pub async fn tell_a_release(db: &Db, log: &EvidenceLog, approver: &str) {
    append_pushes(db, log, 3).await;
    let mut tx = db.begin().await.expect("begins");
    let base = json!({"project": "p", "pipeline": "1", "sha": "abc", "digest": "d1"});
    let told = |kind, subject: &str, more: serde_json::Value| {
        let mut body = base.clone();
        let more = more.as_object().cloned().unwrap_or_default();
        body.as_object_mut().expect("an object").extend(more);
        fact(kind, subject, body)
    };
    let verdict = NewRecord {
        refs: vec![Ref {
            kind: "verdict".into(),
            id: "v1".into(),
            sha256: Hash::of(&[VERDICT]),
        }],
        ..told("verdict", "pipeline:1", json!({"result": "passed"}))
    };
    let to = json!({"environment": "production", "result": "approved", "approver": approver});
    let done = json!({
        "environment": "production", "result": "succeeded",
        "authors": [{"name": "Li", "email": "li@example.com"}]
    });
    for record in [
        told("pipeline", "pipeline:1", json!({"result": "success"})),
        verdict,
        fact("push", "project:other", json!({})),
        told("release", "release:1", json!({})),
        told("approval", "release:1", to),
        told("deployment", "release:1", done),
    ] {
        log.append(&mut tx, record).await.expect("appends");
    }
    tx.commit().await.expect("commits");
    append_pushes(db, log, 2).await;
}

pub fn verdict_blob() -> BundleBlob {
    BundleBlob {
        name: "verdict.json".into(),
        sha256: Hash::of(&[VERDICT]),
        content: BlobContent::Bytes(VERDICT.to_vec()),
    }
}

pub async fn export(db: &Db, log: &EvidenceLog, earlier_sizes: Vec<u64>) -> Vec<u8> {
    let request = ExportRequest {
        about: "release:1".into(),
        subjects: SUBJECTS.map(String::from).to_vec(),
        blobs: vec![verdict_blob()],
        earlier_sizes,
    };
    let bundle = log.export(db, request).await.expect("exports");
    bundle.write(Vec::new()).expect("writes")
}

pub fn verify(bundle: &[u8], earlier_head: Option<SignedHead>) -> VerifyReport {
    let options = VerifyOptions {
        trusted_key: Some(key().public()),
        earlier_head,
        ..VerifyOptions::default()
    };
    verify_bundle(bundle, &options).expect("a bundle")
}

#[tokio::test]
async fn a_release_s_bundle_is_intact() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        tell_a_release(&db, &log, "wang").await;
        let bundle = export(&db, &log, Vec::new()).await;
        let report = verify(&bundle, None);
        assert_eq!(
            report.outcome,
            Outcome::Intact,
            "{}: {report:?}",
            db.engine()
        );
        assert_eq!(
            (report.records, report.blobs, report.production_deployments),
            (5, 1, 1)
        );
        assert_eq!(report.about.as_deref(), Some("release:1"));
        assert!(report.key_trusted);
        let unpinned = verify_bundle(bundle.as_slice(), &VerifyOptions::default());
        assert!(!unpinned.expect("a bundle").key_trusted);
    }
}

#[tokio::test]
async fn records_of_a_long_log_are_proved() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        append_pushes(&db, &log, 1_500).await;
        tell_a_release(&db, &log, "wang").await;
        append_pushes(&db, &log, 1_500).await;
        let earlier = log.head(&db).await.expect("a head");
        append_pushes(&db, &log, 700).await;
        let bundle = export(&db, &log, vec![1, 1_024, 1_025]).await;
        let report = verify(&bundle, Some(earlier));
        assert_eq!(
            report.outcome,
            Outcome::Intact,
            "{}: {report:?}",
            db.engine()
        );
    }
}

#[tokio::test]
async fn the_same_state_gives_contents_of_the_same_digest() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        tell_a_release(&db, &log, "wang").await;
        let wrong = ExportRequest {
            subjects: SUBJECTS.map(String::from).to_vec(),
            blobs: vec![BundleBlob {
                sha256: Hash::ZERO,
                ..verdict_blob()
            }],
            ..ExportRequest::default()
        };
        let bundle = log.export(&db, wrong).await.expect("collects");
        let error = bundle.write(Vec::new()).expect_err("another content");
        assert!(error.to_string().contains("verdict.json"), "{error}");
        let nothing = ExportRequest {
            subjects: vec!["none".into()],
            ..ExportRequest::default()
        };
        let error = log.export(&db, nothing).await.expect_err("no records");
        assert!(
            error.to_string().contains("no record is about none"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_author_s_own_approval_leaves_the_evidence_incomplete() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        tell_a_release(&db, &log, "li@example.com").await;
        let report = verify(&export(&db, &log, Vec::new()).await, None);
        assert_eq!(report.outcome, Outcome::Incomplete);
        assert_eq!(report.findings.len(), 1);
        assert!(
            report.findings[0].contains("approved by its authors alone"),
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn another_s_key_is_not_trusted() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, SigningKey::from_bytes(&[9; 32]))
            .await
            .expect("opens");
        tell_a_release(&db, &log, "wang").await;
        let report = verify(&export(&db, &log, Vec::new()).await, None);
        assert_eq!(report.outcome, Outcome::Tampered);
        assert!(
            report.message.contains("not by the trusted key"),
            "{}",
            report.message
        );
    }
}

#[tokio::test]
async fn a_head_held_by_an_auditor_reveals_a_rewritten_history() {
    for (db, again) in engines(SETS).await.into_iter().zip(engines(SETS).await) {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        append_pushes(&db, &log, 2).await;
        let held = log.head(&db).await.expect("a head");
        tell_a_release(&db, &log, "wang").await;
        let bundle = export(&db, &log, Vec::new()).await;
        assert_eq!(verify(&bundle, Some(held.clone())).outcome, Outcome::Intact);

        // The same log id, begun otherwise, signed with the true key.
        const ADOPT: &str = "UPDATE evidence_log SET log = $1";
        EvidenceLog::open(&again, key()).await.expect("opens");
        let adopt = rialto_platform_store::params![log.id()];
        again.execute(ADOPT, adopt).await.expect("adopts");
        let forged = EvidenceLog::open(&again, key()).await.expect("opens");
        append_pushes(&again, &forged, 1).await;
        tell_a_release(&again, &forged, "wang").await;
        let bundle = export(&again, &forged, vec![2]).await;
        assert_eq!(verify(&bundle, None).outcome, Outcome::Intact);
        let report = verify(&bundle, Some(held));
        assert_eq!(report.outcome, Outcome::Tampered);
        assert!(
            report.message.contains("history was rewritten"),
            "{}",
            report.message
        );
    }
}

#[tokio::test]
async fn a_bundle_older_than_the_held_head_is_incomplete() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        tell_a_release(&db, &log, "wang").await;
        let bundle = export(&db, &log, Vec::new()).await;
        append_pushes(&db, &log, 1).await;
        let later = log.head(&db).await.expect("a head");
        let report = verify(&bundle, Some(later));
        assert_eq!(report.outcome, Outcome::Incomplete);
        assert!(
            report.message.contains("export it again"),
            "{}",
            report.message
        );
    }
}
