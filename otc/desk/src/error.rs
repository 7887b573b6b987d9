//! What can go wrong, told apart by what the caller can do about it.

use rialto_otc_contract::Findings;
use rialto_otc_lifecycle::{Alarm, Refusal};
use rialto_otc_pricing::engine::PriceError;
use rialto_otc_pricing::quote::QuoteError;
use rialto_otc_pricing::solve::SolveError;
use rialto_otc_pricing::valuation::ValueError;
use rialto_platform_evidence::EvidenceError;
use rialto_platform_identity::Denied;
use rialto_platform_store::StoreError;

/// An error of the desk.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such thing.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// Id as asked for.
        id: String,
    },
    /// The actor may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The second person must be another one.
    #[error("{maker} made this: a second person must decide")]
    FourEyes {
        /// Who made it.
        maker: String,
    },
    /// A value of the request is wrong.
    #[error("{pointer}: {en}")]
    Invalid {
        /// JSON pointer of the value, or the name of a parameter.
        pointer: String,
        /// Stable word for programs.
        code: &'static str,
        /// What is wrong and what would be right.
        en: String,
        /// The same in Simplified Chinese.
        zh: String,
    },
    /// The state does not allow it now.
    #[error("{en}")]
    Conflict {
        /// Stable word for programs.
        code: &'static str,
        /// Why, and what would be possible.
        en: String,
        /// The same in Simplified Chinese.
        zh: String,
    },
    /// A change was made to an older version than the one there is.
    #[error("the {what} is at version {version} by now; read it again")]
    Stale {
        /// What.
        what: &'static str,
        /// Version there is.
        version: u64,
    },
    /// The document is wrong; all findings at once.
    #[error("{0}")]
    Findings(Findings),
    /// The book refuses the event.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// No engine has a price.
    #[error("{0}")]
    Price(PriceError),
    /// There is no answer to solve for.
    #[error("{0}")]
    Solve(Box<SolveError>),
    /// Nothing can be quoted.
    #[error("{0}")]
    Quote(Box<QuoteError>),
    /// The ledger contradicts itself.
    #[error("{0}")]
    Alarm(Box<Alarm>),
    /// Database trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The fact could not be recorded, so it did not happen.
    #[error("the evidence log could not be written, so nothing was changed: {0}")]
    Evidence(#[from] EvidenceError),
    /// Identity trouble.
    #[error(transparent)]
    Identity(#[from] rialto_platform_identity::IdentityError),
    /// Something of ours is not as it must be.
    #[error("internal: {0}")]
    Internal(String),
}

impl DeskError {
    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }

    pub(crate) fn invalid(
        pointer: impl Into<String>,
        code: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            pointer: pointer.into(),
            code,
            en: en.into(),
            zh: zh.into(),
        }
    }

    /// A word that is not one of those that may stand here.
    pub(crate) fn not_among(pointer: &str, seen: &str, known: &[&str]) -> Self {
        let known = known.join(", ");
        let en = format!("`{seen}` is not one of {known}");
        let zh = format!("`{seen}` 不可用；可选 {known}");
        Self::invalid(pointer, "unknown", en, zh)
    }

    pub(crate) fn conflict(
        code: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Self {
        Self::Conflict {
            code,
            en: en.into(),
            zh: zh.into(),
        }
    }

    pub(crate) fn json(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |error| Self::Internal(format!("{what}: {error}"))
    }
}

impl From<Refusal> for DeskError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<Alarm> for DeskError {
    fn from(alarm: Alarm) -> Self {
        Self::Alarm(Box::new(alarm))
    }
}

impl From<Findings> for DeskError {
    fn from(findings: Findings) -> Self {
        Self::Findings(findings)
    }
}

impl From<ValueError> for DeskError {
    fn from(error: ValueError) -> Self {
        match error {
            ValueError::Findings(findings) => Self::Findings(findings),
            ValueError::Price(error) => Self::Price(error),
        }
    }
}

impl From<SolveError> for DeskError {
    fn from(error: SolveError) -> Self {
        match error {
            SolveError::Value(error) => error.into(),
            other => Self::Solve(Box::new(other)),
        }
    }
}

impl From<QuoteError> for DeskError {
    fn from(error: QuoteError) -> Self {
        match error {
            QuoteError::Value(error) => error.into(),
            other => Self::Quote(Box::new(other)),
        }
    }
}

impl From<PriceError> for DeskError {
    fn from(error: PriceError) -> Self {
        Self::Price(error)
    }
}
