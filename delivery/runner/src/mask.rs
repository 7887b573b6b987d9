//! Keeps secrets out of a byte stream: a streaming multi-pattern search that works across chunk
//! borders and replaces every occurrence by `[MASKED]` before the bytes go anywhere.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// What a secret is replaced by.
pub const MASK: &[u8] = b"[MASKED]";

/// Secrets shorter than this are not masked: replacing them would tear ordinary text apart.
pub const MIN_SECRET_BYTES: usize = 8;

/// A streaming masker. Feed it chunks with [`Masker::push`], end with [`Masker::finish`].
///
/// At the leftmost place where a secret begins, the longest one wins. Bytes at the end of a chunk
/// that may be the beginning of a secret are held back until the next chunk decides.
#[derive(Debug)]
pub struct Masker {
    search: Option<AhoCorasick>,
    /// Sorted, for the "may this tail become a secret" question.
    patterns: Vec<Vec<u8>>,
    first_bytes: [bool; 256],
    longest: usize,
    pending: Vec<u8>,
}

impl Masker {
    /// A masker for these secrets and their base64, percent- and JSON-escaped forms. A secret of
    /// several lines is masked line by line as well. Anything shorter than
    /// [`MIN_SECRET_BYTES`] is left alone.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut patterns: Vec<Vec<u8>> = secrets.into_iter().flat_map(forms).collect();
        patterns.sort_unstable();
        patterns.dedup();
        let mut first_bytes = [false; 256];
        for pattern in &patterns {
            first_bytes[usize::from(pattern[0])] = true;
        }
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        let search = (!patterns.is_empty()).then(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&patterns)
                .expect("a few kilobytes of patterns are far below the automaton's limits")
        });
        Self {
            search,
            patterns,
            first_bytes,
            longest,
            pending: Vec::new(),
        }
    }

    /// Adds a chunk; bytes that are decided are appended to `out`.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.search.is_none() {
            out.extend_from_slice(chunk);
            return;
        }
        let mut buffer = std::mem::take(&mut self.pending);
        buffer.extend_from_slice(chunk);
        let kept_from = self.emit(&buffer, false, out);
        buffer.drain(..kept_from);
        self.pending = buffer;
    }

    /// No more bytes come: decides what was held back.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let buffer = std::mem::take(&mut self.pending);
        self.emit(&buffer, true, out);
    }

    /// Masks a whole text at once, independent of the stream.
    #[must_use]
    pub fn mask(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        self.emit(text, true, &mut out);
        out
    }

    /// Writes the decided part of `buffer` and returns where the undecided part begins.
    fn emit(&self, buffer: &[u8], last: bool, out: &mut Vec<u8>) -> usize {
        let Some(search) = &self.search else {
            out.extend_from_slice(buffer);
            return buffer.len();
        };
        let mut cursor = 0;
        let mut hold = if last {
            buffer.len()
        } else {
            self.first_hold(buffer, cursor)
        };
        while cursor < hold {
            let Some(found) = search.find(&buffer[cursor..]) else {
                break;
            };
            let (start, end) = (cursor + found.start(), cursor + found.end());
            if start >= hold {
                break;
            }
            out.extend_from_slice(&buffer[cursor..start]);
            out.extend_from_slice(MASK);
            cursor = end;
            if hold < cursor {
                hold = self.first_hold(buffer, cursor);
            }
        }
        if cursor < hold {
            out.extend_from_slice(&buffer[cursor..hold]);
            cursor = hold;
        }
        cursor
    }

    /// The first position from `from` on whose rest is a proper beginning of a secret.
    fn first_hold(&self, buffer: &[u8], from: usize) -> usize {
        let begin = from.max(buffer.len().saturating_sub(self.longest.saturating_sub(1)));
        (begin..buffer.len())
            .find(|&at| {
                let tail = &buffer[at..];
                self.first_bytes[usize::from(tail[0])] && self.begins_a_pattern(tail)
            })
            .unwrap_or(buffer.len())
    }

    fn begins_a_pattern(&self, tail: &[u8]) -> bool {
        // Patterns that begin with `tail` and are longer stand right behind it in sort order.
        let at = self.patterns.partition_point(|p| p.as_slice() <= tail);
        self.patterns.get(at).is_some_and(|p| p.starts_with(tail))
    }
}

