//! Idempotency keys (幂等键; specification, section 5.10, and the draft of the `Idempotency-Key`
//! header): a request that changes something is carried out once, however often it is sent. Keys are
//! those of one node. Instants are milliseconds of a clock that never goes back, and passed in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Longest key, bytes.
pub const LONGEST_KEY: usize = 255;

/// What a request is: SHA-256 of its method, target and body.
pub type Fingerprint = [u8; 32];

/// Whose key, and what for. Nobody sees the answers to somebody else's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// Code of the application.
    pub application: String,
    /// Interface, major version and operation.
    pub operation: String,
    /// The key.
    pub key: String,
}

/// What is known of a key when a request with it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim<R> {
    /// It is new: the request goes on, and [`Keys::settle`] says what became of it.
    Go,
    /// The same request is on its way.
    InProgress,
    /// The key was another request's.
    Reused,
    /// The same request was answered so.
    Replay(Arc<R>),
    /// The same request may have been carried out; its answer is not known.
    OutcomeUnknown,
    /// There is no room for another key.
    Full,
}

/// What became of a request that went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled<R> {
    /// It was answered; the answer takes so many bytes.
    Answered(R, usize),
    /// Surely nothing was done, or the answer says that it may be sent again.
    Free,
    /// It was sent, and nobody knows what became of it, or its answer could not be kept.
    Unknown,
}

#[derive(Debug)]
enum State<R> {
    Running,
    Done { reply: Arc<R>, bytes: usize },
    Unknown,
}

#[derive(Debug)]
struct Entry<R> {
    fingerprint: Fingerprint,
    state: State<R>,
    /// When it is forgotten; requests on their way are not.
    until: u64,
    /// Its place among those that are to be forgotten.
    no: u64,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Most keys.
    pub keys: usize,
    /// Most bytes of answers.
    pub bytes: usize,
}

/// Keys and what became of their requests.
#[derive(Debug)]
pub struct Keys<R> {
    room: Room,
    entries: HashMap<Scope, Entry<R>>,
    /// By the instant they are forgotten at.
    ends: BTreeMap<(u64, u64), Scope>,
    bytes: usize,
    next: u64,
}

/// Whether a text can be a key: 1 to [`LONGEST_KEY`] visible ASCII letters. The quotes of a
/// structured field's string (RFC 9651, section 3.3.3) are left out.
#[must_use]
pub fn key_of(header: &str) -> Option<&str> {
    let text = header.trim();
    let bare = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let key = bare.unwrap_or(text);
    let visible = key.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'"');
    ((1..=LONGEST_KEY).contains(&key.len()) && visible).then_some(key)
}

