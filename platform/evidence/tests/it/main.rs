//! The evidence log on both engines, and its bundles under attack.

mod bundle;
mod kill;
mod log;
mod tamper;

use rialto_platform_evidence::{Actor, EvidenceLog, MIGRATIONS, NewRecord, SigningKey};
use rialto_platform_store::{Db, MigrationSet};
use serde_json::{Value, json};

/// The log alone.
pub const SETS: &[MigrationSet] = &[MIGRATIONS];

/// The key of these tests.
pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

/// A record about `subject`.
pub fn fact(kind: &'static str, subject: &str, body: Value) -> NewRecord {
    NewRecord {
        actor: Actor::new("u1", "user", "session"),
        kind,
        subject: subject.into(),
        body,
        refs: Vec::new(),
    }
}

/// Appends `count` pushes in one transaction.
pub async fn append_pushes(db: &Db, log: &EvidenceLog, count: u64) {
    let mut tx = db.begin().await.expect("begins");
    for number in 0..count {
        let push = fact("push", "project:p", json!({"number": number}));
        log.append(&mut tx, push).await.expect("appends");
    }
    tx.commit().await.expect("commits");
}
