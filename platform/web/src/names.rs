//! Names that an object of a JSON body has twice.
//!
//! Readers commonly keep the last of them and say nothing; which value was meant is unknown, so a body
//! with such a name is refused before anything is read from it.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Most names that are told.
const MOST: usize = 100;

/// JSON pointers of the names that stand in their object already, in written order. Text that is
/// not JSON has what stands before its fault.
pub(crate) fn twice(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seen = Walk {
        at: String::new(),
        found: &mut found,
    };
    // What is wrong with the text itself is told by whoever reads it next.
    let _ = seen.deserialize(&mut reader);
    found
}

/// A value at a place.
struct Walk<'f> {
    at: String,
    found: &'f mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let mut n = 0_usize;
        loop {
            let part = Walk {
                at: format!("{}/{n}", self.at),
                found: &mut *self.found,
            };
            if parts.next_element_seed(part)?.is_none() {
                return Ok(());
            }
            n += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = parts.next_key::<String>()? {
            let at = format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1"));
            if !names.insert(name) && self.found.len() < MOST {
                self.found.push(at.clone());
            }
            let found = &mut *self.found;
            parts.next_value_seed(Walk { at, found })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::twice;

    #[test]
    fn names_are_told_by_pointer_at_any_depth() {
        let text = r#"{"a":[{"x":1},{"x":1,"x":{"y":0,"y":1}}],"b/c":{"~":1,"\u007e":2},"a":null}"#;
        assert_eq!(
            twice(text.as_bytes()),
            ["/a/1/x", "/a/1/x/y", "/b~1c/~0", "/a"]
        );
    }

    #[test]
    fn names_of_different_objects_and_other_values_are_no_doubles() {
        for text in [
            r#"{"a":{"x":1},"b":{"x":1.5e300,"y":[true,null,"x","x",-1]}}"#,
            r#"[{"a":1},{"a":1}]"#,
            "7",
            "",
            "{\"a\":1,",
        ] {
            assert!(twice(text.as_bytes()).is_empty(), "{text}");
        }
        // Text that breaks off: what stands before is told.
        assert_eq!(twice(b"{\"a\":1,\"a\":2"), ["/a"]);
    }
}
