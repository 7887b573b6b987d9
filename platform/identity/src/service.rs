//! The service that holds the parts together.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rialto_platform_evidence::EvidenceLog;
use rialto_platform_store::{Db, now};
use tokio::sync::Semaphore;

use crate::IdentityError;
use crate::password;

/// argon2id takes 19 MiB each time; more at once would let sign-ins eat the memory.
const HASHES_AT_ONCE: usize = 2;

/// Rules that a house may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// A session ends after this long without a request.
    pub session_idle: SignedDuration,
    /// A session ends this long after sign-in, used or not.
    pub session_absolute: SignedDuration,
    /// Fewest characters of a new password.
    pub password_minimum: usize,
    /// How long a one-time login link works.
    pub link_lifetime: SignedDuration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            session_idle: SignedDuration::from_mins(30),
            session_absolute: SignedDuration::from_hours(12),
            password_minimum: 10,
            link_lifetime: SignedDuration::from_hours(24),
        }
    }
}

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Users, sessions and tokens. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    pub(crate) db: Db,
    pub(crate) evidence: EvidenceLog,
    pub(crate) rules: Rules,
    hashing: Arc<Semaphore>,
    clock: Clock,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Over a migrated database ([`MIGRATIONS`](crate::MIGRATIONS)) and its evidence log.
    #[must_use]
    pub fn new(db: Db, evidence: EvidenceLog) -> Self {
        Self {
            db,
            evidence,
            rules: Rules::default(),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            clock: Arc::new(now),
        }
    }

    /// With other rules.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// With another clock, for tests of expiry.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(crate) async fn hash_password(&self, text: &str) -> Result<String, IdentityError> {
        let text = text.to_owned();
        self.off_the_runtime(move || password::hash(&text))
            .await?
            .map_err(|error| IdentityError::Hashing(error.to_string()))
    }

    pub(crate) async fn password_matches(
        &self,
        text: &str,
        hash: Option<&str>,
    ) -> Result<bool, IdentityError> {
        let (text, hash) = (text.to_owned(), hash.map(str::to_owned));
        self.off_the_runtime(move || password::matches(&text, hash.as_deref()))
            .await
    }

    async fn off_the_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, IdentityError> {
        let failed = |error: &dyn std::fmt::Display| IdentityError::Hashing(error.to_string());
        let _place = self
            .hashing
            .acquire()
            .await
            .map_err(|error| failed(&error))?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| failed(&error))
    }
}
