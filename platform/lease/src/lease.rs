//! The handle of a lease.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rialto_platform_store::{Db, Engine, Token, WriteGate};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::LeaseError;
use crate::clock::since_boot;

/// How a lease is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeaseSettings {
    /// How long a lease lasts without being renewed.
    pub ttl: Duration,
    /// How often its holder renews it.
    pub renew: Duration,
    /// How often a standby tries to take it.
    pub retry: Duration,
    /// The part of `ttl`, between 0 and 1, in which a holder trusts its last renewal.
    pub trust: f64,
}

impl Default for LeaseSettings {
    /// The specification's: 1.5 s, renewed every 400 ms, tried every 50 ms, trusted for 70 %.
    fn default() -> Self {
        Self {
            ttl: Duration::from_millis(1500),
            renew: Duration::from_millis(400),
            retry: Duration::from_millis(50),
            trust: 0.7,
        }
    }
}

impl LeaseSettings {
    fn check(&self) -> Result<(), LeaseError> {
        let refuse = |what: &str| Err(LeaseError::Settings(what.to_owned()));
        if !(self.trust > 0.0 && self.trust < 1.0) {
            return refuse("`trust` is a part of the lease's time between 0 and 1.");
        }
        if self.renew.is_zero() || self.retry.is_zero() {
            return refuse("`renew` and `retry` are longer than nothing.");
        }
        if self.renew * 2 > self.ttl.mul_f64(self.trust) {
            return refuse(
                "`renew` is at most half of the trusted time (`ttl` × `trust`), so that one lost \
                 renewal does not end the leadership.",
            );
        }
        Ok(())
    }

    pub(crate) fn trusted(&self) -> Duration {
        self.ttl.mul_f64(self.trust)
    }
}

/// Whether this server leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// It leads, by this token.
    Leading(Token),
    /// Another one leads, or nobody yet.
    Standing {
        /// Who held the lease when it was last looked at.
        holder: Option<String>,
    },
}

/// A server's part in a lease: it takes the lease when it can and renews it for as long as this
/// lives. When it is dropped, others take it over as after a crash; [`Lease::release`] gives it
/// away in order.
#[derive(Debug)]
pub struct Lease {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// What the keeping task tells.
#[derive(Debug)]
pub(crate) struct Shared {
    pub role: String,
    /// Name of this server in the lease, another one at every start.
    pub me: String,
    pub settings: LeaseSettings,
    /// The token and until when it is trusted, by [`since_boot`].
    trusted: RwLock<Option<(Token, Duration)>>,
    told: watch::Sender<Leadership>,
    /// Who held the lease before this server, as far as it was seen.
    previous: RwLock<Option<String>>,
}

impl Shared {
    /// Keeps who holds the lease, unless that is this server.
    pub(crate) fn saw(&self, holder: &str) {
        if holder != self.me {
            let mut previous = self
                .previous
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *previous = Some(holder.to_owned());
        }
    }

    pub(crate) fn lead(&self, token: Token, until: Duration) {
        let known = Leadership::Leading(token.clone());
        let mut trusted = self.trusted.write().unwrap_or_else(PoisonError::into_inner);
        *trusted = Some((token, until));
        drop(trusted);
        self.told.send_if_modified(|told| {
            let new = *told != known;
            if new {
                tracing::info!(role = self.role, me = self.me, "this server leads");
                told.clone_from(&known);
            }
            new
        });
    }

    pub(crate) fn stand_by(&self, holder: Option<String>) {
        let mut trusted = self.trusted.write().unwrap_or_else(PoisonError::into_inner);
        *trusted = None;
        drop(trusted);
        let known = Leadership::Standing { holder };
        self.told.send_if_modified(|told| {
            let new = *told != known;
            if new {
                if matches!(told, Leadership::Leading(_)) {
                    tracing::warn!(role = self.role, me = self.me, "this server leads no more");
                }
                told.clone_from(&known);
            }
            new
        });
    }

    fn token(&self) -> Option<Token> {
        let trusted = self.trusted.read().unwrap_or_else(PoisonError::into_inner);
        let (token, until) = trusted.as_ref()?;
        (since_boot() < *until).then(|| token.clone())
    }
}

impl WriteGate for Shared {
    fn token(&self) -> Option<Token> {
        self.token()
    }
}

/// What a server knows of its part in a lease; cheap to clone, and it does not keep the lease.
#[derive(Debug, Clone)]
pub struct LeaseView {
    shared: Arc<Shared>,
}

impl LeaseView {
    /// What is led.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.shared.role
    }

    /// This server's name in the lease.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.me
    }

    /// As [`Lease::token`].
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        self.shared.token()
    }
}

