//! What rules may ask: variables, changed paths, files that exist. Answers are kept, so a
//! condition that a thousand jobs share is worked out once.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostic::Sink;
use crate::expression::{Expression, RegexCache};
use crate::glob::{Dialect, Glob};
use crate::plan::VariableValue;
use crate::variables::{Unknown, expand_text};
use crate::yaml::Mark;
use crate::{Context, Repository};

/// Pattern times path beyond this count as a match (§4.3).
const MAX_GLOB_CHECKS: usize = 50_000;
/// The same for all rules of a configuration together.
const MAX_ALL_CHECKS: usize = 5_000_000;

/// Variables by precedence, highest first.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) layers: [&'a IndexMap<String, VariableValue>; 5],
}

impl<'a> Scope<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<&'a VariableValue> {
        self.layers.iter().find_map(|layer| layer.get(name))
    }

    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)
            .map(|variable| Cow::Borrowed(variable.value.as_str()))
    }

    /// Expands `text`; a circle is left as written (it is reported where the variables are).
    pub(crate) fn expand(&self, text: &str) -> String {
        expand_text(text, &|name| self.get(name), Unknown::Keep).unwrap_or_else(|_| text.to_owned())
    }
}

/// `changes` of a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Changes {
    pub(crate) paths: Vec<String>,
    /// The ref, and where it is written.
    pub(crate) compare_to: Option<(String, Mark)>,
}

/// A question about paths: whether it is about changes, the patterns, what to compare with.
type Question = (bool, Vec<String>, Option<String>);

/// Changed paths, or `None` when they are not known.
type Changed = Option<Rc<Vec<String>>>;

/// The outside world of one compilation, asked lazily.
pub(crate) struct World<'a> {
    pub(crate) repository: &'a dyn Repository,
    pub(crate) context: &'a Context,
    /// Project and pipeline variables: they beat the file.
    pub(crate) overrides: IndexMap<String, VariableValue>,
    /// The file beats these.
    pub(crate) predefined: IndexMap<String, VariableValue>,
    pub(crate) regexes: RegexCache,
    empty: IndexMap<String, VariableValue>,
    files: OnceCell<Vec<String>>,
    changed: RefCell<HashMap<Option<String>, Changed>>,
    expressions: RefCell<HashMap<Arc<str>, Option<Arc<Expression>>>>,
    globs: RefCell<HashMap<String, Option<Rc<Glob>>>>,
    answers: RefCell<HashMap<Question, bool>>,
    /// Whether refs to compare with exist.
    refs: RefCell<HashMap<String, bool>>,
    /// Set when a question was cut off at [`MAX_GLOB_CHECKS`].
    cut_off: Cell<bool>,
    checks: Cell<usize>,
}

impl<'a> World<'a> {
    pub(crate) fn new(repository: &'a dyn Repository, context: &'a Context) -> Self {
        let (mut overrides, mut predefined) = (IndexMap::new(), IndexMap::new());
        for (name, value) in &context.variables {
            let value = VariableValue {
                value: value.clone(),
                expand: true,
            };
            let low = crate::context::is_predefined(name);
            (if low { &mut predefined } else { &mut overrides }).insert(name.clone(), value);
        }
        let source = VariableValue {
            value: context.source.clone(),
            expand: false,
        };
        predefined.insert("CI_PIPELINE_SOURCE".to_owned(), source);
        Self {
            repository,
            context,
            overrides,
            predefined,
            regexes: RegexCache::default(),
            empty: IndexMap::new(),
            files: OnceCell::new(),
            changed: RefCell::default(),
            expressions: RefCell::default(),
            globs: RefCell::default(),
            answers: RefCell::default(),
            refs: RefCell::default(),
            cut_off: Cell::new(false),
            checks: Cell::new(0),
        }
    }

