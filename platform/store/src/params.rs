//! Values bound to a statement.

use rialto_kernel::value::Value;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use crate::StoreError;

/// The values of `$1`, `$2`, … of one statement; made by [`params!`](crate::params).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params(Vec<Value>);

/// Lists the values of `$1`, `$2`, …: `params![&job_id, "running", now(), None::<i64>]`.
///
/// Text, typed ids, integers, booleans, bytes, JSON, times and options of them
/// (see [`Bind`](crate::Bind)).
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        $crate::Params::new(vec![$($crate::Bind::into_value($value)),*])
    };
}

impl Params {
    /// The given values, first for `$1`.
    #[must_use]
    pub fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// SQLite keeps a NUL character in text and PostgreSQL refuses it; so both refuse.
    fn check(&self) -> Result<(), StoreError> {
        for (index, value) in self.0.iter().enumerate() {
            if matches!(value, Value::Text(Some(text)) if text.contains('\0')) {
                return Err(StoreError::Nul { place: index + 1 });
            }
        }
        Ok(())
    }

    pub(crate) fn sqlite(self) -> Result<SqliteArguments, StoreError> {
        self.check()?;
        let mut arguments = SqliteArguments::default();
        for value in self.0 {
            match value {
                Value::Text(text) => arguments.add(text),
                Value::Int(number) => arguments.add(number),
                Value::Bool(flag) => arguments.add(flag),
                Value::Bytes(bytes) => arguments.add(bytes),
            }
            .map_err(|error| StoreError::Bind {
                message: error.to_string(),
            })?;
        }
        Ok(arguments)
    }

    pub(crate) fn postgres(self) -> Result<PgArguments, StoreError> {
        self.check()?;
        let mut arguments = PgArguments::default();
        for value in self.0 {
            match value {
                Value::Text(text) => arguments.add(text),
                Value::Int(number) => arguments.add(number),
                Value::Bool(flag) => arguments.add(flag),
                Value::Bytes(bytes) => arguments.add(bytes),
            }
            .map_err(|error| StoreError::Bind {
                message: error.to_string(),
            })?;
        }
        Ok(arguments)
    }
}
