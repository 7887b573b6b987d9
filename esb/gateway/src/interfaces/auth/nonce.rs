//! Signed requests seen before, for as long as their signatures hold.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Most requests remembered; beyond that signed requests are refused rather than let through twice.
const MOST: usize = 500_000;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    until: HashMap<(String, String), i64>,
    /// When the old ones were last thrown away, seconds.
    swept: i64,
}

/// What remembering a request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seeing {
    First,
    Again,
    Full,
}

impl Nonces {
    /// Whether it was seen; nothing is remembered.
    pub(crate) fn look(&self, credential: &str, nonce: &str, now_s: i64) -> Seeing {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = seen.until.get(&(credential.to_owned(), nonce.to_owned()));
        match until {
            Some(until) if *until >= now_s => Seeing::Again,
            _ => Seeing::First,
        }
    }

    /// Remembers a request until its signature no longer holds.
    pub(crate) fn see(&self, credential: &str, nonce: &str, now_s: i64, until_s: i64) -> Seeing {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now_s - seen.swept >= 60 || seen.until.len() >= MOST {
            seen.until.retain(|_, until| *until >= now_s);
            seen.swept = now_s;
        }
        if seen.until.len() >= MOST {
            return Seeing::Full;
        }
        let key = (credential.to_owned(), nonce.to_owned());
        match seen.until.insert(key, until_s) {
            Some(until) if until >= now_s => Seeing::Again,
            _ => Seeing::First,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_remembered_for_its_time_and_for_its_credential() {
        let nonces = Nonces::default();
        assert_eq!(nonces.see("a", "1", 100, 400), Seeing::First);
        assert_eq!(nonces.look("a", "1", 400), Seeing::Again);
        assert_eq!(nonces.see("a", "1", 400, 400), Seeing::Again);
        assert_eq!(nonces.see("b", "1", 400, 700), Seeing::First);
        assert_eq!(nonces.see("a", "1", 401, 700), Seeing::First);
    }
}
