//! Time and fresh ids: the only places where this crate reads the clock and randomness.

use jiff::Timestamp;
use rialto_kernel::Id;

use crate::StoreError;

/// The present moment, cut to the microsecond so that it is the same after a round trip.
#[must_use]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// Microseconds since the Unix epoch: the stored form of a time.
#[must_use]
pub fn to_micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time of a stored value.
///
/// # Errors
/// [`StoreError::Decode`] when the number is outside the years -9999 to 9999.
pub fn from_micros(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|error| StoreError::Decode {
        message: format!("{micros} is not a time in microseconds: {error}"),
    })
}

/// A fresh id from the clock and the operating system's randomness.
#[must_use]
pub fn new_id<T: Id>() -> T {
    let mut random = [0_u8; 10];
    getrandom::fill(&mut random).expect("the operating system gives random bytes");
    let unix_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
    T::from_parts(unix_ms, random)
}
