//! The status of a set of jobs: a stage, a pipeline, or the predecessors of a job
//! (specification §5.3; the rules are tried in order and the first that holds wins).

use crate::state::Status;

/// What one job contributes to a set: its status, with `allow_failure` folded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Token {
    /// The plain status.
    Plain(Status),
    /// Failed or cancelled, but allowed to.
    Warned,
    /// Manual, and nothing waits for it.
    Ignored,
}

impl Token {
    /// Folds `allow_failure` into a status.
    #[must_use]
    pub const fn of(status: Status, allow_failure: bool) -> Self {
        match status {
            Status::Failed | Status::Canceled if allow_failure => Self::Warned,
            Status::Manual if allow_failure => Self::Ignored,
            other => Self::Plain(other),
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::Plain(status) => 1 << status as u16,
            Self::Warned => 1 << 12,
            Self::Ignored => 1 << 13,
        }
    }
}

/// A set of tokens; sixteen bits are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenSet(u16);

impl TokenSet {
    /// Adds a token.
    pub const fn insert(&mut self, token: Token) {
        self.0 |= token.bit();
    }

    /// Union of two sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, token: Token) -> bool {
        self.0 & token.bit() != 0
    }

    fn is_within(self, allowed: &[Token]) -> bool {
        let mask = allowed.iter().fold(0, |mask, token| mask | token.bit());
        self.0 & !mask == 0
    }

    /// Status of the set; the empty set is a success.
    #[must_use]
    pub fn status(self) -> Status {
        use Status::{
            Canceled, Canceling, Created, Failed, Manual, Pending, Preparing, Running, Scheduled,
            Skipped, Success, WaitingForResource,
        };
        use Token::{Ignored, Plain, Warned};
        if self.0 == 0 {
            return Success;
        }
        let within: [(&[Token], Status); 6] = [
            (&[Plain(Skipped), Ignored], Skipped),
            (&[Plain(Success), Plain(Skipped), Warned, Ignored], Success),
            (&[Plain(Created), Warned, Ignored], Created),
            (&[Plain(Preparing), Warned, Ignored], Preparing),
            (
                &[
                    Plain(Canceled),
                    Plain(Success),
                    Plain(Skipped),
                    Warned,
                    Ignored,
                ],
                Canceled,
            ),
            (
                &[
                    Plain(Pending),
                    Plain(Created),
                    Plain(Skipped),
                    Warned,
                    Ignored,
                ],
                Pending,
            ),
        ];
        if let Some((_, status)) = within.iter().find(|(allowed, _)| self.is_within(allowed)) {
            return *status;
        }
        let present = [
            (Running, Running),
            (Pending, Running),
            (WaitingForResource, WaitingForResource),
            (Manual, Manual),
            (Scheduled, Scheduled),
            (Preparing, Preparing),
            (Created, Running),
            (Canceling, Canceling),
        ];
        present
            .iter()
            .find(|(token, _)| self.has(Plain(*token)))
            .map_or(Failed, |(_, status)| *status)
    }

    /// Status of the set seen as predecessors named by `needs`: one that never ran skips the job,
    /// and nothing but an end of each of them starts it.
    #[must_use]
    pub fn status_of_needs(self) -> Status {
        use Status::{Canceled, Failed, Pending, Skipped, Success};
        use Token::{Ignored, Plain, Warned};
        if self.has(Plain(Skipped)) || self.has(Ignored) {
            return Skipped;
        }
        let ended = [
            Plain(Success),
            Plain(Failed),
            Plain(Canceled),
            Plain(Skipped),
            Warned,
        ];
        if !self.is_within(&ended) {
            return Pending;
        }
        self.status()
    }

    /// "Passed with warnings": a success in which something was allowed to fail.
    #[must_use]
    pub fn has_warnings(self) -> bool {
        self.status() == Status::Success && self.has(Token::Warned)
    }
}

impl FromIterator<Token> for TokenSet {
    fn from_iter<I: IntoIterator<Item = Token>>(tokens: I) -> Self {
        let mut set = Self::default();
        for token in tokens {
            set.insert(token);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(tokens: &[Token]) -> TokenSet {
        tokens.iter().copied().collect()
    }

    #[test]
    fn an_allowed_failure_leaves_the_set_green_with_a_warning() {
        let s = set(&[
            Token::Plain(Status::Success),
            Token::of(Status::Failed, true),
        ]);
        assert_eq!(s.status(), Status::Success);
        assert!(s.has_warnings());
    }

    #[test]
    fn a_blocking_manual_job_blocks_and_an_ignored_one_does_not() {
        let ended = Token::Plain(Status::Success);
        assert_eq!(
            set(&[ended, Token::of(Status::Manual, false)]).status(),
            Status::Manual
        );
        assert_eq!(
            set(&[ended, Token::of(Status::Manual, true)]).status(),
            Status::Success
        );
    }

    #[test]
    fn a_failure_shows_only_when_nothing_is_still_at_work() {
        let failed = Token::Plain(Status::Failed);
        assert_eq!(
            set(&[failed, Token::Plain(Status::Running)]).status(),
            Status::Running
        );
        assert_eq!(
            set(&[failed, Token::Plain(Status::Skipped)]).status(),
            Status::Failed
        );
        assert_eq!(
            set(&[failed, Token::Plain(Status::Canceled)]).status(),
            Status::Failed
        );
    }

    #[test]
    fn a_need_that_never_ran_skips_the_job() {
        let s = set(&[Token::Plain(Status::Success), Token::Plain(Status::Skipped)]);
        assert_eq!(s.status_of_needs(), Status::Skipped);
        assert_eq!(s.status(), Status::Success);
    }

    fn tokens() -> impl Strategy<Value = Vec<Token>> {
        let token =
            (0..12usize, any::<bool>()).prop_map(|(i, allow)| Token::of(Status::ALL[i], allow));
        prop::collection::vec(token, 0..8)
    }

    /// The rules of the specification written down once more, over plain lists.
    fn naive(tokens: &[Token]) -> Status {
        use Status::*;
        let plain = |s: Status| Token::Plain(s);
        let only = |allowed: &[Token]| tokens.iter().all(|t| allowed.contains(t));
        let any = |s: Status| tokens.contains(&plain(s));
        let (w, i) = (Token::Warned, Token::Ignored);
        if tokens.is_empty() {
            Success
        } else if only(&[plain(Skipped), i]) {
            Skipped
        } else if only(&[plain(Success), plain(Skipped), w, i]) {
            Success
        } else if only(&[plain(Created), w, i]) {
            Created
        } else if only(&[plain(Preparing), w, i]) {
            Preparing
        } else if only(&[plain(Canceled), plain(Success), plain(Skipped), w, i]) {
            Canceled
        } else if only(&[plain(Pending), plain(Created), plain(Skipped), w, i]) {
            Pending
        } else if any(Running) || any(Pending) {
            Running
        } else if let Some(s) = [WaitingForResource, Manual, Scheduled, Preparing]
            .into_iter()
            .find(|s| any(*s))
        {
            s
        } else if any(Created) {
            Running
        } else if any(Canceling) {
            Canceling
        } else {
            Failed
        }
    }

    proptest! {
        #[test]
        fn the_bit_set_agrees_with_the_rules_over_lists(tokens in tokens()) {
            prop_assert_eq!(set(&tokens).status(), naive(&tokens));
        }

        #[test]
        fn order_and_repetition_do_not_matter(tokens in tokens()) {
            let mut twice: Vec<_> = tokens.iter().rev().copied().collect();
            twice.extend(tokens.iter().copied());
            prop_assert_eq!(set(&tokens).status(), set(&twice).status());
        }
    }
}