impl Lease {
    /// Asks for the lease of a role. `url` is the one `db` was opened with; `me` names this server
    /// in the lease and must be another one at every start.
    ///
    /// # Errors
    /// [`LeaseError::Settings`] when the settings cannot work, [`LeaseError::Pooler`] when the
    /// database is behind a pooler, others when it cannot be reached now. Later the lease tries
    /// again by itself.
    pub async fn start(
        db: &Db,
        url: &str,
        role: &str,
        me: &str,
        settings: LeaseSettings,
    ) -> Result<Self, LeaseError> {
        settings.check()?;
        let (told, _) = watch::channel(Leadership::Standing { holder: None });
        let shared = Arc::new(Shared {
            role: role.to_owned(),
            me: me.to_owned(),
            settings,
            trusted: RwLock::new(None),
            told,
            previous: RwLock::new(None),
        });
        let (stop, stopped) = oneshot::channel();
        let task = match db.engine() {
            Engine::Sqlite => {
                let file = crate::sqlite::lock_file(url)?;
                tokio::spawn(crate::sqlite::keep(
                    Arc::clone(&shared),
                    db.clone(),
                    file,
                    stopped,
                ))
            }
            Engine::Postgres => {
                let session = crate::postgres::Session::open(url, &shared).await?;
                let keep =
                    crate::postgres::keep(Arc::clone(&shared), url.to_owned(), session, stopped);
                tokio::spawn(keep)
            }
        };
        Ok(Self {
            shared,
            stop: Some(stop),
            task,
        })
    }

    /// The token this server leads by; `None` when it does not lead, or cannot be sure any more.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        self.shared.token()
    }

    /// What there is to know of it, for those who do not keep it.
    #[must_use]
    pub fn view(&self) -> LeaseView {
        LeaseView {
            shared: Arc::clone(&self.shared),
        }
    }

    /// The name of the server that held the lease last before this one; `None` when nobody did, and
    /// on SQLite.
    #[must_use]
    pub fn previous(&self) -> Option<String> {
        let previous = &self.shared.previous;
        previous
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes of leadership. What is read here may have ended since: ask [`Lease::token`] before
    /// doing what only a leader may.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Leadership> {
        self.shared.told.subscribe()
    }

    /// Lets only this lease's leader write through a handle of the database, and through all of
    /// the handle's clones: write transactions fail with `StoreError::Standby` while this server
    /// does not lead, and a transaction begun under an older token cannot change anything.
    ///
    /// # Errors
    /// [`LeaseError::Settings`] when the handle is guarded already.
    pub fn guard(&self, db: &Db) -> Result<(), LeaseError> {
        let gate: Arc<dyn WriteGate> = Arc::clone(&self.shared) as _;
        if db.guard_writes(gate) {
            return Ok(());
        }
        let twice = "Writes of this database handle are guarded already.";
        Err(LeaseError::Settings(twice.to_owned()))
    }

    /// Gives the lease away, so that a standby takes it at once.
    pub async fn release(mut self) {
        if let Some(stop) = self.stop.take() {
            // An error only says that the task ended by itself.
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.stand_by(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Shared {
        let (told, _) = watch::channel(Leadership::Standing { holder: None });
        Shared {
            role: "platform".into(),
            me: "one".into(),
            settings: LeaseSettings::default(),
            trusted: RwLock::new(None),
            told,
            previous: RwLock::new(None),
        }
    }

    #[test]
    fn a_token_is_told_for_as_long_as_it_is_trusted() {
        let shared = shared();
        let token = Token {
            role: "platform".into(),
            timeline: 1,
            epoch: 7,
        };
        assert_eq!(shared.token(), None);
        shared.lead(token.clone(), since_boot() + Duration::from_secs(3600));
        assert_eq!(shared.token(), Some(token.clone()));
        // The time is over although nobody has told the watchers yet.
        shared.lead(token.clone(), since_boot());
        assert_eq!(shared.token(), None);
        assert_eq!(*shared.told.borrow(), Leadership::Leading(token));
        shared.stand_by(Some("two".into()));
        assert_eq!(shared.token(), None);
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let of = |change: fn(&mut LeaseSettings)| {
            let mut settings = LeaseSettings::default();
            change(&mut settings);
            settings.check().map_err(|error| error.to_string())
        };
        assert_eq!(of(|_| {}), Ok(()));
        assert!(of(|s| s.trust = 1.0).is_err());
        assert!(of(|s| s.trust = f64::NAN).is_err());
        assert!(of(|s| s.retry = Duration::ZERO).is_err());
        let told = of(|s| s.renew = Duration::from_millis(600)).expect_err("too seldom");
        assert!(told.contains("at most half"), "{told}");
    }
}
