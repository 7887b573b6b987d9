//! Servers that share a PostgreSQL database: one leads, the others stand by and take over.
//!
//! A server that stands by is up, has its connection and answers at its address: `/healthz` with
//! 200, all else with 503, so that a proxy before both sends people to the one that leads. It starts
//! the house when the lease is its own. One that loses the lease ends at once and is started again
//! by what looks after it; it then stands by.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use nix::sys::signal::{Signal, kill as end};
use nix::unistd::Pid;
use rialto_platform_config::Settings;
use rialto_platform_lease::drill::{self, DrillId, DrillKind};
use rialto_platform_lease::{Leadership, Lease, LeaseSettings, LeaseView};
use rialto_platform_store::{Db, StoreError, now, to_micros};
use rialto_platform_web::{Problem, serve};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::house::database_url;

/// What is led: the whole house.
const ROLE: &str = "house";

/// How long the answer to who asked for a drill may take to leave.
const ANSWERED: Duration = Duration::from_millis(200);

/// How long a drill freezes the server.
const FROZEN: Duration = Duration::from_secs(10);

/// What a server that leads holds.
pub struct Leading {
    /// The database, which takes this server's writes for as long as it leads.
    pub db: Db,
    /// Since when it leads, microseconds since the Unix epoch by the database's clock.
    pub led_at: i64,
    lease: Lease,
    drills: mpsc::Sender<(DrillId, DrillKind)>,
    asked: Option<mpsc::Receiver<(DrillId, DrillKind)>>,
}

/// How waiting for the lead ended.
pub enum Lead {
    /// The house may be started at this listener. `None` with SQLite, where the lock of the data
    /// folder lets only one server run at all.
    Here(TcpListener, Option<Leading>),
    /// Somebody stopped the server.
    Stopped,
}

/// Waits until this server leads, answering at the listener meanwhile.
pub async fn lead(settings: &Settings, listener: TcpListener) -> Result<Lead> {
    let url = database_url(settings, &settings.store.data)?;
    if url.starts_with("sqlite:") {
        return Ok(Lead::Here(listener, None));
    }
    let db = Db::open(&url).await?;
    db.migrate(&[rialto_platform_lease::MIGRATIONS]).await?;
    let started = to_micros(now());
    let me = format!("{}{} started {started}", here(), std::process::id());
    let lease = Lease::start(&db, &url, ROLE, &me, LeaseSettings::default()).await?;
    let mut told = lease.watch();
    let listener = listener.into_std()?;
    let waiting = TcpListener::from_std(listener.try_clone()?)?;
    let led = CancellationToken::new();
    let site = Router::new()
        .route("/healthz", get(healthz))
        .fallback(elsewhere)
        .with_state(told.clone());
    tokio::spawn(serve(waiting, site, led.clone()));
    tracing::info!(name = me, "waiting for the lead of the house");
    let leads = tokio::select! {
        leads = told.wait_for(|told| matches!(told, Leadership::Leading(_))) => leads.is_ok(),
        () = crate::runner::stop_signal() => false,
    };
    led.cancel();
    if !leads {
        lease.release().await;
        return Ok(Lead::Stopped);
    }
    lease.guard(&db)?;
    let led_at = drill::database_now(&db).await?;
    let (drills, asked) = mpsc::channel(1);
    let leading = Leading {
        db,
        led_at: led_at.unwrap_or(started),
        lease,
        drills,
        asked: Some(asked),
    };
    let listener = TcpListener::from_std(listener)?;
    Ok(Lead::Here(listener, Some(leading)))
}

impl Leading {
    /// Ends when this server leads no more.
    pub async fn lost(&self) {
        let mut told = self.lease.watch();
        // An error means that the lease's keeper is gone, which is the same.
        let _ = told
            .wait_for(|told| !matches!(told, Leadership::Leading(_)))
            .await;
    }

    /// What the house tells of the lease.
    pub fn lease(&self) -> LeaseView {
        self.lease.view()
    }

    /// Where drills are asked for.
    pub fn drills(&self) -> mpsc::Sender<(DrillId, DrillKind)> {
        self.drills.clone()
    }

    /// Waits for drills and ends the process by them; returns when it is to stop in order.
    pub fn drilled(&mut self) -> impl Future<Output = ()> + use<> {
        let (asked, db) = (self.asked.take(), self.db.clone());
        async move {
            let Some(mut asked) = asked else {
                return std::future::pending().await;
            };
            while let Some((id, kind)) = asked.recv().await {
                // Who asked gets the answer first; the time is taken after it.
                tokio::time::sleep(ANSWERED).await;
                if let Err(error) = drill::begin(&db, &id).await {
                    tracing::error!(drill = %id, %error, "a drill could not begin");
                    continue;
                }
                tracing::warn!(drill = %id, %kind, "this server ends by a drill");
                match kind {
                    DrillKind::Kill => {
                        // An error leaves the process running, and the drill unmeasured.
                        let _ = end(Pid::this(), Signal::SIGKILL);
                    }
                    DrillKind::Stop => return,
                    DrillKind::Pause => {
                        if let Err(error) = freeze() {
                            tracing::error!(drill = %id, %error, "this server cannot be frozen");
                        }
                    }
                }
            }
            std::future::pending().await
        }
    }

    /// The process that led before, when that was on this machine.
    pub fn before(&self) -> Option<Pid> {
        let name = self.lease.previous()?;
        let (pid, _) = name.strip_prefix(&here())?.split_once(' ')?;
        pid.parse().ok().map(Pid::from_raw)
    }

    /// Gives the lead away after an orderly stop.
    pub async fn release(self) {
        self.lease.release().await;
    }
}

/// Stops this process where it stands. Another one lets it go on later, in case nobody takes over;
/// it finds its lease expired then, and ends.
fn freeze() -> Result<()> {
    let me = Pid::this();
    let thaw = format!("sleep {}; kill -CONT {me}", FROZEN.as_secs());
    // It is never waited for: it outlives this process, or ends beside it.
    std::process::Command::new("/bin/sh")
        .args(["-c", &thaw])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    end(me, Signal::SIGSTOP)?;
    Ok(())
}

/// How the names of this machine's servers begin; the number of the process follows.
fn here() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{} process ", host.trim())
}

async fn healthz(State(told): State<watch::Receiver<Leadership>>) -> Response {
    let leader = match &*told.borrow() {
        Leadership::Standing { holder } => holder.clone(),
        Leadership::Leading(_) => None,
    };
    axum::Json(serde_json::json!({"status": "standing by", "leader": leader})).into_response()
}

async fn elsewhere() -> Response {
    Problem::from(StoreError::Standby).into_response()
}
