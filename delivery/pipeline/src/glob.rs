//! Path patterns: `rules:changes` and `rules:exists` match like Ruby's `File.fnmatch?` with
//! `PATHNAME | DOTMATCH | EXTGLOB`, artifacts and caches like the runner's doublestar.

/// How `**` at the end is read; everything else is common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `dir/**` means `dir/*`; only `**/` spans folders.
    Fnmatch,
    /// `dir/**` matches everything below `dir`, and `dir` itself.
    Doublestar,
}

/// Most alternatives that `{a,b}` groups of one pattern may multiply to.
const MAX_ALTERNATIVES: usize = 1_000;

/// A compiled pattern. `*` and `?` never match `/`, and do match a leading point; `**/` matches
/// any number of folders, none included; `[a-z]`, `[^a]`, `{a,b}` and `\` work as in a shell.
#[derive(Debug, Clone)]
pub struct Glob {
    alternatives: Vec<Vec<Segment>>,
}

#[derive(Debug, Clone)]
enum Segment {
    /// `**/`: any number of folders.
    Folders,
    /// Trailing `**` of [`Dialect::Doublestar`].
    Rest,
    Literal(String),
    Wild(Vec<Token>),
}

#[derive(Debug, Clone)]
enum Token {
    Char(char),
    One,
    Many,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// An unclosed bracket: matches nothing.
    Never,
}

impl Glob {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// When its `{…}` groups multiply to more than 1,000 alternatives.
    pub fn new(pattern: &str, dialect: Dialect) -> Result<Self, String> {
        let alternatives = alternatives(pattern)?
            .iter()
            .map(|alternative| segments(alternative, dialect))
            .collect();
        Ok(Self { alternatives })
    }

    /// Whether a path, written with `/` and without a leading one, matches as a whole.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        if let [one] = self.alternatives.as_slice()
            && let [Segment::Literal(name)] = one.as_slice()
        {
            return name == path;
        }
        let parts: Vec<&str> = path.split('/').collect();
        self.alternatives
            .iter()
            .any(|segments| matches_segments(segments, &parts))
    }
}

/// Two rows of reachability, one per pattern segment: no backtracking between segments.
fn matches_segments(segments: &[Segment], parts: &[&str]) -> bool {
    let mut reach = vec![false; parts.len() + 1];
    reach[0] = true;
    for segment in segments {
        let mut next = vec![false; parts.len() + 1];
        let mut any = false;
        for at in 0..=parts.len() {
            if !reach[at] {
                continue;
            }
            match segment {
                // `**/` leaves at least one part to what follows.
                Segment::Folders => next[at..parts.len()].fill(true),
                Segment::Rest => next[at..].fill(true),
                Segment::Literal(name) => {
                    if parts.get(at).is_some_and(|part| part == name) {
                        next[at + 1] = true;
                    }
                }
                Segment::Wild(tokens) => {
                    if parts.get(at).is_some_and(|part| matches_part(tokens, part)) {
                        next[at + 1] = true;
                    }
                }
            }
            any = true;
            if matches!(segment, Segment::Folders | Segment::Rest) {
                break; // the first reachable part already reaches all later ones
            }
        }
        if !any {
            return false;
        }
        reach = next;
    }
    reach[parts.len()]
}

/// Greedy match with one point of return: the last `*`.
fn matches_part(tokens: &[Token], part: &str) -> bool {
    let chars: Vec<char> = part.chars().collect();
    let (mut token, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < chars.len() {
        match tokens.get(token) {
            Some(Token::Many) => {
                star = Some((token, at));
                token += 1;
                continue;
            }
            Some(single) if matches_char(single, chars[at]) => {
                token += 1;
                at += 1;
                continue;
            }
            _ => {}
        }
        let Some((star_token, star_at)) = star else {
            return false;
        };
        star = Some((star_token, star_at + 1));
        token = star_token + 1;
        at = star_at + 1;
    }
    tokens[token..]
        .iter()
        .all(|token| matches!(token, Token::Many))
}

fn matches_char(token: &Token, c: char) -> bool {
    match token {
        Token::Char(want) => *want == c,
        Token::One => true,
        Token::Set { negated, ranges } => {
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
        }
        Token::Many | Token::Never => false,
    }
}

/// Splits one alternative at its slashes.
fn segments(pattern: &str, dialect: Dialect) -> Vec<Segment> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let last = parts.len() - 1;
    let mut out = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        out.push(match *part {
            "**" if at < last => Segment::Folders,
            "**" if dialect == Dialect::Doublestar => Segment::Rest,
            part if !part.contains(['*', '?', '[', '\\']) => Segment::Literal(part.to_owned()),
            part => Segment::Wild(tokens(part)),
        });
    }
    out
}

