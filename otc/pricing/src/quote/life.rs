//! The life of a quote: how long it stands, and what may become of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Share by which the spot may have moved when a quote is accepted.
pub const SLIPPAGE: f64 = 0.002;

/// Where a quote stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// For orientation: it cannot be accepted.
    Indicative,
    /// The house stands by it until it expires.
    Firm,
    /// Its time is over.
    Expired,
    /// The client took it.
    Accepted,
    /// Client or house turned it down.
    Rejected,
    /// A trade was booked from it.
    Booked,
}

/// What is done to a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The house commits itself.
    Confirm,
    /// Its time runs out.
    Expire,
    /// The client takes it.
    Accept,
    /// It is turned down.
    Reject,
    /// A trade is booked from it.
    Book,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Confirm,
        Self::Expire,
        Self::Accept,
        Self::Reject,
        Self::Book,
    ];

    /// `accept`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Expire => "expire",
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Book => "book",
        }
    }
}

/// An action that a quote in its status does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A quote that is {} cannot {}; {}.", .status.name(), .action.name(), told(*.status))]
pub struct StatusRefusal {
    /// Where the quote stands.
    pub status: Status,
    /// What was to be done.
    pub action: Action,
}

fn told(status: Status) -> String {
    let allowed = status.allowed();
    match allowed.is_empty() {
        true => "nothing more can be done with it".to_owned(),
        false => {
            let names: Vec<&str> = allowed.iter().map(|action| action.name()).collect();
            format!("allowed: {}", names.join(", "))
        }
    }
}

impl StatusRefusal {
    /// The text in Simplified Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        let allowed: Vec<&str> = self.status.allowed().iter().map(|a| a.name()).collect();
        let allowed = match allowed.is_empty() {
            true => "无".to_owned(),
            false => allowed.join("、"),
        };
        format!(
            "报价当前状态为 {}，不能执行 {}；可执行：{allowed}。",
            self.status.name(),
            self.action.name()
        )
    }
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Indicative,
        Self::Firm,
        Self::Expired,
        Self::Accepted,
        Self::Rejected,
        Self::Booked,
    ];

    /// `firm`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Indicative => "indicative",
            Self::Firm => "firm",
            Self::Expired => "expired",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Booked => "booked",
        }
    }

    /// The status of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// What may be done now.
    #[must_use]
    pub const fn allowed(self) -> &'static [Action] {
        match self {
            Self::Indicative => &[Action::Confirm, Action::Expire, Action::Reject],
            Self::Firm => &[Action::Expire, Action::Accept, Action::Reject],
            // The trade may still be refused after the client's word: then the quote is rejected.
            Self::Accepted => &[Action::Reject, Action::Book],
            Self::Expired | Self::Rejected | Self::Booked => &[],
        }
    }

    /// Where an action leads.
    ///
    /// # Errors
    /// [`StatusRefusal`], which names what is allowed.
    pub fn after(self, action: Action) -> Result<Self, StatusRefusal> {
        if !self.allowed().contains(&action) {
            return Err(StatusRefusal {
                status: self,
                action,
            });
        }
        Ok(match action {
            Action::Confirm => Self::Firm,
            Action::Expire => Self::Expired,
            Action::Accept => Self::Accepted,
            Action::Reject => Self::Rejected,
            Action::Book => Self::Booked,
        })
    }
}

/// Whether a quote that stands until `valid_until` stands no more: from that moment on.
#[must_use]
pub fn is_expired(valid_until: Timestamp, now: Timestamp) -> bool {
    now >= valid_until
}

/// Whether a spot has moved by more than a share of itself, up or down. What is no price has.
#[must_use]
pub fn slipped(then: f64, now: f64, limit: f64) -> bool {
    let moved = (now / then - 1.0).abs();
    // Prices are decimals: a move of exactly the limit is within it.
    let within = then > 0.0 && now > 0.0 && moved <= limit + 1e-12;
    !within
}

/// Why a quote cannot be accepted.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NotAcceptable {
    /// Its status does not allow it.
    #[error(transparent)]
    Status(#[from] StatusRefusal),
    /// Its time is over.
    #[error("The quote stood until {valid_until} and it is {now}. Quote again.")]
    Expired {
        /// Until when it stood.
        valid_until: Timestamp,
        /// The moment of acceptance.
        now: Timestamp,
    },
    /// The spot has moved too far.
    #[error(
        "The spot was {then} when the quote was made and is {now}: {:.2} %, at most {:.2} % is taken. Quote again.",
        100.0 * (.now / .then - 1.0),
        100.0 * .limit
    )]
    Slipped {
        /// Spot of the quote.
        then: f64,
        /// Spot of the acceptance.
        now: f64,
        /// Largest share.
        limit: f64,
    },
}

impl NotAcceptable {
    /// `E-QUOTE-…`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Status(_) => "E-QUOTE-STATUS",
            Self::Expired { .. } => "E-QUOTE-EXPIRED",
            Self::Slipped { .. } => "E-QUOTE-SLIPPED",
        }
    }

    /// The text in Simplified Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Status(refusal) => refusal.zh(),
            Self::Expired { valid_until, now } => {
                format!("报价有效至 {valid_until}，现为 {now}，已过期，请重新询价。")
            }
            Self::Slipped { then, now, limit } => format!(
                "报价时现价为 {then}，现为 {now}，变动 {:.2} %，超过 {:.2} %，请重新询价。",
                100.0 * (now / then - 1.0),
                100.0 * limit
            ),
        }
    }
}

/// Whether a quote can be accepted now at these spots (then and now, one pair for each underlying
/// whose spot is known).
///
/// # Errors
/// The first reason why not.
pub fn acceptable(
    status: Status,
    valid_until: Timestamp,
    now: Timestamp,
    spots: &[(f64, f64)],
    limit: f64,
) -> Result<(), NotAcceptable> {
    status.after(Action::Accept)?;
    if is_expired(valid_until, now) {
        return Err(NotAcceptable::Expired { valid_until, now });
    }
    match spots.iter().find(|(then, now)| slipped(*then, *now, limit)) {
        Some(&(then, now)) => Err(NotAcceptable::Slipped { then, now, limit }),
        None => Ok(()),
    }
}