/// The secret and every form in which tools usually print it.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut add = |text: &[u8]| {
        if text.len() >= MIN_SECRET_BYTES {
            all.push(text.to_vec());
        }
    };
    let lines = secret.lines().filter(|_| secret.contains('\n'));
    for part in std::iter::once(secret).chain(lines) {
        if part.len() < MIN_SECRET_BYTES {
            continue;
        }
        add(part.as_bytes());
        for engine in [STANDARD, URL_SAFE] {
            let whole = engine.encode(part);
            add(whole.as_bytes());
            add(whole.trim_end_matches('=').as_bytes());
            for shift in 0..3 {
                add(shifted_base64(&engine, part.as_bytes(), shift).as_bytes());
            }
        }
        add(percent(part, false).as_bytes());
        add(percent(part, true).as_bytes());
        if let Ok(json) = serde_json::to_string(part) {
            let inner = json
                .strip_prefix('"')
                .and_then(|j| j.strip_suffix('"'))
                .unwrap_or_default();
            add(inner.as_bytes());
            add(inner.replace('/', "\\/").as_bytes());
        }
    }
    all
}

/// The characters of the base64 text that depend on the secret alone when `shift` unknown bytes
/// stand before it, as in `user:secret` of an HTTP Basic header.
fn shifted_base64(engine: &impl base64::Engine, secret: &[u8], shift: usize) -> String {
    let mut bytes = vec![0_u8; shift];
    bytes.extend_from_slice(secret);
    let known = bytes.len() / 3 * 3;
    let text = engine.encode(&bytes[..known]);
    let skip = match shift {
        0 => 0,
        1 => 2,
        _ => 3,
    };
    text.get(skip..).unwrap_or_default().to_owned()
}

fn percent(text: &str, lower: bool) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else if lower {
            let _ = write!(out, "%{byte:02x}");
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(masker: &mut Masker, chunks: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in chunks {
            masker.push(chunk, &mut out);
        }
        masker.finish(&mut out);
        out
    }

    #[test]
    fn a_secret_split_over_chunks_is_masked() {
        let mut masker = Masker::new(["s3cr3t-token"]);
        assert_eq!(
            stream(&mut masker, &[b"a s3c", b"r3t-", b"token b"]),
            b"a [MASKED] b"
        );
    }

    #[test]
    fn the_longest_secret_wins() {
        let mut masker = Masker::new(["password", "password-two"]);
        assert_eq!(
            stream(&mut masker, &[b"password-t", b"wo password-x"]),
            b"[MASKED] [MASKED]-x"
        );
    }

    #[test]
    fn ordinary_text_is_not_held_back() {
        let mut masker = Masker::new(["s3cr3t-token"]);
        let mut out = Vec::new();
        masker.push(b"compiling\n", &mut out);
        assert_eq!(out, b"compiling\n");
    }

    #[test]
    fn encoded_forms_are_masked() {
        let secret = "p@ss w/rd\"9";
        let mut masker = Masker::new([secret]);
        let basic = STANDARD.encode(format!("user:{secret}"));
        let text = format!(
            "{} {} p%40ss%20w%2Frd%229 p%40ss%20w%2frd%229 {}",
            STANDARD.encode(secret),
            basic,
            "p@ss w/rd\\\"9",
        );
        let out = String::from_utf8(stream(&mut masker, &[text.as_bytes()])).unwrap();
        assert!(out.starts_with("[MASKED] "), "{out}");
        assert!(out.ends_with("[MASKED] [MASKED] [MASKED]"), "{out}");
        assert!(!out.contains(&basic[8..basic.len() - 4]), "{out}");
    }

    #[test]
    fn each_line_of_a_long_secret_is_masked() {
        let mut masker = Masker::new(["first-line-of-key\nsecond-line-of-key"]);
        let out = stream(&mut masker, &[b"x second-line-of-key y"]);
        assert_eq!(out, b"x [MASKED] y");
    }

    #[test]
    fn a_short_value_is_left_alone() {
        let mut masker = Masker::new(["true"]);
        assert_eq!(stream(&mut masker, &[b"true"]), b"true");
    }

    proptest! {
        #[test]
        fn chunking_never_changes_the_result(
            secrets in proptest::collection::vec("[ab]{8,12}", 0..4),
            text in "[abc]{0,200}",
            cuts in proptest::collection::vec(0_usize..200, 0..12),
        ) {
            let mut masker = Masker::new(secrets.iter().map(String::as_str));
            let whole = masker.mask(text.as_bytes());
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|c| *c < text.len()).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            chunks.push(&text.as_bytes()[from..]);
            let streamed = stream(&mut masker, &chunks);
            prop_assert_eq!(&streamed, &whole);
            for secret in &secrets {
                prop_assert!(!String::from_utf8_lossy(&streamed).contains(secret.as_str()));
            }
        }
    }
}
