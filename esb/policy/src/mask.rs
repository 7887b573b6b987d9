//! Masking labels (脱敏标签; specification, section 7). Levels follow JR/T 0158 classes 1 to 4.

/// How a value is shown to those who may not see it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// As it is.
    Clear,
    /// So many letters at both ends, stars between.
    Ends {
        /// Letters kept in front.
        left: usize,
        /// Letters kept at the end.
        right: usize,
    },
    /// The first letter and what follows the `@`.
    Email,
    /// Three stars.
    Hidden,
    /// Not there at all.
    Removed,
    /// Text in which numbers of people are looked for and masked.
    FreeText,
}

/// A label: its level and its mask.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Label {
    /// Its name, as definitions write it.
    pub name: String,
    /// From 1, open, to 4, secret.
    pub level: u8,
    /// How it is shown.
    pub mask: Mask,
}

/// The level of a field without a label.
pub const UNLABELLED_LEVEL: u8 = 3;

/// The labels every house begins with.
#[must_use]
pub fn catalogue() -> Vec<Label> {
    let ends = |left, right| Mask::Ends { left, right };
    [
        ("none", 1, Mask::Clear),
        ("name", 2, ends(1, 0)),
        ("id_card", 3, ends(3, 4)),
        ("mobile", 2, ends(3, 4)),
        ("bank_card", 3, ends(6, 4)),
        ("sec_account", 3, ends(0, 4)),
        ("fund_account", 3, ends(0, 4)),
        ("email", 2, Mask::Email),
        ("address", 2, ends(6, 0)),
        ("amount", 3, Mask::Hidden),
        ("position", 3, Mask::Hidden),
        ("secret", 4, Mask::Removed),
        ("free_text", 2, Mask::FreeText),
    ]
    .into_iter()
    .map(|(name, level, mask)| Label {
        name: name.to_owned(),
        level,
        mask,
    })
    .collect()
}

impl Mask {
    /// A text under the mask; `None` when it is not to be there at all.
    #[must_use]
    pub fn apply(&self, text: &str) -> Option<String> {
        Some(match self {
            Self::Clear => text.to_owned(),
            Self::Removed => return None,
            Self::Hidden => "***".to_owned(),
            Self::Ends { left, right } => ends(text, *left, *right),
            Self::Email => match text.split_once('@') {
                Some((name, domain)) => format!("{}@{domain}", ends(name, 1, 0)),
                None => ends(text, 1, 0),
            },
            Self::FreeText => scanned(text),
        })
    }
}

/// Keeps letters at both ends. A text so short that nothing would be hidden is hidden whole.
fn ends(text: &str, left: usize, right: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= left + right {
        return "*".repeat(letters.len());
    }
    let hidden = letters.len() - left - right;
    let mut out: String = letters[..left].iter().collect();
    out.push_str(&"*".repeat(hidden));
    out.extend(&letters[left + hidden..]);
    out
}

/// Masks identity numbers, mobile numbers and card numbers in a text.
fn scanned(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for letter in text.chars().chain(['\0']) {
        let part = letter.is_ascii_digit() || (matches!(letter, 'x' | 'X') && run.len() == 17);
        if part {
            run.push(letter);
            continue;
        }
        if !run.is_empty() {
            out.push_str(&number(&run));
            run.clear();
        }
        if letter != '\0' {
            out.push(letter);
        }
    }
    out
}

fn number(digits: &str) -> String {
    let mobile = digits.len() == 11 && digits.starts_with('1') && !digits.starts_with("10");
    if mobile || is_identity(digits) {
        ends(digits, 3, 4)
    } else if (13..=19).contains(&digits.len()) && is_card(digits) {
        ends(digits, 6, 4)
    } else {
        digits.to_owned()
    }
}

/// The check digit of a resident identity number (GB 11643-1999, ISO 7064 MOD 11-2).
fn is_identity(digits: &str) -> bool {
    let values = digits.chars().map(|letter| match letter {
        'x' | 'X' => Some(10),
        _ => letter.to_digit(10),
    });
    let Some(values) = values
        .collect::<Option<Vec<u32>>>()
        .filter(|values| values.len() == 18)
    else {
        return false;
    };
    let weights = (0..18).map(|n| (1..=17 - n).fold(1, |weight, _| weight * 2 % 11));
    values
        .iter()
        .zip(weights)
        .map(|(value, weight)| value * weight)
        .sum::<u32>()
        % 11
        == 1
}

/// The check digit of a card number (ISO/IEC 7812-1, annex B).
fn is_card(digits: &str) -> bool {
    let values = digits
        .chars()
        .rev()
        .filter_map(|letter| letter.to_digit(10));
    let sum: u32 = values
        .enumerate()
        .map(|(n, digit)| match (n % 2, digit * 2) {
            (0, _) => digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(label: &str, text: &str) -> Option<String> {
        let label = catalogue().into_iter().find(|one| one.name == label);
        label.expect("a label").mask.apply(text)
    }

    #[test]
    fn labels_show_what_they_promise() {
        for (label, text, expected) in [
            ("none", "abc", Some("abc")),
            ("name", "欧阳修", Some("欧**")),
            ("id_card", "11010519491231002X", Some("110***********002X")),
            ("mobile", "13800138000", Some("138****8000")),
            ("bank_card", "6222020200112230", Some("622202******2230")),
            ("sec_account", "A123456789", Some("******6789")),
            ("email", "wang@example.com", Some("w***@example.com")),
            ("amount", "12.5", Some("***")),
            ("secret", "s3cret", None),
        ] {
            assert_eq!(shown(label, text).as_deref(), expected, "{label}");
        }
    }

    #[test]
    fn texts_too_short_to_hide_anything_are_hidden_whole() {
        assert_eq!(shown("mobile", "1380013").as_deref(), Some("*******"));
        assert_eq!(shown("name", "王").as_deref(), Some("*"));
    }

    #[test]
    fn free_text_loses_numbers_of_people_only() {
        let text = "客户 11010519491231002X，电话13800138000，卡号 6222020200112230，单号 20261122000017，共 100 股";
        let expected = "客户 110***********002X，电话138****8000，卡号 622202******2230，单号 20261122000017，共 100 股";
        assert_eq!(shown("free_text", text).as_deref(), Some(expected));
    }

    proptest! {
        #[test]
        fn a_mask_never_shows_more_than_it_keeps(text in "\\PC{0,30}", left in 0_usize..8, right in 0_usize..8) {
            let masked = Mask::Ends { left, right }.apply(&text).expect("shown");
            prop_assert_eq!(masked.chars().count(), text.chars().count());
            let kept = text.chars().zip(masked.chars()).filter(|(a, b)| a == b && *b != '*').count();
            prop_assert!(kept <= left + right);
        }
    }
}
