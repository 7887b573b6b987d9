//! Which of the two languages a reader prefers.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// The two languages of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// The language preferred by `Accept-Language`; English when neither is asked for.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let text = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        Self::preferred(text.unwrap_or_default())
    }

    fn preferred(text: &str) -> Self {
        let mut best = (0, Self::English);
        for part in text.split(',').take(32) {
            let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
            let thousandths = weight.trim().parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0;
            let language = match tag.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
                Some("zh") => Self::Chinese,
                Some("en") => Self::English,
                _ => continue,
            };
            if thousandths > best.0 as f32 {
                best = (thousandths as u32, language);
            }
        }
        best.1
    }

    /// The language's tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heavier_of_the_two_wins_and_others_are_passed_over() {
        for (text, language) in [
            ("", Language::English),
            ("zh-CN", Language::Chinese),
            ("en-GB,zh;q=0.9", Language::English),
            ("fr, zh-Hans;q=0.5, en;q=0.4", Language::Chinese),
            ("zh;q=0", Language::English),
            ("zh;q=x, en;q=0.1", Language::English),
            ("*", Language::English),
            ("一,二", Language::English),
        ] {
            assert_eq!(Language::preferred(text), language, "{text}");
        }
    }
}
