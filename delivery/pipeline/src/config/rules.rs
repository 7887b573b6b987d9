//! `rules`, and its forerunners `only` and `except`.

use std::sync::Arc;

use regex::Regex;

use super::fields::Fields;
use super::model::{AutoCancel, NeedSpec, Variables};
use super::outputs;
use crate::conditions::{Changes, Scope, World};
use crate::diagnostic::Sink;
use crate::expression::Expression;
use crate::pattern;
use crate::plan::{AllowFailure, When};
use crate::yaml::{Entry, Mark, Node, Value};

const MAX_NESTING: usize = 10;
const MAX_PATTERNS: usize = 50;

/// Where rules stand; each place knows other keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Job,
    Workflow,
    Include,
}

/// `when`, with `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleWhen {
    OnSuccess,
    OnFailure,
    Always,
    Manual,
    Delayed,
    Never,
}

impl RuleWhen {
    /// As a job of a plan has it; `None` for `never`.
    pub(crate) fn plan(self) -> Option<When> {
        Some(match self {
            Self::OnSuccess => When::OnSuccess,
            Self::OnFailure => When::OnFailure,
            Self::Always => When::Always,
            Self::Manual => When::Manual,
            Self::Delayed => When::Delayed,
            Self::Never => return None,
        })
    }
}

/// The words of `when` and their meaning.
pub(crate) const WHEN: [(&str, RuleWhen); 6] = [
    ("on_success", RuleWhen::OnSuccess),
    ("on_failure", RuleWhen::OnFailure),
    ("always", RuleWhen::Always),
    ("manual", RuleWhen::Manual),
    ("delayed", RuleWhen::Delayed),
    ("never", RuleWhen::Never),
];

/// One rule. A clause that could not be read is absent; its error is in the sink.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rule {
    pub(crate) mark: Mark,
    pub(crate) condition: Option<Arc<Expression>>,
    pub(crate) text: Option<Arc<str>>,
    pub(crate) changes: Option<Changes>,
    pub(crate) exists: Option<Vec<String>>,
    pub(crate) when: Option<RuleWhen>,
    pub(crate) start_in_s: Option<u64>,
    pub(crate) allow_failure: Option<AllowFailure>,
    pub(crate) variables: Variables,
    pub(crate) needs: Option<Vec<NeedSpec>>,
    pub(crate) interruptible: Option<bool>,
    pub(crate) auto_cancel: AutoCancel,
}

impl Rule {
    /// The rule in a few words, for "why".
    pub(crate) fn summary(&self) -> String {
        let mut parts = Vec::new();
        if let Some(text) = &self.text {
            parts.push(format!("if: {text}"));
        }
        if self.changes.is_some() {
            parts.push("changes".to_owned());
        }
        if self.exists.is_some() {
            parts.push("exists".to_owned());
        }
        if parts.is_empty() {
            "no condition".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

/// The first rule all of whose clauses hold.
pub(crate) fn first_match<'r>(
    rules: &'r [Rule],
    world: &World<'_>,
    scope: &Scope<'_>,
    sink: &mut Sink,
) -> Option<&'r Rule> {
    rules.iter().find(|rule| {
        let condition = match (&rule.condition, &rule.text) {
            (Some(condition), _) => world.holds(condition, scope, rule.mark, sink),
            (None, Some(_)) => false,
            (None, None) => true,
        };
        let holds = condition
            && rule
                .changes
                .as_ref()
                .is_none_or(|changes| world.changes(changes, scope, sink))
            && rule
                .exists
                .as_ref()
                .is_none_or(|paths| world.exists(paths, scope));
        if world.take_cut_off() {
            let message =
                "there are too many files to check these patterns; the rule counts as a match";
            sink.warn_fix(
                rule.mark,
                "too_many_checks",
                message,
                "use fewer or more exact patterns",
            );
        }
        holds
    })
}

/// Reads a list of rules.
pub(crate) fn read_rules(
    node: &Node,
    place: Place,
    job: Option<&str>,
    world: &World<'_>,
    sink: &mut Sink,
) -> Vec<Rule> {
    let mut reader = RulesReader {
        fields: Fields { sink, job },
        place,
        world,
    };
    let mut out = Vec::new();
    match &node.value {
        Value::List(items) => reader.list(items, 1, &mut out),
        _ => {
            let field = reader.name("");
            reader.fields.wrong(&field, node, "a list of rules");
        }
    }
    out
}

struct RulesReader<'a, 'w> {
    fields: Fields<'a>,
    place: Place,
    world: &'a World<'w>,
}

impl RulesReader<'_, '_> {
    fn name(&self, key: &str) -> String {
        let section = match self.place {
            Place::Job => "rules",
            Place::Workflow => "workflow:rules",
            Place::Include => "include:rules",
        };
        if key.is_empty() {
            section.to_owned()
        } else {
            format!("{section}:{key}")
        }
    }