    /// A scope of the file's variables (`inner` over `outer`) between overrides and predefined.
    pub(crate) fn scope<'s>(
        &'s self,
        inner: &'s IndexMap<String, VariableValue>,
        outer: &'s IndexMap<String, VariableValue>,
    ) -> Scope<'s> {
        Scope {
            layers: [&self.overrides, inner, outer, &self.predefined, &self.empty],
        }
    }

    /// The variables that exist before the file is read.
    pub(crate) fn outside(&self) -> Scope<'_> {
        self.scope(&self.empty, &self.empty)
    }

    /// Parses an expression once; says what is wrong at `mark`.
    pub(crate) fn expression(
        &self,
        text: &str,
        mark: Mark,
        sink: &mut Sink,
    ) -> Option<Arc<Expression>> {
        let known = self.expressions.borrow().get(text).cloned();
        if let Some(Some(expression)) = known {
            return Some(expression);
        }
        let parsed = match Expression::parse(text, &self.regexes) {
            Ok(expression) => Some(Arc::new(expression)),
            Err(error) => {
                let before: String = text.chars().take(error.offset).collect();
                let shown = if before.is_empty() {
                    "its start"
                } else {
                    &format!("`{before}`")
                };
                let message = format!("the expression cannot be read after {shown}: {error}");
                sink.error(mark, "bad_expression", message);
                None
            }
        };
        if let Some(expression) = &parsed
            && expression.matches_against_plain_text()
        {
            sink.warn_fix(
                mark,
                "not_a_regex",
                "the right side of `=~` is plain text: this asks whether the left side is part of it",
                "write a regular expression between slashes: /text/",
            );
        }
        self.expressions
            .borrow_mut()
            .insert(text.into(), parsed.clone());
        parsed
    }

    /// Whether an expression holds; a failed evaluation is false and shown.
    pub(crate) fn holds(
        &self,
        expression: &Expression,
        scope: &Scope<'_>,
        mark: Mark,
        sink: &mut Sink,
    ) -> bool {
        let outcome = expression.evaluate(&|name| scope.text(name), &self.regexes);
        if let Some(error) = outcome.error {
            sink.warn(
                mark,
                "expression_failed",
                format!("the rule counts as false: {error}"),
            );
        }
        outcome.value
    }

    /// Whether a changed path matches; unknown changes count as a match. What to compare with has to
    /// exist.
    pub(crate) fn changes(&self, changes: &Changes, scope: &Scope<'_>, sink: &mut Sink) -> bool {
        let patterns: Vec<String> = changes
            .paths
            .iter()
            .map(|path| scope.expand(path))
            .collect();
        let compare_to = changes.compare_to.as_ref().map(|(name, mark)| {
            let name = scope.expand(name);
            self.compared_with(&name, *mark, sink);
            name
        });
        let key = (true, patterns, compare_to);
        if let Some(answer) = self.answers.borrow().get(&key) {
            return *answer;
        }
        let changed = self
            .changed
            .borrow_mut()
            .entry(key.2.clone())
            .or_insert_with(|| self.repository.changed_paths(key.2.as_deref()).map(Rc::new))
            .clone();
        let answer = changed.is_none_or(|paths| self.any_match(&key.1, &paths));
        self.answers.borrow_mut().insert(key, answer);
        answer
    }

    /// Refuses a ref that is not there.
    fn compared_with(&self, name: &str, mark: Mark, sink: &mut Sink) {
        let exists = *self
            .refs
            .borrow_mut()
            .entry(name.to_owned())
            .or_insert_with(|| self.repository.has_ref(name));
        if !exists {
            let message = format!(
                "`rules:changes:compare_to`: there is no branch, tag or commit `{name}` to compare with"
            );
            let fix = "name one that exists, or remove `compare_to`";
            sink.error_fix(mark, "unknown_ref", message, fix);
        }
    }

    /// Whether a file that matches one of the patterns exists.
    pub(crate) fn exists(&self, patterns: &[String], scope: &Scope<'_>) -> bool {
        let patterns: Vec<String> = patterns
            .iter()
            .map(|pattern| {
                let pattern = scope.expand(pattern);
                let pattern = pattern.trim_start_matches("./");
                let folder = pattern.ends_with('/');
                if folder {
                    format!("{pattern}**/*")
                } else {
                    pattern.to_owned()
                }
            })
            .collect();
        let key = (false, patterns, None);
        if let Some(answer) = self.answers.borrow().get(&key) {
            return *answer;
        }
        let answer = self.any_match(&key.1, self.files());
        self.answers.borrow_mut().insert(key, answer);
        answer
    }

    /// Whether a question since the last call was cut off and so counted as a match.
    pub(crate) fn take_cut_off(&self) -> bool {
        self.cut_off.take()
    }

    /// All files of the repository.
    pub(crate) fn files(&self) -> &[String] {
        self.files.get_or_init(|| self.repository.list())
    }

    fn any_match(&self, patterns: &[String], paths: &[String]) -> bool {
        let mut checks = 0;
        for pattern in patterns {
            let plain = !pattern.contains(['*', '?', '[', '{', '\\']);
            if plain {
                if paths.iter().any(|path| path == pattern) {
                    return true;
                }
                continue;
            }
            let glob = self
                .globs
                .borrow_mut()
                .entry(pattern.clone())
                .or_insert_with(|| Glob::new(pattern, Dialect::Fnmatch).ok().map(Rc::new))
                .clone();
            let Some(glob) = glob else { continue };
            for path in paths {
                checks += 1;
                let all = self.checks.get() + 1;
                self.checks.set(all);
                if checks > MAX_GLOB_CHECKS || all > MAX_ALL_CHECKS {
                    self.cut_off.set(true);
                    return true;
                }
                if glob.matches(path) {
                    return true;
                }
            }
        }
        false
    }
}
