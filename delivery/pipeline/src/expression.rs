//! The expressions of `rules:if` and `only:variables`.
//!
//! ```text
//! or    := and { "||" and }            and := term { "&&" term }
//! term  := "(" or ")" | value [ ("==" | "!=" | "=~" | "!~") value ]
//! value := "$" name | '"' … '"' | "'" … "'" | "/" regex "/" [ismU]* | "null"
//! ```

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;

use crate::pattern;

/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 100;

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Or,
    /// Set when the right side of `=~` or `!~` is text that is no regular expression.
    not_a_regex: bool,
}

/// Alternatives of conjunctions.
type Or = Vec<Vec<Term>>;

#[derive(Debug, Clone)]
enum Term {
    Group(Or),
    Value(Operand),
    Compare {
        left: Operand,
        operator: Operator,
        right: Operand,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Matches,
    MatchesNot,
}

#[derive(Debug, Clone)]
enum Operand {
    Null,
    Text(String),
    Variable(String),
    Pattern { written: String, regex: Regex },
}

/// Why an expression cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseExpressionError {
    /// What is wrong.
    pub message: String,
    /// Byte in the text where it shows.
    pub offset: usize,
}

/// The outcome of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The truth value; false when the evaluation failed.
    pub value: bool,
    /// Why the evaluation failed: a variable that holds a broken regular expression.
    pub error: Option<String>,
}

/// Regular expressions that came out of variables, compiled once.
#[derive(Debug, Default)]
pub struct RegexCache(RefCell<HashMap<String, Result<Regex, String>>>);

impl RegexCache {
    pub(crate) fn get(&self, source: &str, flags: &str) -> Result<Regex, String> {
        let key = format!("{flags}/{source}");
        let mut cache = self.0.borrow_mut();
        cache
            .entry(key)
            .or_insert_with(|| pattern::compile(source, flags))
            .clone()
    }
}

impl Expression {
    /// Reads an expression; equal regular expressions are taken from `regexes`.
    ///
    /// # Errors
    /// [`ParseExpressionError`] with the place.
    pub fn parse(text: &str, regexes: &RegexCache) -> Result<Self, ParseExpressionError> {
        let mut parser = ExpressionParser {
            text,
            at: 0,
            depth: 0,
            regexes,
            not_a_regex: false,
        };
        let root = parser.or()?;
        parser.blanks();
        if parser.at < text.len() {
            return Err(parser.error("an operator (`&&`, `||`) or the end is expected here"));
        }
        Ok(Self {
            root,
            not_a_regex: parser.not_a_regex,
        })
    }

    /// Whether `=~` or `!~` has a right side that is no regular expression, which turns it into
    /// the question if the left side is a part of the right one.
    #[must_use]
    pub fn matches_against_plain_text(&self) -> bool {
        self.not_a_regex
    }

    /// Evaluates with `lookup` for variables.
    pub fn evaluate<'v>(
        &self,
        lookup: &dyn Fn(&str) -> Option<Cow<'v, str>>,
        regexes: &RegexCache,
    ) -> Outcome {
        match (Evaluation { lookup, regexes }).or(&self.root) {
            Ok(value) => Outcome { value, error: None },
            Err(error) => Outcome {
                value: false,
                error: Some(error),
            },
        }
    }
}

struct Evaluation<'a, 'v> {
    lookup: &'a dyn Fn(&str) -> Option<Cow<'v, str>>,
    regexes: &'a RegexCache,
}

impl Evaluation<'_, '_> {
    fn or(&self, or: &Or) -> Result<bool, String> {
        for and in or {
            let mut all = true;
            for term in and {
                if !self.term(term)? {
                    all = false;
                    break;
                }
            }
            if all {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn term(&self, term: &Term) -> Result<bool, String> {
        Ok(match term {
            Term::Group(or) => self.or(or)?,
            Term::Value(Operand::Pattern { .. }) => true,
            Term::Value(value) => self.text(value).is_some_and(|text| !text.trim().is_empty()),
            Term::Compare {
                left,
                operator,
                right,
            } => match operator {
                Operator::Equal => self.equal(left, right),
                Operator::NotEqual => !self.equal(left, right),
                Operator::Matches => self.matches(left, right)?,
                Operator::MatchesNot => !self.matches(left, right)?,
            },
        })
    }

    fn text<'t>(&self, operand: &'t Operand) -> Option<Cow<'t, str>> {
        match operand {
            Operand::Null => None,
            Operand::Text(text) => Some(Cow::Borrowed(text)),
            Operand::Variable(name) => {
                (self.lookup)(name).map(|value| Cow::Owned(value.into_owned()))
            }
            Operand::Pattern { written, .. } => Some(Cow::Owned(written.clone())),
        }
    }

    fn equal(&self, left: &Operand, right: &Operand) -> bool {
        let is_pattern = |operand: &Operand| matches!(operand, Operand::Pattern { .. });
        is_pattern(left) == is_pattern(right) && self.text(left) == self.text(right)
    }

    fn matches(&self, left: &Operand, right: &Operand) -> Result<bool, String> {
        let text = self.text(left).unwrap_or_default();
        if let Operand::Pattern { regex, .. } = right {
            return Ok(regex.is_match(&text));
        }
        let Some(right) = self.text(right) else {
            return Ok(false);
        };
        match pattern::split_slashes(&right) {
            Some((source, flags)) => match self.regexes.get(source, flags) {
                Ok(regex) => Ok(regex.is_match(&text)),
                Err(error) => Err(format!("`{right}` is not a regular expression: {error}")),
            },
            None => Ok(right.contains(&*text)),
        }
    }
}

struct ExpressionParser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    regexes: &'a RegexCache,
    not_a_regex: bool,
}

