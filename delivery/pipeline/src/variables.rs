//! Variables: expansion, precedence and slugs. Used when a pipeline is created and again, with
//! more layers, when a job is handed to a runner.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::plan::VariableValue;

/// What becomes of a name nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It stays as written (the server, which leaves the rest to the runner).
    Keep,
    /// It becomes empty (the runner, which is last).
    Empty,
}

/// Variables that cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandVariablesError {
    /// Values that need each other; the names, the first one again at the end.
    #[error("variables need each other in a circle: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// A chain of variables longer than any sane file has.
    #[error("variables refer to each other more than {MAX_DEPTH} levels deep, at `{0}`")]
    TooDeep(String),
    /// Variables that multiply each other.
    #[error("a text with variables grows over {} KiB", MAX_EXPANDED_BYTES >> 10)]
    TooLong,
}

/// Longest chain of variables that need the next one.
const MAX_DEPTH: usize = 100;

/// Longest text expansion may produce; variables that double each other stop here.
const MAX_EXPANDED_BYTES: usize = 256 * 1024;

/// A piece of a text with variables.
enum Piece<'a> {
    Text(&'a str),
    Dollar,
    Name { name: &'a str, written: &'a str },
}

/// Splits at `$NAME`, `${NAME}` and `$$`.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(at) = rest.find('$') else {
            return Some(Piece::Text(std::mem::take(&mut rest)));
        };
        if at > 0 {
            let (head, tail) = rest.split_at(at);
            rest = tail;
            return Some(Piece::Text(head));
        }
        let after = &rest[1..];
        let (name, length) = if after.starts_with('$') {
            rest = &rest[2..];
            return Some(Piece::Dollar);
        } else if let Some(braced) = after.strip_prefix('{') {
            let name = &braced[..name_length(braced)];
            let closed = !name.is_empty() && braced[name.len()..].starts_with('}');
            (name, if closed { name.len() + 3 } else { 0 })
        } else {
            let name = &after[..name_length(after)];
            (name, if name.is_empty() { 0 } else { name.len() + 1 })
        };
        if length == 0 {
            let (head, tail) = rest.split_at(1);
            rest = tail;
            return Some(Piece::Text(head));
        }
        let (written, tail) = rest.split_at(length);
        rest = tail;
        Some(Piece::Name { name, written })
    })
}

fn name_length(text: &str) -> usize {
    text.bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count()
}

/// Expands variables by each other, recursively. A value with `expand: false` stays as it is,
/// also where another value takes it in. A variable that names itself keeps that name as written
/// ([`Unknown::Keep`]) or loses it.
///
/// # Errors
/// [`ExpandVariablesError`] when variables need each other.
pub fn expand_all(
    variables: &IndexMap<String, VariableValue>,
    unknown: Unknown,
) -> Result<IndexMap<String, String>, ExpandVariablesError> {
    let mut expander = Expander {
        lookup: &|name| variables.get(name),
        unknown,
        done: HashMap::new(),
        open: vec![],
    };
    let mut out = IndexMap::with_capacity(variables.len());
    for name in variables.keys() {
        let value = expander.value(name)?.unwrap_or_default();
        out.insert(name.clone(), value);
    }
    Ok(out)
}

/// Expands one text by variables that are themselves expanded recursively.
///
/// # Errors
/// [`ExpandVariablesError`] when two or more of the variables it needs are circular.
pub fn expand_text<'v>(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<&'v VariableValue>,
    unknown: Unknown,
) -> Result<String, ExpandVariablesError> {
    if !text.contains('$') {
        return Ok(text.to_owned());
    }
    let mut expander = Expander {
        lookup,
        unknown,
        done: HashMap::new(),
        open: Vec::new(),
    };
    expander.text(text)
}

struct Expander<'a, 'v> {
    lookup: &'a dyn Fn(&str) -> Option<&'v VariableValue>,
    unknown: Unknown,
    done: HashMap<String, String>,
    open: Vec<String>,
}

