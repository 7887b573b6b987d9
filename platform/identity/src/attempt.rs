//! Lock-out by delay: each failed sign-in makes the next one wait longer, never forever.

use rialto_platform_store::{StoreError, Tx, from_micros, params, to_micros};

use jiff::{SignedDuration, Timestamp};

use crate::statements::{
    BLOCKED_UNTIL, CLEAR_ATTEMPTS, COUNT_FAILURE, PRUNE_ATTEMPTS, SET_BLOCK, TAKE_BACK_FAILURE,
};

/// Failures older than this no longer count (microseconds).
const FORGOTTEN_AFTER: i64 = 3_600_000_000;

/// Whose failures are counted, from which failure on there is a wait, and the longest wait.
///
/// One account from one address waits soonest. An account alone has a high threshold and a short
/// wait, or anybody could keep anybody out; an address alone stops tries over many accounts.
struct Counter {
    subject: String,
    free: i64,
    longest_s: i64,
}

fn counters(login: &str, address: &str) -> [Counter; 3] {
    [
        Counter {
            subject: format!("pair:{login}:{address}"),
            free: 5,
            longest_s: 900,
        },
        Counter {
            subject: format!("account:{login}"),
            free: 30,
            longest_s: 60,
        },
        Counter {
            subject: format!("address:{address}"),
            free: 30,
            longest_s: 900,
        },
    ]
}

/// Seconds to wait after the n-th failure: 0 while free, then 1, 2, 4, … up to the longest.
fn wait_s(failures: i64, free: i64, longest_s: i64) -> i64 {
    if failures < free {
        return 0;
    }
    let doublings = u32::try_from(failures - free).unwrap_or(u32::MAX).min(20);
    (1_i64 << doublings).min(longest_s)
}

/// Counts an attempt as failed before it is tried, so that many tries at once count too;
/// [`succeeded`] takes it back. When this login must still wait from this address, nothing is
/// counted and the wait is answered.
pub(crate) async fn begin(
    tx: &mut Tx<'_>,
    login: &str,
    address: &str,
    now: Timestamp,
) -> Result<Option<SignedDuration>, StoreError> {
    let at = to_micros(now);
    let counters = counters(login, address);
    let mut latest = i64::MIN;
    for counter in &counters {
        let found: Option<(i64,)> = tx
            .fetch_optional(BLOCKED_UNTIL, params![&counter.subject])
            .await?;
        latest = latest.max(found.map_or(i64::MIN, |(until,)| until));
    }
    if latest > at {
        return Ok(Some(from_micros(latest)?.duration_since(now)));
    }
    tx.execute(PRUNE_ATTEMPTS, params![at - FORGOTTEN_AFTER])
        .await?;
    for counter in &counters {
        let (failures,): (i64,) = tx
            .fetch_one(COUNT_FAILURE, params![&counter.subject, at])
            .await?;
        let wait = wait_s(failures, counter.free, counter.longest_s);
        tx.execute(SET_BLOCK, params![&counter.subject, at + wait * 1_000_000])
            .await?;
    }
    Ok(None)
}

/// Takes back what [`begin`] counted, and forgets the failures of this account from this address.
pub(crate) async fn succeeded(
    tx: &mut Tx<'_>,
    login: &str,
    address: &str,
) -> Result<(), StoreError> {
    let [pair, account, alone] = counters(login, address);
    tx.execute(CLEAR_ATTEMPTS, params![pair.subject]).await?;
    tx.execute(TAKE_BACK_FAILURE, params![account.subject])
        .await?;
    tx.execute(TAKE_BACK_FAILURE, params![alone.subject])
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_has_an_end() {
        let waits: Vec<i64> = (1..=9).map(|failures| wait_s(failures, 5, 900)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16]);
        assert_eq!(wait_s(100, 5, 900), 900);
        assert_eq!(wait_s(i64::MAX, 5, 900), 900);
    }
}