fn tokens(part: &str) -> Vec<Token> {
    let chars: Vec<char> = part.chars().collect();
    let mut out = Vec::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '*' => {
                if !matches!(out.last(), Some(Token::Many)) {
                    out.push(Token::Many);
                }
            }
            '?' => out.push(Token::One),
            '\\' if at + 1 < chars.len() => {
                at += 1;
                out.push(Token::Char(chars[at]));
            }
            '[' => match set(&chars, at + 1) {
                Some((token, end)) => {
                    out.push(token);
                    at = end;
                }
                None => {
                    out.push(Token::Never);
                    break;
                }
            },
            c => out.push(Token::Char(c)),
        }
        at += 1;
    }
    out
}

/// A bracket set from behind its `[`; gives the index of its `]`.
fn set(chars: &[char], start: usize) -> Option<(Token, usize)> {
    let mut at = start;
    let negated = matches!(chars.get(at), Some('^' | '!'));
    if negated {
        at += 1;
    }
    let mut ranges = Vec::new();
    loop {
        let low = match *chars.get(at)? {
            ']' => return Some((Token::Set { negated, ranges }, at)),
            '\\' => {
                at += 1;
                *chars.get(at)?
            }
            c => c,
        };
        at += 1;
        let mut high = low;
        if chars.get(at) == Some(&'-') && chars.get(at + 1).is_some_and(|c| *c != ']') {
            at += 1;
            if chars[at] == '\\' {
                at += 1;
            }
            high = *chars.get(at)?;
            at += 1;
        }
        ranges.push((low, high));
    }
}

/// Multiplies out `{a,b}`; an unclosed brace is a plain character.
fn alternatives(pattern: &str) -> Result<Vec<String>, String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(current) = open.pop() {
        let Some((start, end, commas)) = first_group(&current) else {
            done.push(current);
            if done.len() > MAX_ALTERNATIVES {
                return Err(too_many());
            }
            continue;
        };
        let mut from = start + 1;
        for to in commas.into_iter().chain([end]) {
            let mut next = String::with_capacity(current.len());
            next.push_str(&current[..start]);
            next.push_str(&current[from..to]);
            next.push_str(&current[end + 1..]);
            open.push(next);
            from = to + 1;
        }
        if open.len() > MAX_ALTERNATIVES {
            return Err(too_many());
        }
    }
    Ok(done)
}

fn too_many() -> String {
    format!("the groups in braces stand for more than {MAX_ALTERNATIVES} patterns")
}

/// First closed `{…}`: its start, its end, and the commas of its own level.
fn first_group(text: &str) -> Option<(usize, usize, Vec<usize>)> {
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        match bytes[start] {
            b'\\' => start += 1,
            b'{' => {
                let (mut depth, mut commas, mut at) = (0_usize, Vec::new(), start);
                while at < bytes.len() {
                    match bytes[at] {
                        b'\\' => at += 1,
                        b'{' => depth += 1,
                        b'}' if depth == 1 => return Some((start, at, commas)),
                        b'}' => depth -= 1,
                        b',' if depth == 1 => commas.push(at),
                        _ => {}
                    }
                    at += 1;
                }
                return None;
            }
            _ => {}
        }
        start += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fnmatch(pattern: &str, path: &str) -> bool {
        Glob::new(pattern, Dialect::Fnmatch).unwrap().matches(path)
    }

    #[test]
    fn patterns_match_like_fnmatch_with_pathname_dotmatch_extglob() {
        for (pattern, path, expected) in [
            ("*.rs", "a.rs", true),
            ("*.rs", "src/a.rs", false),
            ("**/*.rs", "a.rs", true),
            ("**/*.rs", "src/deep/.x.rs", true),
            ("src/**/*", "src/a", true),
            ("src/**/*", "src", false),
            ("src/**", "src/a", true),
            ("src/**", "src/a/b", false),
            ("a**/b", "axx/b", true),
            ("a**/b", "ax/x/b", false),
            (".*/x", ".git/x", true),
            ("*", ".hidden", true),
            ("{a,b{c,d}}.txt", "bd.txt", true),
            ("{a/b,c}/d", "a/b/d", true),
            ("{a", "{a", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[!a-c]x", "dx", true),
            ("[a", "[a", false),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("a?c", "a/c", false),
            ("**/a/**/b", "x/a/y/z/b", true),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxcxxb", false),
        ] {
            assert_eq!(fnmatch(pattern, path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn doublestar_at_the_end_matches_everything_below() {
        let glob = Glob::new("target/**", Dialect::Doublestar).unwrap();
        assert!(glob.matches("target/a/b/c") && glob.matches("target/a") && glob.matches("target"));
        assert!(!glob.matches("targets/a"));
    }

    #[test]
    fn hostile_patterns_end_quickly() {
        let stars = "*a".repeat(200);
        assert!(!fnmatch(&stars, &"a".repeat(199)));
        let deep = "**/".repeat(300) + "x";
        assert!(!fnmatch(&deep, &"a/".repeat(300)));
        assert!(Glob::new(&"{a,b}".repeat(40), Dialect::Fnmatch).is_err());
    }
}
