//! When an amount fixed on an observation is paid.

use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarError, Calendars};
use crate::date::Date;
use crate::exchange::Exchange;

/// Business days between observation and payment of dated contracts that do not say; numeric
/// schedules pay at once.
pub const DEFAULT_PAYMENT_LAG: u16 = 3;

/// `{"lag": 3, "calendar": "CN-IB"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentRule {
    /// Business days after the observation.
    #[serde(default = "default_lag")]
    pub lag: u16,
    /// Whose business days.
    #[serde(default = "default_calendar")]
    pub calendar: Exchange,
}

const fn default_lag() -> u16 {
    DEFAULT_PAYMENT_LAG
}

const fn default_calendar() -> Exchange {
    Exchange::CnIb
}

impl Default for PaymentRule {
    fn default() -> Self {
        Self {
            lag: DEFAULT_PAYMENT_LAG,
            calendar: Exchange::CnIb,
        }
    }
}

impl PaymentRule {
    /// The payment date of an observation. With lag 0 it is the observation's own date, or the
    /// next business day when payments rest on it.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn date(&self, obs: Date, calendars: &Calendars) -> Result<Date, CalendarError> {
        calendars
            .get(self.calendar)
            .add_sessions(obs, i32::from(self.lag))
    }
}
