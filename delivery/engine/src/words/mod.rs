//! What the services say to people, in both languages.
//!
//! Journals, verdicts and evidence are written in one language, English, and are never rewritten.
//! A page shows them in its reader's language: the sentence is looked up in a catalogue of
//! phrases, which gives it a stable code, its parameters and its Chinese. What is in no catalogue
//! (words of a person, a tool or the operating system) stays as it is, under [`VERBATIM`].

mod config;
mod deployment;
mod gate;
mod job;
mod report;
mod terms;
mod verdict;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;

pub(crate) use config::config_error;
pub(crate) use verdict::with_texts;

/// The code of words that are not ours.
pub const VERBATIM: &str = "verbatim";
/// The code of several sentences in a row, parted by semicolons.
pub const SEQUENCE: &str = "sequence";

/// A sentence for people in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = DeliveryText)]
pub struct Text {
    /// What kind of sentence it is; stable for programs. [`VERBATIM`] when it is in no catalogue.
    pub code: String,
    /// Its parameters by name, as they stand in the English sentence.
    pub params: BTreeMap<String, String>,
    /// English, as recorded.
    pub en: String,
    /// Simplified Chinese; the English where the words are not ours.
    pub zh: String,
}

/// A phrase: code, English and Chinese. Parameters are `{name}` (any text), `{name:n}` (digits), `{name:s}`
/// (a size such as `512 MiB` or `20000 bytes`),
/// `{name:t}` (no white space), `{name:w}` (words of the field such as a state, parted by commas) or
/// `{name:m}` (a sentence that is looked up by itself).
type Phrase = (&'static str, &'static str, &'static str);

/// Longer texts are nobody's sentence.
const MAX_BYTES: usize = 8 << 10;
/// Sentences within sentences.
const MAX_DEPTH: u32 = 8;
/// Sentences in a row.
const MAX_SENTENCES: usize = 64;
/// Places tried for the parameters of one phrase.
const MAX_TRIES: u32 = 10_000;

impl Text {
    /// Looks a recorded sentence up.
    #[must_use]
    pub fn of(english: &str) -> Self {
        read(english, MAX_DEPTH).text
    }

    /// Looks up what may be absent; `None` for nothing and for an empty text.
    #[must_use]
    pub fn of_some(english: Option<&str>) -> Option<Self> {
        english.filter(|text| !text.is_empty()).map(Self::of)
    }

    /// Whether the catalogue knows the sentence.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.code != VERBATIM
    }

    fn verbatim(text: &str) -> Self {
        Self {
            code: VERBATIM.to_owned(),
            params: BTreeMap::new(),
            en: text.to_owned(),
            zh: text.to_owned(),
        }
    }
}

/// A sentence, and whether every sentence within it is known too.
struct Found {
    text: Text,
    whole: bool,
}

fn read(english: &str, depth: u32) -> Found {
    if depth == 0 || english.len() > MAX_BYTES {
        return foreign(english);
    }
    lookup(english, depth)
        .or_else(|| sequence(english, depth))
        .unwrap_or_else(|| foreign(english))
}

fn foreign(text: &str) -> Found {
    Found {
        text: Text::verbatim(text),
        whole: false,
    }
}

/// The sentence as one phrase of the catalogue.
fn lookup(english: &str, depth: u32) -> Option<Found> {
    CATALOGUE.iter().find_map(|entry| {
        let mut found = Vec::new();
        let mut tries = MAX_TRIES;
        entry
            .matches(&entry.parts, english, &mut found, &mut tries)
            .then(|| entry.text(english, &found, depth))
    })
}

/// Sentences parted by semicolons, of which the first is known.
fn sequence(english: &str, depth: u32) -> Option<Found> {
    let (first, mut rest) = head(english, depth)?;
    let mut sentences = vec![first];
    while sentences.len() < MAX_SENTENCES {
        let Some((next, after)) = head(rest, depth) else {
            break;
        };
        sentences.push(next);
        rest = after;
    }
    sentences.push(lookup(rest, depth).unwrap_or_else(|| foreign(rest)));
    let whole = sentences.iter().all(|one| one.whole);
    let chinese: Vec<&str> = sentences.iter().map(|one| one.text.zh.as_str()).collect();
    let zh = chinese.join("；");
    let numbered = sentences.into_iter().zip(1..);
    let text = Text {
        code: SEQUENCE.to_owned(),
        params: numbered
            .map(|(one, n)| (n.to_string(), one.text.en))
            .collect(),
        en: english.to_owned(),
        zh,
    };
    Some(Found { text, whole })
}

/// The known sentence before a semicolon, and what comes after it. A sentence may hold a semicolon
/// itself, so one that is known to its last word goes before one that only begins well.
fn head(english: &str, depth: u32) -> Option<(Found, &str)> {
    const PARTING: &str = "; ";
    let mut begins_well = None;
    for (at, _) in english.match_indices(PARTING).take(MAX_SENTENCES) {
        let Some(found) = lookup(&english[..at], depth) else {
            continue;
        };
        let after = &english[at + PARTING.len()..];
        if found.whole {
            return Some((found, after));
        }
        begins_well.get_or_insert((found, after));
    }
    begins_well
}

/// All phrases, those that say most first.
static CATALOGUE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let all = [
        gate::PHRASES,
        report::PHRASES,
        deployment::PHRASES,
        job::PHRASES,
        config::PHRASES,
    ];
    let mut entries: Vec<Entry> = all.concat().into_iter().map(Entry::new).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.weight()));
    entries
});

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Number,
    Size,
    Token,
    Terms,
    Message,
}

