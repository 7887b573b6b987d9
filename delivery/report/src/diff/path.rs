//! Paths in diff headers: prefixes and git's quoting.

use std::borrow::Cow;

/// A path as written after `---`, `+++` or `rename to`: quoted or up to the tab; bytes that are
/// not UTF-8 are replaced, as everywhere paths are shown.
///
/// # Errors
/// What is wrong with the quoting.
pub(super) fn unquote(written: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    let Some(rest) = written.strip_prefix(b"\"") else {
        let end = written
            .iter()
            .position(|byte| *byte == b'\t')
            .unwrap_or(written.len());
        return Ok(String::from_utf8_lossy(&written[..end]));
    };
    let (path, _) = quoted(rest)?;
    Ok(Cow::Owned(String::from_utf8_lossy(&path).into_owned()))
}

/// The bytes up to the closing quote, and what follows it.
fn quoted(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), &'static str> {
    let mut path = Vec::with_capacity(rest.len());
    loop {
        match rest {
            [] => return Err("the quoted path has no closing quote"),
            [b'"', after @ ..] => return Ok((path, after)),
            [
                b'\\',
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                after @ ..,
            ] => {
                path.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            [b'\\', letter, after @ ..] => {
                path.push(match letter {
                    b'a' => 0x07,
                    b'b' => 0x08,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 0x0B,
                    b'f' => 0x0C,
                    b'r' => b'\r',
                    b'"' | b'\\' => *letter,
                    _ => return Err("the quoted path has an unknown escape"),
                });
                rest = after;
            }
            [byte, after @ ..] => {
                path.push(*byte);
                rest = after;
            }
        }
    }
}

/// Both paths of a `diff --git` line, where they can be told apart: quoted, without spaces, or the
/// same on both sides.
pub(super) fn of_git_header(rest: &[u8]) -> Option<(String, String)> {
    if let Some(inner) = rest.strip_prefix(b"\"") {
        let (old, after) = quoted(inner).ok()?;
        let new = unquote(after.strip_prefix(b" ")?).ok()?.into_owned();
        return Some((String::from_utf8_lossy(&old).into_owned(), new));
    }
    if let Some(at) = rest.windows(2).position(|pair| pair == b" \"") {
        let new = unquote(&rest[at + 1..]).ok()?.into_owned();
        return Some((String::from_utf8_lossy(&rest[..at]).into_owned(), new));
    }
    let text = String::from_utf8_lossy(rest);
    let mut spaces = text.match_indices(' ').map(|(at, _)| at);
    let only = spaces.next().filter(|_| spaces.next().is_none());
    // `a/with space b/with space`: the middle one.
    let middle = Some(text.len() / 2).filter(|at| text.as_bytes().get(*at) == Some(&b' '));
    let at = only.or_else(|| {
        middle.filter(|at| {
            let (old, new) = strip_prefixes(&text[..*at], &text[*at + 1..]);
            old == new
        })
    })?;
    Some((text[..at].to_owned(), text[at + 1..].to_owned()))
}

/// Takes `a/` and `b/`, or git's mnemonic prefixes, off a pair of paths, if both have them.
pub(super) fn strip_prefixes<'p>(old: &'p str, new: &'p str) -> (&'p str, &'p str) {
    const PAIRS: [(&str, &str); 8] = [
        ("a/", "b/"),
        ("i/", "w/"),
        ("c/", "i/"),
        ("c/", "w/"),
        ("o/", "w/"),
        ("w/", "i/"),
        ("i/", "c/"),
        ("w/", "c/"),
    ];
    let null = "/dev/null";
    for (old_prefix, new_prefix) in PAIRS {
        match (old.strip_prefix(old_prefix), new.strip_prefix(new_prefix)) {
            (Some(old), Some(new)) => return (old, new),
            (Some(old), None) if new == null => return (old, new),
            (None, Some(new)) if old == null => return (old, new),
            _ => {}
        }
    }
    (old, new)
}

#[cfg(test)]
mod tests {
    use super::{of_git_header, strip_prefixes, unquote};

    #[test]
    fn a_quoted_path_is_unquoted_byte_by_byte() {
        let path = unquote(br#""b/\350\241\214\346\203\205 \"x\"\t.rs""#).unwrap();
        assert_eq!(path, "b/行情 \"x\"\t.rs");
        assert!(unquote(b"\"b/open").is_err());
        assert!(unquote(br#""b/\q""#).is_err());
    }

    #[test]
    fn a_path_with_a_space_ends_at_the_tab() {
        assert_eq!(unquote(b"b/two words.txt\t").unwrap(), "b/two words.txt");
    }

    #[test]
    fn the_git_header_gives_both_paths_where_it_can() {
        let pair = |text: &[u8]| of_git_header(text);
        assert_eq!(pair(b"a/x b/x"), Some(("a/x".into(), "b/x".into())));
        assert_eq!(pair(b"a/x y b/x y"), Some(("a/x y".into(), "b/x y".into())));
        assert_eq!(pair(b"\"a/\\t\" b/x"), Some(("a/\t".into(), "b/x".into())));
        assert_eq!(pair(b"a/x \"b/\\t\""), Some(("a/x".into(), "b/\t".into())));
        assert_eq!(pair(b"a/x y b/z"), None);
    }

    #[test]
    fn prefixes_go_only_in_pairs() {
        assert_eq!(strip_prefixes("a/x", "b/x"), ("x", "x"));
        assert_eq!(strip_prefixes("/dev/null", "b/x"), ("/dev/null", "x"));
        assert_eq!(strip_prefixes("a/x", "a/x"), ("a/x", "a/x"));
    }
}
