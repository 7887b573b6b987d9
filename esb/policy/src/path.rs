//! Paths and hosts in one form (specification, section 5.2, rules 1 and 2).

use std::borrow::Cow;

/// Why a path cannot be routed: two programs would read it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousPath {
    /// It does not begin with a slash.
    #[error("the path does not begin with `/`")]
    Relative,
    /// `%2F` or `%5C`: a slash to some, a letter to others.
    #[error("the path holds an encoded slash or backslash")]
    EncodedSlash,
    /// `\`.
    #[error("the path holds a backslash")]
    Backslash,
    /// `%00` or a control character.
    #[error("the path holds a control character")]
    Control,
    /// `%` without two hexadecimal digits after it.
    #[error("the path holds a `%` that begins no escape")]
    Escape,
    /// `..` above the root.
    #[error("the path leaves the root")]
    AboveRoot,
}

/// Brings a path into the form routes are matched against (RFC 3986, sections 6.2.2.2 and 5.2.4):
/// escapes of unreserved characters decoded, other escapes in capitals, dot segments removed. Double
/// slashes and a slash at the end stay.
///
/// # Errors
/// [`AmbiguousPath`] when programs disagree on what it names.
pub fn normalise(path: &str) -> Result<Cow<'_, str>, AmbiguousPath> {
    if !path.starts_with('/') {
        return Err(AmbiguousPath::Relative);
    }
    let mut plain = true;
    for byte in path.bytes() {
        match byte {
            b'\\' => return Err(AmbiguousPath::Backslash),
            0..=31 | 127 => return Err(AmbiguousPath::Control),
            b'%' => plain = false,
            _ => {}
        }
    }
    let decoded = if plain {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(decoded(path)?)
    };
    if !decoded.contains("/.") {
        return Ok(decoded);
    }
    without_dots(&decoded).map(Cow::Owned)
}

fn decoded(path: &str) -> Result<String, AmbiguousPath> {
    let bytes = path.as_bytes();
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let start = bytes.len() - rest.len() + at;
        let digit = |n: usize| {
            bytes
                .get(start + n)
                .and_then(|byte| char::from(*byte).to_digit(16))
        };
        let (Some(high), Some(low)) = (digit(1), digit(2)) else {
            return Err(AmbiguousPath::Escape);
        };
        let byte = u8::try_from(high * 16 + low).unwrap_or_default();
        match byte {
            b'/' | b'\\' => return Err(AmbiguousPath::EncodedSlash),
            0..=31 | 127 => return Err(AmbiguousPath::Control),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    Ok(out)
}

fn without_dots(path: &str) -> Result<String, AmbiguousPath> {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path[1..].split('/').collect();
    let last = segments.len() - 1;
    for (n, segment) in segments.into_iter().enumerate() {
        match segment {
            "." | ".." => {
                if segment == ".." && kept.pop().is_none() {
                    return Err(AmbiguousPath::AboveRoot);
                }
                if n == last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    Ok(format!("/{}", kept.join("/")))
}

/// A host as hosts are compared: lower case, without port and last dot.
#[must_use]
pub fn host(text: &str) -> String {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => text.split(':').next().unwrap_or(text),
    };
    bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_of_plain_letters_and_dot_segments_go() {
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("/%61/%7eb", "/a/~b"),
            ("/a/./b/../c", "/a/c"),
            ("/a/b/..", "/a/"),
            ("/a//b/", "/a//b/"),
            ("/a%3ab", "/a%3Ab"),
            ("/a/%2e%2e/b", "/b"),
            ("/.hidden", "/.hidden"),
            ("/中", "/中"),
        ] {
            assert_eq!(normalise(path).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_programs_read_differently_is_refused() {
        for (path, why) in [
            ("a", AmbiguousPath::Relative),
            ("/a%2fb", AmbiguousPath::EncodedSlash),
            ("/a%5Cb", AmbiguousPath::EncodedSlash),
            ("/a\\b", AmbiguousPath::Backslash),
            ("/a%00", AmbiguousPath::Control),
            ("/a%", AmbiguousPath::Escape),
            ("/a%4", AmbiguousPath::Escape),
            ("/a%zz", AmbiguousPath::Escape),
            ("/a%中", AmbiguousPath::Escape),
            ("/../a", AmbiguousPath::AboveRoot),
            ("/a/%2e./..", AmbiguousPath::AboveRoot),
        ] {
            assert_eq!(normalise(path), Err(why), "{path}");
        }
    }

    #[test]
    fn hosts_lose_port_dot_and_capitals() {
        assert_eq!(host("Api.Example.:8080"), "api.example");
        assert_eq!(host("[::1]:80"), "::1");
    }

    proptest! {
        #[test]
        fn what_is_normal_stays(path in "/[a-z/.%0-9A-F~]{0,30}") {
            if let Ok(once) = normalise(&path) {
                prop_assert_eq!(normalise(&once), Ok(once.clone()));
            }
        }
    }
}
