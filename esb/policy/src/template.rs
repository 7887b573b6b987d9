//! Path templates and their order (specification, section 5.2, rule 3).

use std::cmp::Ordering;

/// A segment of a template. The order is that of precedence, names left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// This text.
    Literal(String),
    /// A variable with text before or after it; the variable takes at least one letter.
    Embedded(Embedded),
    /// One segment, whatever it is, but not empty.
    Variable,
    /// All that is left, one segment or more; only at the end.
    Tail,
}

/// A variable within a segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Embedded {
    /// Text before the variable.
    pub prefix: String,
    /// Text after it.
    pub suffix: String,
}

impl Embedded {
    fn letters(&self) -> usize {
        self.prefix.len() + self.suffix.len()
    }

    /// What the variable takes of a segment.
    #[must_use]
    pub fn taken<'s>(&self, segment: &'s str) -> Option<&'s str> {
        let rest = segment.strip_prefix(self.prefix.as_str())?;
        rest.strip_suffix(self.suffix.as_str())
            .filter(|taken| !taken.is_empty())
    }
}

impl Ord for Embedded {
    /// More text wins; then the longer prefix, then the alphabet, so that no two are level.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |one: &Self| (one.letters(), one.prefix.len());
        key(other)
            .cmp(&key(self))
            .then_with(|| (&self.prefix, &self.suffix).cmp(&(&other.prefix, &other.suffix)))
    }
}

impl PartialOrd for Embedded {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A template, its segments and the names of its variables in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The segments.
    pub segments: Vec<Segment>,
    /// Names of the variables, in the order of the segments.
    pub names: Vec<String>,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseTemplateError {
    /// No slash at the beginning.
    #[error("a path begins with `/`: {0}")]
    Relative(String),
    /// Braces that do not match, or a variable without a name.
    #[error(
        "`{0}` is no segment: a variable is `{{name}}`, with text before or after it, or `{{*name}}` at the end"
    )]
    Segment(String),
    /// More than one variable in a segment.
    #[error("`{0}` holds two variables; a segment holds one")]
    Two(String),
    /// A tail that is not at the end.
    #[error("`{0}` takes all that is left and stands last")]
    Tail(String),
    /// The same name twice.
    #[error("the variable `{0}` stands twice")]
    Twice(String),
}

impl Template {
    /// Reads a template as OpenAPI writes paths, with `{*rest}` for a tail.
    ///
    /// # Errors
    /// [`ParseTemplateError`].
    pub fn parse(text: &str) -> Result<Self, ParseTemplateError> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(ParseTemplateError::Relative(text.to_owned()));
        };
        let parts: Vec<&str> = path.split('/').collect();
        let (mut segments, mut names) = (Vec::new(), Vec::new());
        for (n, part) in parts.iter().enumerate() {
            let (segment, name) = segment(part)?;
            if segment == Segment::Tail && n + 1 < parts.len() {
                return Err(ParseTemplateError::Tail((*part).to_owned()));
            }
            if let Some(name) = name {
                if names.contains(&name) {
                    return Err(ParseTemplateError::Twice(name));
                }
                names.push(name);
            }
            segments.push(segment);
        }
        Ok(Self { segments, names })
    }

    /// What the variables take of a path in normal form; `None` when the template does not match.
    #[must_use]
    pub fn matched<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let mut taken = Vec::new();
        let mut rest = Some(path.strip_prefix('/')?);
        for segment in &self.segments {
            let here = rest?;
            let (first, after) = match here.split_once('/') {
                Some((first, after)) => (first, Some(after)),
                None => (here, None),
            };
            match segment {
                Segment::Literal(text) if text == first => {}
                Segment::Literal(_) => return None,
                Segment::Embedded(embedded) => taken.push(embedded.taken(first)?),
                Segment::Variable if first.is_empty() => return None,
                Segment::Variable => taken.push(first),
                Segment::Tail => {
                    taken.push(here);
                    return Some(taken);
                }
            }
            rest = after;
        }
        rest.is_none().then_some(taken)
    }
}

fn segment(part: &str) -> Result<(Segment, Option<String>), ParseTemplateError> {
    let wrong = || ParseTemplateError::Segment(part.to_owned());
    let Some((prefix, rest)) = part.split_once('{') else {
        return if part.contains('}') {
            Err(wrong())
        } else {
            Ok((Segment::Literal(part.to_owned()), None))
        };
    };
    let (name, suffix) = rest.split_once('}').ok_or_else(wrong)?;
    if suffix.contains('{') {
        return Err(ParseTemplateError::Two(part.to_owned()));
    }
    let tail = name.strip_prefix('*');
    let bare = tail.unwrap_or(name);
    let named = !bare.is_empty() && !bare.contains(['{', '}', '*', '/']);
    if !named || prefix.contains('}') || suffix.contains('}') {
        return Err(wrong());
    }
    let alone = prefix.is_empty() && suffix.is_empty();
    let segment = match (tail, alone) {
        (Some(_), true) => Segment::Tail,
        (Some(_), false) => return Err(wrong()),
        (None, true) => Segment::Variable,
        (None, false) => Segment::Embedded(Embedded {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
        }),
    };
    Ok((segment, Some(bare.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
        Template::parse(template).expect("a template").matched(path)
    }

    #[test]
    fn variables_take_segments_parts_and_tails() {
        assert_eq!(taken("/a/{x}/c", "/a/b/c"), Some(vec!["b"]));
        assert_eq!(taken("/a/{x}", "/a/"), None);
        assert_eq!(taken("/a/{x}", "/a"), None);
        assert_eq!(taken("/a/{x}.json", "/a/b.json"), Some(vec!["b"]));
        assert_eq!(taken("/a/{x}.json", "/a/.json"), None);
        assert_eq!(taken("/a/{*rest}", "/a/b/c"), Some(vec!["b/c"]));
        assert_eq!(taken("/a/", "/a"), None);
        assert_eq!(taken("/", "/"), Some(vec![]));
    }

    #[test]
    fn what_is_no_template_is_refused_by_name() {
        for text in ["/{", "/}", "/{}", "/a{*x}", "/{a{b}", "/{a}}"] {
            let found = Template::parse(text);
            assert!(
                matches!(found, Err(ParseTemplateError::Segment(_))),
                "{text} {found:?}"
            );
        }
        assert!(matches!(
            Template::parse("a"),
            Err(ParseTemplateError::Relative(_))
        ));
        assert!(matches!(
            Template::parse("/{a}{b}"),
            Err(ParseTemplateError::Two(_))
        ));
        assert!(matches!(
            Template::parse("/{*a}/b"),
            Err(ParseTemplateError::Tail(_))
        ));
        assert!(matches!(
            Template::parse("/{a}/{a}"),
            Err(ParseTemplateError::Twice(_))
        ));
    }

    #[test]
    fn literals_come_before_parts_before_variables_before_tails() {
        let texts = ["/{*x}", "/{x}", "/a{x}", "/ab{x}", "/{x}bc", "/abc"];
        let mut order: Vec<_> = texts
            .map(|text| (Template::parse(text).expect("one").segments, text))
            .into();
        order.sort();
        let order: Vec<_> = order.iter().map(|(_, text)| *text).collect();
        assert_eq!(
            order,
            ["/abc", "/ab{x}", "/{x}bc", "/a{x}", "/{x}", "/{*x}"]
        );
    }
}
