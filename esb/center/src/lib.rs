//! What the service center decides, without clock, network or storage: which instances of a service
//! are alive and usable ([`registry`]), what a configuration item may be and which content a client
//! gets ([`config`]), and the texts that Nacos clients send ([`nacos`]).

pub mod config;
pub mod content;
pub mod nacos;
pub mod registry;

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl Words {
    /// Both languages.
    #[must_use]
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            zh: zh.into(),
        }
    }
}

/// Longest name of a namespace, group, service or item, characters.
pub const LONGEST_NAME: usize = 128;

/// Whether a text is a name of the service center: letters, digits and `._:-`, 1 to
/// [`LONGEST_NAME`] of them.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_of_bounded_length() {
        for name in ["a", "com.example:quote-1_x", &"x".repeat(LONGEST_NAME)] {
            assert!(is_name(name), "{name}");
        }
        for text in [
            "",
            "a b",
            "a/b",
            "a@@b",
            "价",
            &"x".repeat(LONGEST_NAME + 1),
        ] {
            assert!(!is_name(text), "{text}");
        }
    }
}