impl Expander<'_, '_> {
    fn value(&mut self, name: &str) -> Result<Option<String>, ExpandVariablesError> {
        let Some(variable) = (self.lookup)(name) else {
            return Ok(None);
        };
        if !variable.expand || !variable.value.contains('$') {
            return Ok(Some(variable.value.clone()));
        }
        if let Some(done) = self.done.get(name) {
            return Ok(Some(done.clone()));
        }
        if let Some(at) = self.open.iter().position(|open| open == name) {
            let mut chain = self.open[at..].to_vec();
            chain.push(name.to_owned());
            return Err(ExpandVariablesError::Cycle(chain));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(ExpandVariablesError::TooDeep(name.to_owned()));
        }
        self.open.push(name.to_owned());
        let text = self.text(&variable.value);
        self.open.pop();
        let text = text?;
        self.done.insert(name.to_owned(), text.clone());
        Ok(Some(text))
    }

    fn text(&mut self, text: &str) -> Result<String, ExpandVariablesError> {
        let mut out = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Dollar => out.push('$'),
                Piece::Name { name, written } => {
                    let itself = self.open.last().is_some_and(|open| open == name);
                    let value = if itself { None } else { self.value(name)? };
                    match (value, self.unknown) {
                        (Some(value), _) => out.push_str(&value),
                        (None, Unknown::Keep) => out.push_str(written),
                        (None, Unknown::Empty) => {}
                    }
                }
            }
            if out.len() > MAX_EXPANDED_BYTES {
                return Err(ExpandVariablesError::TooLong);
            }
        }
        Ok(out)
    }
}

/// The sources of a job's variables, lowest precedence first in this order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layers<'a> {
    /// `CI_…` and the like, set by the server and the runner.
    pub predefined: Option<&'a IndexMap<String, VariableValue>>,
    /// Set by the deployment.
    pub deployment: Option<&'a IndexMap<String, VariableValue>>,
    /// [`crate::plan::PlannedJob::variables`]: the file's global and job variables.
    pub file: Option<&'a IndexMap<String, VariableValue>>,
    /// From `dotenv` reports of earlier jobs.
    pub dotenv: Option<&'a IndexMap<String, VariableValue>>,
    /// Of the whole installation.
    pub instance: Option<&'a IndexMap<String, VariableValue>>,
    /// Of the groups, nearest last applied.
    pub group: Option<&'a IndexMap<String, VariableValue>>,
    /// Of the project.
    pub project: Option<&'a IndexMap<String, VariableValue>>,
    /// Of the pipeline: trigger, schedule, web, API, manual job.
    pub pipeline: Option<&'a IndexMap<String, VariableValue>>,
}

