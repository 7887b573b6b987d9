//! Databases, servers on them, and a wire that can be cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rialto_platform_lease::{Lease, LeaseSettings, MIGRATIONS, Token};
use rialto_platform_store::testing::TestDb;
use rialto_platform_store::{Db, params};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub const ROLE: &str = "platform";

/// Waits for what must come; nothing here depends on how soon.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(60), wait).await {
        Ok(found) => found,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// A PostgreSQL database with leases and a table to write to.
pub async fn postgres() -> Option<TestDb> {
    let db = TestDb::postgres(&[MIGRATIONS]).await?;
    db.execute("CREATE TABLE note (writer TEXT, epoch BIGINT)", params![])
        .await
        .expect("a table");
    Some(db)
}

/// A server: its own handle of the database, guarded by its lease.
pub struct Server {
    pub db: Db,
    pub lease: Lease,
}

impl Server {
    pub async fn start(url: &str, name: &str) -> Self {
        Self::with(url, url, name, LeaseSettings::default()).await
    }

    /// The lease over another way than the writes.
    pub async fn with(url: &str, lease_url: &str, name: &str, settings: LeaseSettings) -> Self {
        let db = Db::open(url).await.expect("opens");
        let lease = Lease::start(&db, lease_url, ROLE, name, settings)
            .await
            .expect("starts");
        lease.guard(&db).expect("guarded once");
        Self { db, lease }
    }

    pub async fn leads(&self) -> Token {
        until("leadership", async || self.lease.token()).await
    }

    pub async fn stands(&self) {
        until("standing by", async || {
            self.lease.token().is_none().then_some(())
        })
        .await;
    }

    /// Writes a note by the token that is in force.
    pub async fn write(&self, name: &str) -> Result<(), rialto_platform_store::StoreError> {
        let epoch = self.lease.token().map_or(-1, |token| token.epoch);
        let row = params![name, epoch];
        self.db
            .execute("INSERT INTO note VALUES ($1, $2)", row)
            .await
            .map(drop)
    }
}

/// What was written, in the order of epochs.
pub async fn notes(db: &Db) -> Vec<(String, i64)> {
    db.fetch_all(
        "SELECT writer, epoch FROM note ORDER BY epoch, writer",
        params![],
    )
    .await
    .expect("reads")
}

/// A wire to PostgreSQL that can be cut without either end being told, as a partition does.
pub struct Wire {
    pub url: String,
    cut: watch::Sender<bool>,
    passed: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

impl Wire {
    pub async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').expect("a user");
        let (host, name) = rest.split_once('/').expect("a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("bound");
        let (cut, state) = watch::channel(false);
        let passed = Arc::new(AtomicUsize::new(0));
        let closed = Arc::new(AtomicBool::new(false));
        let (count, over, target) = (Arc::clone(&passed), Arc::clone(&closed), host.to_owned());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if over.load(Ordering::SeqCst) {
                    continue;
                }
                let far = TcpStream::connect(&target).await.expect("PostgreSQL");
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                tokio::spawn(carry(near_in, far_out, state.clone(), Arc::clone(&count)));
                tokio::spawn(carry(far_in, near_out, state.clone(), Arc::clone(&count)));
            }
        });
        Self {
            url: format!("{before}@{own}/{name}"),
            cut,
            passed,
            closed,
        }
    }

    /// Nothing passes any more, in either direction; connections stay open.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// What was held back arrives.
    pub fn mend(&self) {
        self.cut.send_replace(false);
    }

    /// New connections are accepted and closed.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// How often something passed.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut cut: watch::Receiver<bool>,
    passed: Arc<AtomicUsize>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        if cut.wait_for(|cut| !cut).await.is_err() {
            return;
        }
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        passed.fetch_add(1, Ordering::SeqCst);
    }
}