impl<R> Keys<R> {
    /// Without a key yet.
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self {
            room,
            entries: HashMap::new(),
            ends: BTreeMap::new(),
            bytes: 0,
            next: 0,
        }
    }

    /// Keys that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A request with a key comes; `keep` is how long what becomes of it is kept, milliseconds.
    pub fn claim(&mut self, scope: &Scope, fingerprint: Fingerprint, now: u64) -> Claim<R> {
        self.forget(now);
        if let Some(known) = self.entries.get(scope) {
            return match &known.state {
                _ if known.fingerprint != fingerprint => Claim::Reused,
                State::Running => Claim::InProgress,
                State::Done { reply, .. } => Claim::Replay(Arc::clone(reply)),
                State::Unknown => Claim::OutcomeUnknown,
            };
        }
        if self.entries.len() >= self.room.keys {
            return Claim::Full;
        }
        let entry = Entry {
            fingerprint,
            state: State::Running,
            until: u64::MAX,
            no: 0,
        };
        self.entries.insert(scope.clone(), entry);
        Claim::Go
    }

    /// What became of a request that went on; kept for `keep` milliseconds.
    pub fn settle(&mut self, scope: &Scope, settled: Settled<R>, keep: u64, now: u64) {
        let Some(entry) = self.entries.get_mut(scope) else {
            return;
        };
        if !matches!(entry.state, State::Running) {
            return;
        }
        entry.state = match settled {
            Settled::Free => {
                self.entries.remove(scope);
                return;
            }
            Settled::Answered(reply, bytes) if self.bytes + bytes <= self.room.bytes => {
                self.bytes += bytes;
                let reply = Arc::new(reply);
                State::Done { reply, bytes }
            }
            // It was carried out; without room for its answer a repeat is told so and not sent.
            Settled::Answered(..) | Settled::Unknown => State::Unknown,
        };
        entry.until = now.saturating_add(keep);
        entry.no = self.next;
        self.ends.insert((entry.until, entry.no), scope.clone());
        self.next += 1;
    }

    fn forget(&mut self, now: u64) {
        while let Some(first) = self.ends.first_entry() {
            if first.key().0 > now {
                break;
            }
            let scope = first.remove();
            if let Some(Entry {
                state: State::Done { bytes, .. },
                ..
            }) = self.entries.remove(&scope)
            {
                self.bytes -= bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOM: Room = Room {
        keys: 3,
        bytes: 100,
    };

    fn scope(application: &str, key: &str) -> Scope {
        Scope {
            application: application.to_owned(),
            operation: "trade.order/1/createOrder".to_owned(),
            key: key.to_owned(),
        }
    }

    fn keys() -> Keys<&'static str> {
        Keys::new(ROOM)
    }

    #[test]
    fn the_same_request_is_carried_out_once() {
        let (mut keys, one) = (keys(), scope("a", "k"));
        assert_eq!(keys.claim(&one, [1; 32], 0), Claim::Go);
        assert_eq!(keys.claim(&one, [1; 32], 1), Claim::InProgress);
        assert_eq!(keys.claim(&one, [2; 32], 1), Claim::Reused);
        keys.settle(&one, Settled::Answered("done", 4), 10, 5);
        assert_eq!(
            keys.claim(&one, [1; 32], 14),
            Claim::Replay(Arc::new("done"))
        );
        assert_eq!(keys.claim(&one, [2; 32], 14), Claim::Reused);
        // Another caller's key is another key.
        assert_eq!(keys.claim(&scope("b", "k"), [1; 32], 14), Claim::Go);
        assert_eq!(keys.claim(&one, [2; 32], 15), Claim::Go);
    }

    #[test]
    fn what_surely_was_not_done_may_be_sent_again_and_what_may_be_is_not() {
        let (mut keys, one) = (keys(), scope("a", "k"));
        keys.claim(&one, [1; 32], 0);
        keys.settle(&one, Settled::Free, 10, 0);
        assert_eq!(keys.claim(&one, [1; 32], 0), Claim::Go);
        keys.settle(&one, Settled::Unknown, 10, 0);
        assert_eq!(keys.claim(&one, [1; 32], 9), Claim::OutcomeUnknown);
        // It is settled once.
        keys.settle(&one, Settled::Free, 10, 0);
        assert_eq!(keys.claim(&one, [1; 32], 9), Claim::OutcomeUnknown);
    }

    #[test]
    fn keys_and_bytes_are_bounded_and_what_has_no_room_is_not_sent_again() {
        let mut keys = keys();
        for name in ["1", "2", "3"] {
            assert_eq!(keys.claim(&scope("a", name), [0; 32], 0), Claim::Go);
        }
        assert_eq!(keys.claim(&scope("a", "4"), [0; 32], 0), Claim::Full);
        keys.settle(&scope("a", "1"), Settled::Answered("large", 90), 5, 0);
        keys.settle(&scope("a", "2"), Settled::Answered("larger", 11), 9, 0);
        assert_eq!(
            keys.claim(&scope("a", "2"), [0; 32], 0),
            Claim::OutcomeUnknown
        );
        // Requests on their way are never forgotten.
        assert_eq!(keys.claim(&scope("a", "4"), [0; 32], 5), Claim::Go);
        assert_eq!(
            keys.claim(&scope("a", "3"), [0; 32], u64::MAX),
            Claim::InProgress
        );
        keys.settle(&scope("a", "4"), Settled::Answered("fits", 100), 5, 5);
        let replay = keys.claim(&scope("a", "4"), [0; 32], 6);
        assert_eq!(replay, Claim::Replay(Arc::new("fits")));
    }

    #[test]
    fn a_key_is_visible_ascii_with_or_without_quotes() {
        for good in ["a", "\"8e03978e-40d5\"", " x ", &"k".repeat(255)] {
            assert!(key_of(good).is_some(), "{good}");
        }
        for wrong in ["", "\"\"", "a b", "钥", "a\"b", &"k".repeat(256)] {
            assert_eq!(key_of(wrong), None, "{wrong}");
        }
        assert_eq!(key_of("\"8e\""), Some("8e"));
    }

    proptest! {
        /// Whatever happens, no request is let through while one of its key is on its way, known or
        /// in doubt.
        #[test]
        fn nothing_is_carried_out_twice(
            steps in prop::collection::vec((0_u8..3, 0_u8..4, 0_u64..5), 0..200)
        ) {
            let mut keys: Keys<u8> = Keys::new(Room { keys: 3, bytes: 6 });
            let (mut now, mut live) = (0, BTreeMap::<u8, u64>::new());
            for (name, what, pass) in steps {
                now += pass;
                live.retain(|_, until| *until > now);
                let scope = scope("a", &name.to_string());
                match what {
                    0 => {
                        let claim = keys.claim(&scope, [0; 32], now);
                        prop_assert_eq!(claim == Claim::Go, !live.contains_key(&name));
                        live.entry(name).or_insert(u64::MAX);
                    }
                    1 if live.get(&name) == Some(&u64::MAX) => {
                        keys.settle(&scope, Settled::Answered(1, 2), 7, now);
                        live.insert(name, now + 7);
                    }
                    2 if live.get(&name) == Some(&u64::MAX) => {
                        keys.settle(&scope, Settled::Unknown, 7, now);
                        live.insert(name, now + 7);
                    }
                    3 if live.get(&name) == Some(&u64::MAX) => {
                        keys.settle(&scope, Settled::Free, 7, now);
                        live.remove(&name);
                    }
                    _ => {}
                }
                prop_assert!(keys.len() <= 3 && keys.bytes <= 6);
            }
        }
    }
}
