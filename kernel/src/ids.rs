//! Typed ids: a newtype per resource over the canonical lower-case text of a UUID version 7.
//!
//! Version 7 ids begin with their time of creation, so ids made later sort later (to the
//! millisecond) and index pages stay warm. The text form is what the store, the API and the
//! evidence log hold; nothing depends on a database's own UUID type.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// A typed id made by [`define_id!`](crate::define_id).
pub trait Id: Clone + fmt::Display + Send + Sync + 'static {
    /// Name of the id's type, for messages.
    const NAME: &'static str;

    /// The id of a moment (milliseconds since the Unix epoch) and ten random bytes. Of the
    /// random bytes, six bits give way to the UUID's version and variant.
    fn from_parts(unix_ms: u64, random: [u8; 10]) -> Self;

    /// The canonical text: 36 lower-case characters.
    fn as_str(&self) -> &str;
}

/// A text that is not the canonical form of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {name}: {reason}")]
pub struct ParseIdError {
    name: &'static str,
    text: String,
    reason: &'static str,
}

/// The text inside a typed id. Public for [`define_id!`](crate::define_id) only.
#[doc(hidden)]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdText(Arc<str>);

impl IdText {
    #[must_use]
    pub fn from_parts(unix_ms: u64, random: [u8; 10]) -> Self {
        let uuid = uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid();
        let mut buffer = Uuid::encode_buffer();
        Self(Arc::from(&*uuid.as_hyphenated().encode_lower(&mut buffer)))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The moment in the first 48 bits, milliseconds since the Unix epoch.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        let hex = self.0.chars().filter(|c| *c != '-').take(12);
        hex.fold(0, |sum, digit| {
            sum * 16 + u64::from(digit.to_digit(16).unwrap_or(0))
        })
    }

    pub fn parse(text: &str, name: &'static str) -> Result<Self, ParseIdError> {
        let refuse = |reason| ParseIdError {
            name,
            text: text.chars().take(64).collect(),
            reason,
        };
        let canonical = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            });
        if !canonical {
            return Err(refuse(
                "expected 36 characters, lower-case hexadecimal as 8-4-4-4-12",
            ));
        }
        let version_and_variant = (text.as_bytes()[14], text.as_bytes()[19]);
        if !matches!(version_and_variant, (b'7', b'8' | b'9' | b'a' | b'b')) {
            return Err(refuse("expected a UUID of version 7"));
        }
        Ok(Self(Arc::from(text)))
    }
}

/// Defines public typed ids over lower-case UUIDv7 text.
///
/// `define_id!(JobId, PipelineId);` makes each a newtype with `from_parts`, `as_str`, `unix_ms`,
/// `Display`, `FromStr`, `TryFrom<String>` (for `#[sqlx(try_from = "String")]`), serde as a
/// string, and [`Bind`](crate::value::Bind) by value and by reference.
#[macro_export]
macro_rules! define_id {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        #[doc = concat!("Typed id `", stringify!($name), "`: lower-case UUIDv7 text.")]
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($crate::ids::IdText);

        impl $name {
            /// The id of a moment (milliseconds since the Unix epoch) and ten random bytes.
            #[must_use]
            pub fn from_parts(unix_ms: u64, random: [u8; 10]) -> Self {
                Self($crate::ids::IdText::from_parts(unix_ms, random))
            }

            /// The canonical text: 36 lower-case characters.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The moment of creation, milliseconds since the Unix epoch.
            #[must_use]
            pub fn unix_ms(&self) -> u64 {
                self.0.unix_ms()
            }
        }

        impl $crate::ids::Id for $name {
            const NAME: &'static str = stringify!($name);

            fn from_parts(unix_ms: u64, random: [u8; 10]) -> Self {
                Self($crate::ids::IdText::from_parts(unix_ms, random))
            }

            fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.0.as_str())
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_str())
            }
        }

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.0.as_str()
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::ids::ParseIdError;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                $crate::ids::IdText::parse(text, stringify!($name)).map(Self)
            }
        }

        impl ::std::convert::TryFrom<String> for $name {
            type Error = $crate::ids::ParseIdError;

            fn try_from(text: String) -> ::std::result::Result<Self, Self::Error> {
                $crate::ids::IdText::parse(&text, stringify!($name)).map(Self)
            }
        }

        impl ::std::convert::From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }

        impl $crate::ids::serde::Serialize for $name {
            fn serialize<S: $crate::ids::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.as_str())
            }
        }

        impl<'de> $crate::ids::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::ids::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                let text = <String as $crate::ids::serde::Deserialize>::deserialize(deserializer)?;
                ::std::str::FromStr::from_str(&text)
                    .map_err($crate::ids::serde::de::Error::custom)
            }
        }

        impl $crate::value::Bind for $name {
            const NULL: $crate::value::Value = $crate::value::Value::Text(None);

            fn into_value(self) -> $crate::value::Value {
                $crate::value::Value::Text(Some(self.as_str().to_owned()))
            }
        }

        impl $crate::value::Bind for &$name {
            const NULL: $crate::value::Value = $crate::value::Value::Text(None);

            fn into_value(self) -> $crate::value::Value {
                $crate::value::Value::Text(Some(self.as_str().to_owned()))
            }
        }
    )+};
}

#[doc(hidden)]
pub use serde;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    define_id!(
        /// An id for these tests.
        JobId
    );

    #[test]
    fn ids_that_are_not_canonical_are_refused() {
        for text in [
            "",
            "x",
            "0190163D-8694-739B-AEA5-966C26F8AD91",
            "0190163d8694739baea5966c26f8ad91",
            "0190163d-8694-439b-aea5-966c26f8ad91",
            "0190163d-8694-739b-cea5-966c26f8ad91",
            "0190163d-8694-739b-aea5-966c26f8ad9一",
        ] {
            let error = text.parse::<JobId>().expect_err("not canonical");
            assert!(error.to_string().contains("is not a JobId"), "{error}");
        }
    }

    #[test]
    fn a_very_long_text_is_not_repeated_in_the_error() {
        let error = "a"
            .repeat(1_000_000)
            .parse::<JobId>()
            .expect_err("too long");
        assert!(error.to_string().len() < 200);
    }

    proptest! {
        #[test]
        fn an_id_survives_text_and_json(ms in 0_u64..(1 << 48), random: [u8; 10]) {
            let id = JobId::from_parts(ms, random);
            prop_assert_eq!(id.unix_ms(), ms);
            prop_assert_eq!(&id.as_str().parse::<JobId>().expect("canonical"), &id);
            let json = serde_json::to_string(&id).expect("serialises");
            prop_assert_eq!(&serde_json::from_str::<JobId>(&json).expect("reads back"), &id);
        }

        #[test]
        fn a_later_id_sorts_later(ms in 0_u64..(1 << 47), later in 1_u64..1_000_000, a: [u8; 10], b: [u8; 10]) {
            prop_assert!(JobId::from_parts(ms, a) < JobId::from_parts(ms + later, b));
        }
    }
}