    fn list(&mut self, items: &[Node], depth: usize, out: &mut Vec<Rule>) {
        for item in items {
            match &item.value {
                Value::List(inner) if depth < MAX_NESTING => self.list(inner, depth + 1, out),
                Value::Map(_) => out.push(self.rule(item)),
                _ => {
                    let field = self.name("");
                    self.fields
                        .wrong(&field, item, "a list of maps such as `- if: $CI`");
                }
            }
        }
    }

    fn rule(&mut self, node: &Node) -> Rule {
        const JOB: &[&str] = &[
            "if",
            "changes",
            "exists",
            "variables",
            "when",
            "start_in",
            "allow_failure",
            "needs",
            "interruptible",
        ];
        const WORKFLOW: &[&str] = &[
            "if",
            "changes",
            "exists",
            "variables",
            "when",
            "auto_cancel",
        ];
        const INCLUDE: &[&str] = &["if", "changes", "exists", "when"];
        let known = match self.place {
            Place::Job => JOB,
            Place::Workflow => WORKFLOW,
            Place::Include => INCLUDE,
        };
        let mut rule = Rule {
            mark: node.mark,
            ..Rule::default()
        };
        let Some(map) = node.map() else { return rule };
        for (key, entry) in map.iter() {
            if !known.contains(&&**key) {
                let section = self.name("");
                self.fields.unknown(&section, key, entry, known);
            } else if !entry.value.is_null() {
                self.clause(key, entry, &mut rule);
            }
        }
        if rule.when == Some(RuleWhen::Delayed) && rule.start_in_s.is_none() {
            let message = "`rules:when: delayed` needs `start_in` in the same rule";
            self.fields.error_fix(
                node.mark,
                "start_in_missing",
                message,
                "add `start_in: 5 minutes`",
            );
        }
        let given = |key| map.get(key).filter(|entry| !entry.value.is_null());
        // A `when` that could not be read has its own error.
        if let Some(start_in) = given("start_in")
            && (given("when").is_none() || rule.when.is_some_and(|when| when != RuleWhen::Delayed))
        {
            let message = "`rules:start_in` needs `when: delayed` in the same rule";
            let fix = "write `when: delayed`, or remove `start_in`";
            self.fields
                .error_fix(start_in.key, "start_in_alone", message, fix);
        }
        rule
    }

