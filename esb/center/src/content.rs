//! Contents of configuration items: what type they are of, and whether they are of it.

use rialto_document::{Limits, read};
use serde::{Deserialize, Serialize};

use crate::Words;

/// Most bytes of a content.
pub const MOST_BYTES: usize = 512 * 1024;

/// What a content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// Any text.
    Text,
    /// JSON.
    Json,
    /// One YAML document.
    Yaml,
    /// Java properties.
    Properties,
}

impl ContentType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Text, Self::Json, Self::Yaml, Self::Properties];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Properties => "properties",
        }
    }

    /// The type of a name, `None` for one that is not checked here.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// What is wrong with a content, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {}", .words.en)]
pub struct ContentFault {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What.
    pub words: Words,
}

fn fault(line: usize, column: usize, en: String, zh: String) -> ContentFault {
    let words = Words { en, zh };
    ContentFault {
        line: line.max(1),
        column: column.max(1),
        words,
    }
}

/// Whether a content is of its type.
///
/// # Errors
/// The first [`ContentFault`].
pub fn check(kind: ContentType, content: &str) -> Result<(), ContentFault> {
    if content.len() > MOST_BYTES {
        let (en, zh) = (
            format!(
                "the content has {} bytes, at most {MOST_BYTES} are held",
                content.len()
            ),
            format!("内容共 {} 字节，最多 {MOST_BYTES} 字节", content.len()),
        );
        return Err(fault(1, 1, en, zh));
    }
    if let Some(at) = content.find('\0') {
        let line = content[..at].matches('\n').count() + 1;
        let en = "a NUL character is no text".to_owned();
        return Err(fault(line, 1, en, "内容不能包含空字符".to_owned()));
    }
    match kind {
        ContentType::Text => Ok(()),
        ContentType::Json => json(content),
        ContentType::Yaml => yaml(content),
        ContentType::Properties => properties(content),
    }
}

fn json(content: &str) -> Result<(), ContentFault> {
    serde_json::from_str::<serde::de::IgnoredAny>(content).map_err(|error| {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or(&text);
        let en = format!("this is not JSON: {reason}");
        fault(
            error.line(),
            error.column(),
            en,
            "此处不是合法的 JSON".to_owned(),
        )
    })?;
    // A name that stands twice is found by the reader of documents.
    yaml(content)
}

fn yaml(content: &str) -> Result<(), ContentFault> {
    let limits = Limits {
        bytes: MOST_BYTES,
        nodes: 200_000,
        ..Limits::default()
    };
    read(content, &limits).map(drop).map_err(|error| {
        let place = error.place;
        fault(
            usize::try_from(place.line).unwrap_or(1),
            usize::try_from(place.column).unwrap_or(1),
            error.fault.to_string(),
            error.fault.zh(),
        )
    })
}

/// Where the name of a logical line ends: at the first `=`, `:` or blank without a `\` before it.
fn name_of(line: &str) -> &str {
    let mut escaped = false;
    for (at, letter) in line.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' | ':' | ' ' | '\t' => return &line[..at],
            _ => {}
        }
    }
    line
}

/// Whether a line goes on in the next one: it ends with an odd number of `\`.
fn goes_on(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// A `\u` of a line that is not followed by four hexadecimal digits, its column from 1.
fn broken_escape(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        if bytes.get(at + 1) == Some(&b'u') {
            let digits = bytes.get(at + 2..at + 6).unwrap_or_default();
            if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                return Some(line[..at].chars().count() + 1);
            }
        }
        at += 2;
    }
    None
}

fn properties(content: &str) -> Result<(), ContentFault> {
    let mut seen = std::collections::BTreeMap::new();
    let mut lines = content.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let text = line.trim_start();
        if text.is_empty() || text.starts_with(['#', '!']) {
            continue;
        }
        let first = number + 1;
        let mut logical = text.to_owned();
        while goes_on(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(next.trim_start());
        }
        let name = name_of(&logical);
        if name.is_empty() {
            let en = "a line of properties begins with a name".to_owned();
            return Err(fault(first, 1, en, "配置行必须以键开头".to_owned()));
        }
        if let Some(column) = broken_escape(&logical) {
            let en = "`\\u` is followed by four hexadecimal digits".to_owned();
            return Err(fault(
                first,
                column,
                en,
                "“\\u”之后必须是四位十六进制数字".to_owned(),
            ));
        }
        if let Some(before) = seen.insert(name.to_owned(), first) {
            let (en, zh) = (
                format!("`{name}` is set in line {before} already; keep one of them"),
                format!("“{name}”已在第 {before} 行设置，请只保留一个"),
            );
            return Err(fault(first, 1, en, zh));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: ContentType, content: &str) -> String {
        check(kind, content).map_or_else(|fault| fault.to_string(), |()| "fine".into())
    }

    #[test]
    fn json_is_told_with_its_place() {
        assert_eq!(told(ContentType::Json, "{\"a\": [1, 2.50]}"), "fine");
        assert_eq!(
            told(ContentType::Json, "{\n  \"a\": 1,\n}"),
            "line 3, column 1: this is not JSON: key must be a string"
        );
        assert!(told(ContentType::Json, "a: 1").starts_with("line 1, column 1"));
        let twice = told(ContentType::Json, "{\"a\": 1, \"a\": 2}");
        assert!(twice.contains("/a: given twice"), "{twice}");
    }

    #[test]
    fn yaml_is_one_document_without_names_given_twice() {
        assert_eq!(told(ContentType::Yaml, "a:\n  - 1\n  - b: x\n"), "fine");
        assert!(told(ContentType::Yaml, "a: 1\na: 2\n").starts_with("line 2"));
        assert!(told(ContentType::Yaml, "a: [1\n").starts_with("line "));
        assert!(told(ContentType::Yaml, "a: 1\n---\nb: 1\n").contains("second document"));
    }

    #[test]
    fn properties_have_a_name_once_and_whole_escapes() {
        let good = "# note\n! note\n\na=1\nb : 2\nc\\=d = 3 \\\n   goes on = here\ne\nf=\\u4ef7\n";
        assert_eq!(told(ContentType::Properties, good), "fine");
        assert_eq!(
            told(ContentType::Properties, "a=1\n\na:2\n"),
            "line 3, column 1: `a` is set in line 1 already; keep one of them"
        );
        assert_eq!(
            told(ContentType::Properties, "a=\\u12\n"),
            "line 1, column 3: `\\u` is followed by four hexadecimal digits"
        );
        assert_eq!(told(ContentType::Properties, "a=\\\\u12\n"), "fine");
        assert!(told(ContentType::Properties, "=1").contains("begins with a name"));
    }

    #[test]
    fn a_text_is_anything_but_too_long_or_with_a_nul() {
        assert_eq!(told(ContentType::Text, "{"), "fine");
        assert!(told(ContentType::Text, &"x".repeat(MOST_BYTES + 1)).contains("at most"));
        assert!(told(ContentType::Text, "a\nb\0").starts_with("line 2"));
    }
}
