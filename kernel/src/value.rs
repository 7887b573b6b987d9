//! Scalar values as the store keeps them: text, integers, booleans and bytes, each with a typed
//! NULL (PostgreSQL refuses a text NULL in a BIGINT column, so a NULL knows its type).
//!
//! The store binds these values to statements; typed ids implement [`Bind`] through
//! [`define_id!`](crate::define_id), which is why the trait lives here.

use jiff::Timestamp;

/// A value bound to a statement. `None` is NULL of that type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// TEXT, also used for typed ids and JSON documents.
    Text(Option<String>),
    /// BIGINT, also used for times (microseconds since the Unix epoch, UTC).
    Int(Option<i64>),
    /// BOOLEAN.
    Bool(Option<bool>),
    /// BLOB on SQLite, BYTEA on PostgreSQL.
    Bytes(Option<Vec<u8>>),
}

/// A type that can be bound to a statement.
pub trait Bind {
    /// NULL of this type.
    const NULL: Value;

    /// The value to bind.
    fn into_value(self) -> Value;
}

impl<T: Bind> Bind for Option<T> {
    const NULL: Value = T::NULL;

    fn into_value(self) -> Value {
        self.map_or(T::NULL, T::into_value)
    }
}

macro_rules! bind {
    ($($type:ty => $variant:ident, |$value:ident| $convert:expr;)*) => {$(
        impl Bind for $type {
            const NULL: Value = Value::$variant(None);

            fn into_value(self) -> Value {
                let $value = self;
                Value::$variant(Some($convert))
            }
        }
    )*};
}

bind! {
    String => Text, |value| value;
    &String => Text, |value| value.clone();
    &str => Text, |value| value.to_owned();
    i64 => Int, |value| value;
    i32 => Int, |value| i64::from(value);
    u32 => Int, |value| i64::from(value);
    u16 => Int, |value| i64::from(value);
    &i64 => Int, |value| *value;
    bool => Bool, |value| value;
    &bool => Bool, |value| *value;
    Vec<u8> => Bytes, |value| value;
    &Vec<u8> => Bytes, |value| value.clone();
    &[u8] => Bytes, |value| value.to_vec();
    serde_json::Value => Text, |value| value.to_string();
    &serde_json::Value => Text, |value| value.to_string();
    Timestamp => Int, |value| value.as_microsecond();
    &Timestamp => Int, |value| value.as_microsecond();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_value_keeps_its_type() {
        assert_eq!(None::<i64>.into_value(), Value::Int(None));
        assert_eq!(None::<&str>.into_value(), Value::Text(None));
        assert_eq!(Some(true).into_value(), Value::Bool(Some(true)));
        assert_eq!(None::<Vec<u8>>.into_value(), Value::Bytes(None));
    }

    #[test]
    fn json_and_times_have_one_stored_form() {
        let json = serde_json::json!({"a": [1, "二"]});
        assert_eq!(
            json.into_value(),
            Value::Text(Some("{\"a\":[1,\"二\"]}".into()))
        );
        let at = Timestamp::from_microsecond(1_700_000_000_000_001).expect("in range");
        assert_eq!(at.into_value(), Value::Int(Some(1_700_000_000_000_001)));
    }
}
