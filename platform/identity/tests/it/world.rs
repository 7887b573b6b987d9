//! A house of its own for each test, on each engine, with a clock that the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Auth, Identity, MIGRATIONS, NewUser, Role, User};
use rialto_platform_store::MigrationSet;
use rialto_platform_store::testing::{TestDb, engines};

pub const PASSWORD: &str = "correct horse battery";
pub const ADDRESS: &str = "192.0.2.1";

pub struct World {
    pub identity: Identity,
    pub evidence: EvidenceLog,
    pub db: TestDb,
    seconds: Arc<AtomicI64>,
}

fn sets() -> Vec<MigrationSet> {
    vec![rialto_platform_evidence::MIGRATIONS, MIGRATIONS]
}

impl World {
    pub async fn on_each_engine() -> Vec<Self> {
        let mut worlds = Vec::new();
        for db in engines(&sets()).await {
            let log = EvidenceLog::open(&db, SigningKey::from_bytes(&[7; 32])).await;
            let evidence = log.expect("the log opens");
            let seconds = Arc::new(AtomicI64::new(1_800_000_000));
            let clock = Arc::clone(&seconds);
            let identity = Identity::new(db.db.clone(), evidence.clone()).with_clock(move || {
                Timestamp::from_second(clock.load(Ordering::SeqCst)).expect("in range")
            });
            worlds.push(Self {
                identity,
                evidence,
                db,
                seconds,
            });
        }
        worlds
    }

    pub fn wait(&self, time: SignedDuration) {
        self.seconds.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    pub async fn person(&self, login: &str, roles: &[Role]) -> User {
        let new = NewUser {
            login: login.into(),
            name: login.to_uppercase(),
            email: format!("{login}@example.com"),
            password: Some(PASSWORD.into()),
            roles: roles.to_vec(),
            locale: None,
        };
        self.identity
            .create_user(&Actor::system("test"), new)
            .await
            .expect("a user is added")
    }

    pub async fn actor(&self, login: &str, roles: &[Role]) -> Actor {
        self.person(login, roles).await.actor(Auth::Session)
    }

    /// Types of the entries of the evidence log, oldest first.
    pub async fn entries(&self) -> Vec<String> {
        let head = self.evidence.head(&self.db).await.expect("a head");
        let query = rialto_platform_evidence::RecordQuery {
            from_seq: Some(0),
            limit: u32::try_from(head.head.size).expect("few").max(1),
            ..Default::default()
        };
        let records = self
            .evidence
            .records(&self.db, &query)
            .await
            .expect("records");
        records.into_iter().map(|record| record.kind).collect()
    }
}
