//! Regular expressions with RE2's meaning, run by the `regex` crate (linear time as well).

use regex::{Regex, RegexBuilder};

/// Largest compiled expression, so that `(a{1000}){1000}` is refused and not built.
const SIZE_LIMIT: usize = 1 << 20;

/// Compiles the text between the slashes with the flags behind them (`i`, `s`, `m`, `U`).
///
/// # Errors
/// What is wrong with the expression, in one line.
pub fn compile(source: &str, flags: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(&translate(source));
    builder.size_limit(SIZE_LIMIT);
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            's' => builder.dot_matches_new_line(true),
            'm' => builder.multi_line(true),
            'U' => builder.swap_greed(true),
            other => return Err(format!("`{other}` is not a flag; i, s, m and U are")),
        };
    }
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the expression is too large".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            let reason = last.strip_prefix("error: ").unwrap_or(last).to_owned();
            if source.contains("(?=") || source.contains("(?!") || source.contains("(?<") {
                format!("{reason} (RE2 has no look-around)")
            } else {
                reason
            }
        }
    })
}

/// Splits `/source/flags` as it stands in a variable's value. `None`: not an expression.
#[must_use]
pub fn split_slashes(text: &str) -> Option<(&str, &str)> {
    let (source, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    flags
        .chars()
        .all(|c| "ismU".contains(c))
        .then_some((source, flags))
}

/// RE2 reads `\d`, `\w`, `\s`, `\b` as ASCII, knows no set operations in brackets, takes a brace
/// that is no counter literally and has `\Q…\E`; the `regex` crate differs in each.
fn translate(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 8);
    let mut rest = source;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = after;
        match c {
            '\\' => rest = escape(&mut out, after, in_class),
            '[' if in_class => match posix_class(after) {
                Some(length) => {
                    out.push('[');
                    out.push_str(&after[..length]);
                    rest = &after[length..];
                }
                None => out.push_str("\\["),
            },
            '[' => {
                in_class = true;
                out.push('[');
                for lead in ['^', ']'] {
                    if let Some(tail) = rest.strip_prefix(lead) {
                        rest = tail;
                        out.push_str(if lead == ']' { "\\]" } else { "^" });
                    }
                }
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            '-' if in_class && after.starts_with('-') => out.push_str("\\-"),
            '{' if !in_class && !is_counter(after) => out.push_str("\\{"),
            _ => out.push(c),
        }
    }
    out
}

fn escape<'a>(out: &mut String, after: &'a str, in_class: bool) -> &'a str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    let brackets = |out: &mut String, set: &str| {
        let (open, close) = if in_class { ("", "") } else { ("[", "]") };
        out.push_str(open);
        out.push_str(set);
        out.push_str(close);
    };
    match c {
        'd' => brackets(out, "0-9"),
        'w' => brackets(out, "0-9A-Za-z_"),
        's' => brackets(out, "\\t\\n\\x0c\\r "),
        'D' => out.push_str("[^0-9]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'S' => out.push_str("[^\\t\\n\\x0c\\r ]"),
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        'B' if !in_class => out.push_str("(?-u:\\B)"),
        'Q' => {
            let (literal, tail) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(literal));
            return tail;
        }
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
    rest
}

/// Length of `:name:]` after the inner bracket.
fn posix_class(after: &str) -> Option<usize> {
    let body = after.strip_prefix(':')?;
    let end = body.find(":]")?;
    let name = &body[..end];
    let ok = name
        .trim_start_matches('^')
        .chars()
        .all(|c| c.is_ascii_lowercase());
    (ok && !name.is_empty()).then_some(end + 3)
}

/// Whether `after` goes on as `n}`, `n,}` or `n,m}`.
fn is_counter(after: &str) -> bool {
    let Some((body, _)) = after.split_once('}') else {
        return false;
    };
    let (low, high) = body.split_once(',').unwrap_or((body, ""));
    !low.is_empty() && low.bytes().chain(high.bytes()).all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii_as_in_re2() {
        assert!(!compile(r"^\d$", "").unwrap().is_match("٣"));
        assert!(compile(r"^[\d.]+$", "").unwrap().is_match("1.2"));
        assert!(!compile(r"^\w$", "").unwrap().is_match("é"));
    }

    #[test]
    fn set_operations_are_plain_characters() {
        let and = compile("^[a&&b]$", "").unwrap();
        assert!(and.is_match("a") && and.is_match("&"));
        assert!(compile("^[[a]$", "").unwrap().is_match("["));
        assert!(compile("^[]a]$", "").unwrap().is_match("]"));
        assert!(compile("^[[:alpha:]]$", "").unwrap().is_match("q"));
        assert!(compile("^a{b}$", "").unwrap().is_match("a{b}"));
        assert!(compile(r"^\Qa.b\E$", "").unwrap().is_match("a.b"));
    }

    #[test]
    fn look_around_is_refused_with_the_reason() {
        let error = compile("(?!x)y", "").unwrap_err();
        assert!(error.contains("look-around"), "{error}");
        assert!(compile("(((a{100}){100}){100}){100}", "").is_err());
    }
}
