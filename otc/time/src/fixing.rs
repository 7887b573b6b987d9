//! Which price an observation takes, and what replaces it when there is none.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarError, SessionCalendar};
use crate::date::Date;

/// Text that names no source or fallback of fixings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: use {choices}")]
pub struct FixingTextError {
    /// The text.
    pub text: String,
    what: &'static str,
    choices: &'static str,
}

/// Which published price is the fixing. The official close unless told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FixingSource {
    /// Official close, `close`.
    #[default]
    Close,
    /// Opening price, `open`.
    Open,
    /// Volume weighted average of the day, `vwap`.
    Vwap,
    /// Mean of the last n minutes, `mean:30`.
    Mean(u16),
    /// Settlement price of the future, `futures_settlement`.
    FuturesSettlement,
    /// Settlement price of the index, `index_settlement`.
    IndexSettlement,
}

/// What happens when the underlying is suspended (停牌) or disrupted on an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fallback {
    /// The observation waits for the next undisrupted session, at most so many sessions:
    /// `postpone` (8) or `postpone:5`.
    Postpone(u16),
    /// The last close before it is taken, `last_close`.
    LastClose,
    /// The calculation agent decides, `agent`.
    Agent,
}

impl Default for Fallback {
    fn default() -> Self {
        Self::Postpone(8)
    }
}

/// Where a fallback leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Postponed {
    /// The fixing of this session is taken: the observation itself, one it was postponed to, or
    /// with [`Fallback::LastClose`] one before it.
    On(Date),
    /// The sessions to wait for are used up, the last of them being this one: the calculation
    /// agent decides.
    Exhausted(Date),
    /// The calculation agent decides at once.
    Agent,
}

impl Fallback {
    /// The session whose fixing serves an observation, given which sessions are disrupted.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn resolve(
        self,
        obs: Date,
        calendar: &SessionCalendar,
        is_disrupted: impl Fn(Date) -> bool,
    ) -> Result<Postponed, CalendarError> {
        if !is_disrupted(obs) {
            return Ok(Postponed::On(obs));
        }
        let mut date = obs;
        match self {
            Self::Agent => Ok(Postponed::Agent),
            Self::LastClose => {
                while is_disrupted(date) {
                    date = calendar.previous(date)?;
                }
                Ok(Postponed::On(date))
            }
            Self::Postpone(most) => {
                for _ in 0..most {
                    date = calendar.next(date)?;
                    if !is_disrupted(date) {
                        return Ok(Postponed::On(date));
                    }
                }
                Ok(Postponed::Exhausted(date))
            }
        }
    }
}

impl fmt::Display for FixingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close => f.write_str("close"),
            Self::Open => f.write_str("open"),
            Self::Vwap => f.write_str("vwap"),
            Self::Mean(minutes) => write!(f, "mean:{minutes}"),
            Self::FuturesSettlement => f.write_str("futures_settlement"),
            Self::IndexSettlement => f.write_str("index_settlement"),
        }
    }
}

impl FromStr for FixingSource {
    type Err = FixingTextError;

    fn from_str(text: &str) -> Result<Self, FixingTextError> {
        let minutes = text.strip_prefix("mean:").and_then(positive);
        Ok(match text {
            "close" => Self::Close,
            "open" => Self::Open,
            "vwap" => Self::Vwap,
            "futures_settlement" => Self::FuturesSettlement,
            "index_settlement" => Self::IndexSettlement,
            _ => Self::Mean(minutes.ok_or_else(|| FixingTextError {
                text: text.to_owned(),
                what: "source of fixings",
                choices: "close, open, vwap, mean:MINUTES, futures_settlement or index_settlement",
            })?),
        })
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postpone(most) => write!(f, "postpone:{most}"),
            Self::LastClose => f.write_str("last_close"),
            Self::Agent => f.write_str("agent"),
        }
    }
}

impl FromStr for Fallback {
    type Err = FixingTextError;

    fn from_str(text: &str) -> Result<Self, FixingTextError> {
        let most = text.strip_prefix("postpone:").and_then(positive);
        Ok(match text {
            "postpone" => Self::default(),
            "last_close" => Self::LastClose,
            "agent" => Self::Agent,
            _ => Self::Postpone(most.ok_or_else(|| FixingTextError {
                text: text.to_owned(),
                what: "fallback of fixings",
                choices: "postpone, postpone:SESSIONS, last_close or agent",
            })?),
        })
    }
}

fn positive(text: &str) -> Option<u16> {
    text.parse().ok().filter(|number| *number > 0)
}

impl TryFrom<String> for FixingSource {
    type Error = FixingTextError;
    fn try_from(text: String) -> Result<Self, FixingTextError> {
        text.parse()
    }
}

impl From<FixingSource> for String {
    fn from(source: FixingSource) -> Self {
        source.to_string()
    }
}

impl TryFrom<String> for Fallback {
    type Error = FixingTextError;
    fn try_from(text: String) -> Result<Self, FixingTextError> {
        text.parse()
    }
}

impl From<Fallback> for String {
    fn from(fallback: Fallback) -> Self {
        fallback.to_string()
    }
}
