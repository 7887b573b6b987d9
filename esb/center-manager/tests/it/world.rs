//! A service center of its own for each test.

use rialto_esb_center_manager::ServiceCenter;
use rialto_esb_center_manager::rules::config::ItemKey;
use rialto_esb_center_manager::rules::registry::ServiceKey;
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Auth, Role};
use rialto_platform_store::testing::{TestDb, engines};

pub struct World {
    pub db: TestDb,
    pub center: ServiceCenter,
    pub provider: Actor,
    pub auditor: Actor,
}

async fn center(db: &TestDb) -> ServiceCenter {
    let key = SigningKey::from_bytes(&[7; 32]);
    let evidence = EvidenceLog::open(db, key).await.unwrap();
    let opened = ServiceCenter::open(db.db.clone(), evidence, [5; 32]).await;
    opened.unwrap()
}

fn actor(role: Role) -> Actor {
    Actor {
        login: role.as_str().to_owned(),
        roles: vec![role],
        auth: Auth::Token,
        ..Actor::system("test")
    }
}

impl World {
    pub async fn on_each_engine() -> Vec<Self> {
        let sets = [
            rialto_platform_evidence::MIGRATIONS,
            rialto_esb_center_manager::MIGRATIONS,
        ];
        let mut worlds = Vec::new();
        for db in engines(&sets).await {
            worlds.push(Self {
                center: center(&db).await,
                db,
                provider: actor(Role::Provider),
                auditor: actor(Role::Auditor),
            });
        }
        worlds
    }

    /// The same database after a restart.
    pub async fn restarted(&self) -> ServiceCenter {
        center(&self.db).await
    }

    /// Kinds and events of the evidence records.
    pub async fn evidence(&self) -> Vec<String> {
        let rows: Vec<(String, String)> = self
            .db
            .fetch_all(
                "SELECT type, record FROM evidence_record ORDER BY seq",
                rialto_platform_store::params![],
            )
            .await
            .unwrap();
        let told = |(kind, record): (String, String)| {
            let record: serde_json::Value = serde_json::from_str(&record).unwrap();
            record["body"]["event"]
                .as_str()
                .map(|event| format!("{kind} {event}"))
        };
        rows.into_iter().filter_map(told).collect()
    }
}

pub fn service(name: &str) -> ServiceKey {
    ServiceKey {
        namespace: "public".into(),
        group: "DEFAULT_GROUP".into(),
        name: name.into(),
    }
}

pub fn item(id: &str) -> ItemKey {
    ItemKey {
        namespace: "public".into(),
        group: "DEFAULT_GROUP".into(),
        id: id.into(),
    }
}
