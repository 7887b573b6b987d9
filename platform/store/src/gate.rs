//! Which server may write, where several share a database.

use crate::{StoreError, Tx, params};

/// By which right a server leads: later leaderships have greater tokens of the same role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// What is led.
    pub role: String,
    /// PostgreSQL's timeline, which a failover of the database raises; 0 on SQLite.
    pub timeline: i64,
    /// Raised each time another server takes over.
    pub epoch: i64,
}

/// Tells by which token a server may write at this moment.
pub trait WriteGate: std::fmt::Debug + Send + Sync {
    /// The token; `None` when the server does not lead or cannot be sure any more.
    fn token(&self) -> Option<Token>;
}

/// Share-locks the fence with the token that the transaction is begun under: a take-over raises the
/// fence's epoch and waits for those who hold it, so nothing of an older token is ever committed
/// after it.
const HOLD_FENCE: &str = "SELECT 1::bigint FROM ha_fence
     WHERE role = $1 AND timeline = $2 AND epoch = $3 FOR SHARE";

impl Tx<'_> {
    /// Lets the transaction go on only under the newest token.
    pub(crate) async fn hold_fence(&mut self, token: Token) -> Result<(), StoreError> {
        let held = params![token.role, token.timeline, token.epoch];
        match self.fetch_optional::<(i64,)>(HOLD_FENCE, held).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Standby),
        }
    }
}