impl Kind {
    fn takes(self, text: &str) -> bool {
        !text.is_empty()
            && match self {
                Self::Any | Self::Terms | Self::Message => true,
                Self::Number => text.bytes().all(|b| b.is_ascii_digit()),
                Self::Size => size_in_chinese(text).is_some(),
                Self::Token => !text.contains(char::is_whitespace),
            }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Literal(&'static str),
    Parameter(&'static str, Kind),
}

/// A phrase taken apart.
#[derive(Debug)]
struct Entry {
    code: &'static str,
    parts: Vec<Part>,
    chinese: Vec<Part>,
}

impl Entry {
    fn new((code, english, chinese): Phrase) -> Self {
        Self {
            code,
            parts: parts(english),
            chinese: parts(chinese),
        }
    }

    /// Characters that must be there; narrower parameters break ties.
    fn weight(&self) -> (usize, usize) {
        let (mut literal, mut narrow) = (0, 0);
        for part in &self.parts {
            match part {
                Part::Literal(text) => literal += text.len(),
                Part::Parameter(_, Kind::Number | Kind::Size | Kind::Token) => narrow += 1,
                Part::Parameter(_, Kind::Any | Kind::Terms | Kind::Message) => {}
            }
        }
        (literal, narrow)
    }

    fn matches<'a>(
        &self,
        parts: &[Part],
        text: &'a str,
        found: &mut Vec<&'a str>,
        tries: &mut u32,
    ) -> bool {
        match parts {
            [] => text.is_empty(),
            [Part::Literal(literal), rest @ ..] => text
                .strip_prefix(literal)
                .is_some_and(|text| self.matches(rest, text, found, tries)),
            [Part::Parameter(_, kind)] => {
                found.push(text);
                kind.takes(text)
            }
            [Part::Parameter(_, kind), rest @ ..] => {
                let Some(Part::Literal(next)) = rest.first() else {
                    return false;
                };
                let known = found.len();
                for (at, _) in text.match_indices(next) {
                    *tries = tries.saturating_sub(1);
                    if *tries == 0 {
                        return false;
                    }
                    let value = &text[..at];
                    if !kind.takes(value) {
                        continue;
                    }
                    found.push(value);
                    if self.matches(rest, &text[at..], found, tries) {
                        return true;
                    }
                    found.truncate(known);
                }
                false
            }
        }
    }

    fn text(&self, english: &str, found: &[&str], depth: u32) -> Found {
        let mut whole = true;
        let mut params = BTreeMap::new();
        let mut shown: BTreeMap<&str, String> = BTreeMap::new();
        let parameters = self.parts.iter().filter_map(|part| match part {
            Part::Parameter(name, kind) => Some((*name, *kind)),
            Part::Literal(_) => None,
        });
        for ((name, kind), value) in parameters.zip(found) {
            params.insert(name.to_owned(), (*value).to_owned());
            let chinese = match kind {
                Kind::Message => {
                    let inner = read(value, depth - 1);
                    whole &= inner.whole;
                    inner.text.zh
                }
                Kind::Terms => terms::chinese(value),
                Kind::Size => size_in_chinese(value).unwrap_or_else(|| (*value).to_owned()),
                Kind::Any | Kind::Number | Kind::Token => (*value).to_owned(),
            };
            shown.insert(name, chinese);
        }
        let zh = self
            .chinese
            .iter()
            .map(|part| match part {
                Part::Literal(text) => *text,
                Part::Parameter(name, _) => shown.get(name).map_or("", String::as_str),
            })
            .collect();
        let text = Text {
            code: self.code.to_owned(),
            params,
            en: english.to_owned(),
            zh,
        };
        Found { text, whole }
    }
}

/// A size in Chinese: units stay, bytes get their word. A bare number is bytes: journals of earlier
/// versions say so. `None` for what is no size.
fn size_in_chinese(text: &str) -> Option<String> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, "bytes"));
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (digits(whole) && digits(tenths)).then_some(())?;
    match unit {
        "byte" | "bytes" => Some(format!("{number} 字节")),
        "KiB" | "MiB" | "GiB" => Some(text.to_owned()),
        _ => None,
    }
}

/// Takes a phrase apart. A brace that opens no parameter is a brace.
fn parts(phrase: &'static str) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut literal_from, mut at) = (0, 0);
    while let Some(open) = phrase[at..].find('{').map(|found| at + found) {
        let Some(close) = phrase[open..].find('}').map(|found| open + found) else {
            break;
        };
        let inside = &phrase[open + 1..close];
        let (name, kind) = match inside.split_once(':') {
            Some((name, "n")) => (name, Kind::Number),
            Some((name, "s")) => (name, Kind::Size),
            Some((name, "t")) => (name, Kind::Token),
            Some((name, "w")) => (name, Kind::Terms),
            Some((name, "m")) => (name, Kind::Message),
            _ => (inside, Kind::Any),
        };
        if literal_from < open {
            parts.push(Part::Literal(&phrase[literal_from..open]));
        }
        parts.push(Part::Parameter(name, kind));
        literal_from = close + 1;
        at = literal_from;
    }
    if literal_from < phrase.len() {
        parts.push(Part::Literal(&phrase[literal_from..]));
    }
    parts
}

#[cfg(test)]
mod tests;