    fn clause(&mut self, key: &str, entry: &Entry, rule: &mut Rule) {
        let field = self.name(key);
        let value = &entry.value;
        match key {
            "if" => match &value.value {
                Value::Text(text) => {
                    rule.text = Some(Arc::clone(text));
                    rule.mark = value.mark;
                    rule.condition = self.world.expression(text, value.mark, self.fields.sink);
                }
                _ => {
                    rule.text = Some("".into());
                    self.fields.wrong(
                        &field,
                        value,
                        "an expression such as `$CI_COMMIT_BRANCH == \"main\"`",
                    );
                }
            },
            "changes" => rule.changes = Some(self.changes(&field, value)),
            "exists" => rule.exists = Some(self.exists(&field, value)),
            "variables" => rule.variables = self.fields.variables(&field, value, false),
            "when" => rule.when = self.when(&field, value),
            "start_in" => rule.start_in_s = self.fields.start_in(&field, value),
            "allow_failure" => {
                rule.allow_failure = self.fields.bool(&field, value).map(|yes| {
                    if yes {
                        AllowFailure::Yes
                    } else {
                        AllowFailure::No
                    }
                });
            }
            "needs" => rule.needs = Some(outputs::needs(&mut self.fields, &field, entry)),
            "interruptible" => rule.interruptible = self.fields.bool(&field, value),
            _ => rule.auto_cancel = outputs::auto_cancel(&mut self.fields, &field, value),
        }
    }

    fn when(&mut self, field: &str, node: &Node) -> Option<RuleWhen> {
        match self.place {
            Place::Job => self.fields.choice(field, node, &WHEN),
            Place::Workflow | Place::Include => {
                let choices = [("always", RuleWhen::Always), ("never", RuleWhen::Never)];
                self.fields.choice(field, node, &choices)
            }
        }
    }

    fn changes(&mut self, field: &str, node: &Node) -> Changes {
        let mut changes = Changes {
            paths: Vec::new(),
            compare_to: None,
        };
        if let Some(map) = node.map() {
            for (key, entry) in map.iter() {
                match &**key {
                    "paths" => changes.paths = self.patterns(field, &entry.value),
                    "compare_to" => {
                        let name = self.fields.text(field, &entry.value);
                        changes.compare_to = name.map(|name| (name, entry.value.mark));
                    }
                    _ => self
                        .fields
                        .unknown(field, key, entry, &["paths", "compare_to"]),
                }
            }
        } else {
            changes.paths = self.patterns(field, node);
        }
        changes
    }

    fn exists(&mut self, field: &str, node: &Node) -> Vec<String> {
        let Some(map) = node.map() else {
            return self.patterns(field, node);
        };
        let mut paths = Vec::new();
        for (key, entry) in map.iter() {
            match &**key {
                "paths" => paths = self.patterns(field, &entry.value),
                "project" | "ref" => {
                    let fix = "ask for files of this repository only";
                    self.fields
                        .unsupported(entry.key, &format!("`{field}:{key}`"), fix);
                }
                _ => self
                    .fields
                    .unknown(field, key, entry, &["paths", "project", "ref"]),
            }
        }
        paths
    }

    fn patterns(&mut self, field: &str, node: &Node) -> Vec<String> {
        let patterns = self.fields.texts(field, node, false);
        if patterns.len() > MAX_PATTERNS {
            let message = format!(
                "`{field}` has {} patterns; at most {MAX_PATTERNS} are allowed",
                patterns.len()
            );
            self.fields.error(node.mark, "too_many_patterns", &message);
        }
        for pattern in &patterns {
            if let Err(reason) = crate::glob::Glob::new(pattern, crate::glob::Dialect::Fnmatch) {
                let message =
                    format!("`{field}`: the pattern `{pattern}` cannot be used: {reason}");
                self.fields.error(node.mark, "bad_pattern", &message);
            }
        }
        patterns
    }
}

/// `only` or `except`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(crate) mark: Mark,
    pub(crate) refs: Option<Vec<RefPattern>>,
    pub(crate) variables: Option<Vec<Arc<Expression>>>,
    pub(crate) changes: Option<Changes>,
}

/// One entry of `only:refs`.
#[derive(Debug, Clone)]
pub(crate) struct RefPattern {
    text: String,
    regex: Option<Regex>,
    project: Option<String>,
}

/// What the event's ref is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefKind {
    Branch,
    Tag,
    MergeRequest,
}

/// What `only` and `except` look at.
pub(crate) struct Event<'a> {
    pub(crate) kind: RefKind,
    pub(crate) name: &'a str,
    pub(crate) source: &'a str,
    pub(crate) project: &'a str,
}