impl ExpressionParser<'_> {
    fn error(&self, message: impl Into<String>) -> ParseExpressionError {
        ParseExpressionError {
            message: message.into(),
            offset: self.at,
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn or(&mut self) -> Result<Or, ParseExpressionError> {
        let mut alternatives = vec![self.and()?];
        while self.take("||") {
            alternatives.push(self.and()?);
        }
        Ok(alternatives)
    }

    fn and(&mut self) -> Result<Vec<Term>, ParseExpressionError> {
        let mut terms = vec![self.term()?];
        while self.take("&&") {
            terms.push(self.term()?);
        }
        Ok(terms)
    }

    fn term(&mut self) -> Result<Term, ParseExpressionError> {
        if self.take("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.error("the parentheses are nested too deep"));
            }
            let group = self.or()?;
            if !self.take(")") {
                return Err(self.error("a closing `)` is missing here"));
            }
            self.depth -= 1;
            return Ok(Term::Group(group));
        }
        let left = self.value()?;
        let operators = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("=~", Operator::Matches),
            ("!~", Operator::MatchesNot),
        ];
        for (sign, operator) in operators {
            if self.take(sign) {
                let right = self.value()?;
                if matches!(operator, Operator::Matches | Operator::MatchesNot)
                    && matches!(&right, Operand::Text(text) if pattern::split_slashes(text).is_none())
                {
                    self.not_a_regex = true;
                }
                return Ok(Term::Compare {
                    left,
                    operator,
                    right,
                });
            }
        }
        Ok(Term::Value(left))
    }

    fn value(&mut self) -> Result<Operand, ParseExpressionError> {
        self.blanks();
        let rest = &self.text[self.at..];
        match rest.chars().next() {
            Some('$') => self.variable(&rest[1..]),
            Some(quote @ ('"' | '\'')) => {
                let Some(end) = rest[1..].find(quote) else {
                    return Err(self.error(format!("the closing {quote} is missing")));
                };
                self.at += end + 2;
                Ok(Operand::Text(rest[1..=end].to_owned()))
            }
            Some('/') => self.regex(rest),
            _ if rest.starts_with("null")
                && !rest[4..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') =>
            {
                self.at += 4;
                Ok(Operand::Null)
            }
            Some('!') => {
                Err(self
                    .error("there is no `!` in this language; write `$X == null` or `$X != ...`"))
            }
            Some(_) => Err(self.error(
                "a value is expected here: $VARIABLE, \"text\", /regular expression/ or null",
            )),
            None => Err(self.error("the expression ends where a value is expected")),
        }
    }

    fn variable(&mut self, after: &str) -> Result<Operand, ParseExpressionError> {
        let length = after
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count();
        if length == 0 {
            return Err(self.error(if after.starts_with('{') {
                "`${NAME}` is not known in expressions; write `$NAME`"
            } else {
                "a variable name is expected after `$`"
            }));
        }
        self.at += length + 1;
        Ok(Operand::Variable(after[..length].to_owned()))
    }

    fn regex(&mut self, rest: &str) -> Result<Operand, ParseExpressionError> {
        let bytes = rest.as_bytes();
        let mut end = 1;
        while end < bytes.len() && (bytes[end] != b'/' || bytes[end - 1] == b'\\') {
            end += 1;
        }
        if end >= bytes.len() {
            return Err(self.error("the closing `/` of the regular expression is missing"));
        }
        let source = &rest[1..end];
        if source.chars().count() < 2 {
            return Err(self
                .error("a regular expression needs at least two characters between its slashes"));
        }
        let tail = &rest[end + 1..];
        let flags = &tail[..tail.bytes().take_while(|b| b"ismU".contains(b)).count()];
        let regex = self
            .regexes
            .get(source, flags)
            .map_err(|error| self.error(format!("the regular expression is broken: {error}")))?;
        let written = rest[..end + 1 + flags.len()].to_owned();
        self.at += written.len();
        Ok(Operand::Pattern { written, regex })
    }
}

/// `text` as a compiled expression, for fields that hold a regular expression between slashes.
pub(crate) fn regex_field(text: &str) -> Result<Arc<str>, String> {
    let (source, flags) = pattern::split_slashes(text)
        .ok_or_else(|| "a regular expression stands between slashes: /.../".to_owned())?;
    pattern::compile(source, flags)?;
    Ok(if flags.is_empty() {
        source.into()
    } else {
        format!("(?{flags}){source}").into()
    })
}