/// One map of all layers: a higher layer replaces the value, names keep the order in which they
/// first appear.
#[must_use]
pub fn merge(layers: &Layers<'_>) -> IndexMap<String, VariableValue> {
    let mut out = IndexMap::new();
    let order = [
        layers.predefined,
        layers.deployment,
        layers.file,
        layers.dotenv,
        layers.instance,
        layers.group,
        layers.project,
        layers.pipeline,
    ];
    for layer in order.into_iter().flatten() {
        out.extend(
            layer
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    out
}

/// The environment a job starts with: all layers merged, then expanded, unknown names empty.
///
/// # Errors
/// [`ExpandVariablesError`] when variables need each other.
pub fn job_variables(
    layers: &Layers<'_>,
) -> Result<IndexMap<String, String>, ExpandVariablesError> {
    expand_all(&merge(layers), Unknown::Empty)
}

/// Plain values as a layer, each expandable.
#[must_use]
pub fn layer<K, V>(values: impl IntoIterator<Item = (K, V)>) -> IndexMap<String, VariableValue>
where
    K: Into<String>,
    V: Into<String>,
{
    values
        .into_iter()
        .map(|(name, value)| {
            (
                name.into(),
                VariableValue {
                    value: value.into(),
                    expand: true,
                },
            )
        })
        .collect()
}

/// A ref or name as a host-name label: lower case, `[a-z0-9-]`, at most 63 bytes, no dash at
/// either end.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut out: String = text
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .collect();
    out.truncate(63);
    out.trim_matches('-').to_owned()
}

/// Longest slug of an environment, in bytes.
const ENVIRONMENT_SLUG_BYTES: usize = 24;

/// `CI_ENVIRONMENT_SLUG`: like [`slug`] with at most 24 bytes, single dashes and a letter first. A
/// name that had to be changed gets a tail made from the whole name, so that two names do not meet.
#[must_use]
pub fn environment_slug(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        let c = if c.is_ascii_lowercase() || c.is_ascii_digit() {
            c
        } else {
            '-'
        };
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    if !out.starts_with(|c: char| c.is_ascii_lowercase()) {
        out.insert_str(0, "env-");
    }
    let out = out.replace("--", "-");
    if out.len() <= ENVIRONMENT_SLUG_BYTES && out == name {
        return out;
    }
    let tail = format!("-{}", name_tail(name));
    let keep = out.len().min(ENVIRONMENT_SLUG_BYTES - tail.len());
    format!("{}{tail}", out[..keep].trim_end_matches('-'))
}

/// Six base-36 digits of a stable hash (FNV-1a, 64 bit).
fn name_tail(name: &str) -> String {
    let mut hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut out = String::new();
    for _ in 0..6 {
        let digit = u32::try_from(hash % 36).unwrap_or(0);
        out.push(char::from_digit(digit, 36).unwrap_or('0'));
        hash /= 36;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> IndexMap<String, VariableValue> {
        layer(pairs.iter().copied())
    }

    #[test]
    fn values_expand_each_other_and_dollars_are_literal() {
        let map = variables(&[
            ("A", "${B}/a"),
            ("B", "b$C"),
            ("C", "$$x"),
            ("D", "$NONE-$"),
        ]);
        let done = expand_all(&map, Unknown::Keep).unwrap();
        assert_eq!(done["A"], "b$x/a");
        assert_eq!(done["D"], "$NONE-$");
        assert_eq!(expand_all(&map, Unknown::Empty).unwrap()["D"], "-$");
    }

    #[test]
    fn a_raw_value_is_taken_in_as_it_is() {
        let mut map = variables(&[("A", "<$RAW>"), ("X", "x")]);
        map.insert(
            "RAW".into(),
            VariableValue {
                value: "$X $$".into(),
                expand: false,
            },
        );
        let done = expand_all(&map, Unknown::Empty).unwrap();
        assert_eq!(done["A"], "<$X $$>");
        assert_eq!(done["RAW"], "$X $$");
    }

    #[test]
    fn a_circle_names_its_chain_and_a_self_reference_is_none() {
        let error = expand_all(
            &variables(&[("A", "$B"), ("B", "$C"), ("C", "$A")]),
            Unknown::Keep,
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "variables need each other in a circle: A -> B -> C -> A"
        );
        let own = expand_all(&variables(&[("PATH", "$PATH:/x")]), Unknown::Keep).unwrap();
        assert_eq!(own["PATH"], "$PATH:/x");
    }

    #[test]
    fn doubling_variables_end_at_the_limit() {
        let mut map = variables(&[("V0", "xxxxxxxxxx")]);
        for n in 1..40 {
            let value = format!("$V{p}$V{p}", p = n - 1);
            map.insert(
                format!("V{n}"),
                VariableValue {
                    value,
                    expand: true,
                },
            );
        }
        let error = expand_all(&map, Unknown::Keep);
        assert_eq!(error, Err(ExpandVariablesError::TooLong));
    }

    #[test]
    fn a_higher_layer_wins() {
        let low = variables(&[("A", "predefined"), ("B", "predefined")]);
        let file = variables(&[("A", "file"), ("B", "file")]);
        let pipeline = variables(&[("A", "pipeline")]);
        let layers = Layers {
            predefined: Some(&low),
            file: Some(&file),
            pipeline: Some(&pipeline),
            ..Layers::default()
        };
        let done = job_variables(&layers).unwrap();
        assert_eq!(
            (done["A"].as_str(), done["B"].as_str()),
            ("pipeline", "file")
        );
    }

    #[test]
    fn slugs_are_host_name_labels() {
        assert_eq!(slug("Feature/ABC_1.2-"), "feature-abc-1-2");
        assert_eq!(slug(&"x".repeat(80)).len(), 63);
        assert_eq!(environment_slug("production"), "production");
        let review = environment_slug("review/Feature-ABC-that-is-long");
        assert!(review.starts_with("review-feature-ab"), "{review}");
        assert!(review.len() <= 24 && !review.ends_with('-'));
        assert_ne!(environment_slug("a/b"), environment_slug("a-b"));
    }
}