impl RefPattern {
    fn matches(&self, event: &Event<'_>) -> bool {
        if self
            .project
            .as_ref()
            .is_some_and(|project| project != event.project)
        {
            return false;
        }
        match (self.text.as_str(), event.kind) {
            ("branches", RefKind::Branch) | ("tags", RefKind::Tag) => return true,
            _ => {}
        }
        let source = event.source.trim_end_matches("_event");
        let plural = match source {
            "push" => "pushes".to_owned(),
            other => format!("{other}s"),
        };
        if self.text == source || self.text == plural {
            return true;
        }
        if event.kind == RefKind::MergeRequest {
            return false;
        }
        match &self.regex {
            Some(regex) => regex.is_match(event.name),
            None => self.text == event.name,
        }
    }
}

impl Policy {
    /// The parts that hold, in words; for `only` all must, for `except` one is enough.
    pub(crate) fn clauses(
        &self,
        event: &Event<'_>,
        world: &World<'_>,
        scope: &Scope<'_>,
        sink: &mut Sink,
    ) -> Vec<(&'static str, bool)> {
        let mut out = Vec::new();
        if let Some(refs) = &self.refs {
            out.push(("refs", refs.iter().any(|pattern| pattern.matches(event))));
        }
        if let Some(expressions) = &self.variables {
            let any = expressions
                .iter()
                .any(|e| world.holds(e, scope, self.mark, sink));
            out.push(("variables", any));
        }
        if let Some(changes) = &self.changes {
            out.push(("changes", world.changes(changes, scope, sink)));
        }
        out
    }
}

/// Reads `only` or `except`.
pub(crate) fn read_policy(
    fields: &mut Fields<'_>,
    field: &str,
    node: &Node,
    world: &World<'_>,
) -> Policy {
    let mut policy = Policy {
        mark: node.mark,
        ..Policy::default()
    };
    let Some(map) = node.map() else {
        policy.refs = Some(refs(fields, field, node));
        return policy;
    };
    for (key, entry) in map.iter() {
        let path = format!("{field}:{key}");
        match &**key {
            "refs" => policy.refs = Some(refs(fields, &path, &entry.value)),
            "variables" => {
                let mut list = Vec::new();
                for (text, mark) in fields.marked_texts(&path, &entry.value, false) {
                    list.extend(world.expression(&text, mark, fields.sink));
                }
                policy.variables = Some(list);
            }
            "changes" => {
                let paths = fields.texts(&path, &entry.value, false);
                policy.changes = Some(Changes {
                    paths,
                    compare_to: None,
                });
            }
            "kubernetes" => fields.unsupported(entry.key, &format!("`{path}`"), "remove it"),
            _ => {
                fields.unknown(
                    field,
                    key,
                    entry,
                    &["refs", "variables", "changes", "kubernetes"],
                );
            }
        }
    }
    policy
}

fn refs(fields: &mut Fields<'_>, field: &str, node: &Node) -> Vec<RefPattern> {
    let mut out = Vec::new();
    for (text, mark) in fields.marked_texts(field, node, true) {
        let (pattern, project) = match text.rsplit_once('@') {
            // In a regular expression an at sign counts only behind its end.
            Some((head, tail))
                if !text.starts_with('/') || pattern::split_slashes(head).is_some() =>
            {
                (head.to_owned(), Some(tail.to_owned()))
            }
            _ => (text.clone(), None),
        };
        let mut regex = None;
        if let Some((source, flags)) = pattern::split_slashes(&pattern) {
            match pattern::compile(source, flags) {
                Ok(compiled) => regex = Some(compiled),
                Err(reason) => {
                    let message = format!("`{field}`: `{pattern}` is broken: {reason}");
                    fields.error(mark, "bad_regex", &message);
                    continue;
                }
            }
        }
        out.push(RefPattern {
            text: pattern,
            regex,
            project,
        });
    }
    out
}
