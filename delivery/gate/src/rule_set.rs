//! Versioned sets of rules and what a child set may do to its parent's.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::number::Decimal;
use crate::read_rules::RuleError;
use crate::rule::{Effect, Event, Measure, OnMissing, Operator, Rule, Scope, SmallChange};

/// Rules that are asked together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// Name, such as `house-default` or `project:quote-service`.
    pub id: String,
    /// Counted up with each change.
    pub version: u64,
    /// Rules in the order they are shown.
    pub rules: Vec<Rule>,
    /// Patterns of generated and vendored files that coverage leaves out.
    #[serde(default)]
    pub excluded_paths: Vec<String>,
    /// Extensions that coverage is measured for; empty means those that the reports mention.
    #[serde(default)]
    pub measured_extensions: Vec<String>,
}

impl RuleSet {
    /// SHA-256 of the canonical form, in lower-case hex.
    pub fn sha256(&self) -> String {
        canonical::sha256(self)
    }

    /// The matcher for [`RuleSet::excluded_paths`].
    ///
    /// # Errors
    /// The pattern that is wrong, with its pointer.
    pub fn exclusions(&self) -> Result<GlobSet, RuleError> {
        let mut builder = GlobSetBuilder::new();
        for (index, pattern) in self.excluded_paths.iter().enumerate() {
            let pointer = format!("/excluded_paths/{index}");
            let wrong = |error: globset::Error| {
                RuleError::new(
                    pointer.clone(),
                    "invalid_pattern",
                    format!("`{pattern}`: {error}"),
                )
            };
            builder.add(Glob::new(pattern).map_err(wrong)?);
        }
        builder.build().map_err(|error| {
            RuleError::new(
                "/excluded_paths".to_owned(),
                "invalid_pattern",
                error.to_string(),
            )
        })
    }

    /// A child set whose rules in effect are exactly `rules`.
    ///
    /// The child may add rules, tighten any and drop or loosen those that are not mandatory.
    ///
    /// # Errors
    /// One [`RuleError`] for every mandatory rule of this set that `rules` drops or loosens; it
    /// names the rule and the field.
    pub fn derive(
        &self,
        id: impl Into<String>,
        version: u64,
        rules: Vec<Rule>,
    ) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        for parent in self.rules.iter().filter(|rule| rule.mandatory) {
            let at = rules.iter().position(|rule| rule.id == parent.id);
            let Some(at) = at else {
                errors.push(RuleError::new(
                    "/rules".to_owned(),
                    "mandatory_rule_dropped",
                    format!(
                        "rule `{}` is mandatory in `{}`; add it again, at least as strict as {parent}",
                        parent.id, self.id
                    ),
                ));
                continue;
            };
            for (field, what) in loosened(parent, &rules[at]) {
                errors.push(RuleError::new(
                    format!("/rules/{at}/{field}"),
                    "mandatory_rule_loosened",
                    format!(
                        "rule `{}` is mandatory in `{}` and may not be loosened: {what}",
                        parent.id, self.id
                    ),
                ));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            id: id.into(),
            version,
            rules,
            excluded_paths: self.excluded_paths.clone(),
            measured_extensions: self.measured_extensions.clone(),
        })
    }

    /// A child set made of this set's rules with `changes` put over those of the same id and added
    /// after them otherwise.
    ///
    /// # Errors
    /// As [`RuleSet::derive`].
    pub fn overlay(
        &self,
        id: impl Into<String>,
        version: u64,
        changes: Vec<Rule>,
    ) -> Result<Self, Vec<RuleError>> {
        let mut rules = self.rules.clone();
        for change in changes {
            match rules.iter_mut().find(|rule| rule.id == change.id) {
                Some(rule) => *rule = change,
                None => rules.push(change),
            }
        }
        self.derive(id, version, rules)
    }
}

/// Fields in which `child` asks less than `parent`, and what it would have to say.
fn loosened(parent: &Rule, child: &Rule) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut check = |loosened: bool, field: &'static str, cure: String| {
        if loosened {
            found.push((field, cure));
        }
    };
    check(
        child.measure != parent.measure,
        "measure",
        format!("keep `{}`", parent.measure),
    );
    check(
        child.scope != parent.scope,
        "scope",
        format!("keep `{}`", parent.scope),
    );
    let (operator, bound) = compare_bounds(parent, child);
    check(!operator, "op", format!("keep `{}`", parent.op));
    check(
        operator && !bound,
        "bound",
        format!("keep {} {} or stricter", parent.op, parent.bound),
    );
    check(
        child.on_missing > parent.on_missing,
        "on_missing",
        format!("keep `{}` or stricter", parent.on_missing),
    );
    // More items to judge by means more often "missing": stricter only where missing fails.
    let sample = child.min_sample == parent.min_sample
        || (child.on_missing == OnMissing::Fail && child.min_sample > parent.min_sample);
    check(!sample, "min_sample", format!("keep {}", parent.min_sample));
    if child.scope == Scope::New {
        check(
            child.small_change.action > parent.small_change.action,
            "small_change/action",
            format!("keep `{}` or stricter", parent.small_change.action),
        );
        let most = parent.small_change.min_new_lines;
        let enforced = child.small_change.action == crate::rule::SmallChangeAction::Enforce;
        check(
            !enforced && child.small_change.min_new_lines > most,
            "small_change/min_new_lines",
            format!("keep at most {most}"),
        );
    }
    check(
        child.effect > parent.effect,
        "effect",
        format!("keep `{}`", parent.effect),
    );
    check(
        child.waivable && !parent.waivable,
        "waivable",
        "keep `false`".to_owned(),
    );
    let dropped: Vec<&str> = parent
        .applies_to
        .difference(&child.applies_to)
        .map(|event| event.word())
        .collect();
    check(
        !dropped.is_empty(),
        "applies_to",
        format!("keep {}", dropped.join(", ")),
    );
    check(!child.mandatory, "mandatory", "keep `true`".to_owned());
    found
}

/// Whether the child's operator points the same way, and whether its bound asks at least as much.
fn compare_bounds(parent: &Rule, child: &Rule) -> (bool, bool) {
    use Operator::{AtLeast, AtMost, Equal, LessThan, MoreThan, NotEqual};
    match (parent.op, child.op) {
        (AtLeast | MoreThan, MoreThan) | (AtLeast, AtLeast) => (true, child.bound >= parent.bound),
        (MoreThan, AtLeast) => (true, child.bound > parent.bound),
        (AtMost | LessThan, LessThan) | (AtMost, AtMost) => (true, child.bound <= parent.bound),
        (LessThan, AtMost) => (true, child.bound < parent.bound),
        (Equal, Equal) | (NotEqual, NotEqual) => (true, child.bound == parent.bound),
        (AtLeast | MoreThan | AtMost | LessThan | Equal | NotEqual, _) => (false, false),
    }
}

/// The rules every project starts with: all tests pass, existing code is covered to 60 %, new code
/// to 80 %. None is mandatory, so a project may set bounds of its own.
pub fn default_rule_set() -> RuleSet {
    let rule = |id: &str, measure: Measure, scope: Scope, bound: u32| Rule {
        id: id.to_owned(),
        measure,
        scope,
        op: Operator::AtLeast,
        bound: Decimal::whole(bound),
        on_missing: OnMissing::Fail,
        min_sample: 0,
        small_change: SmallChange::default(),
        effect: Effect::Block,
        waivable: true,
        applies_to: Event::every(),
        mandatory: false,
    };
    RuleSet {
        id: "house-default".to_owned(),
        version: 1,
        rules: vec![
            rule(
                "tests-pass-rate",
                Measure::TestsPassRate,
                Scope::Overall,
                100,
            ),
            rule(
                "coverage-existing",
                Measure::CoverageLine,
                Scope::Existing,
                60,
            ),
            rule("coverage-new", Measure::CoverageLine, Scope::New, 80),
        ],
        excluded_paths: TEST_CODE
            .iter()
            .map(|&pattern| pattern.to_owned())
            .collect(),
        measured_extensions: Vec::new(),
    }
}

/// Where tests live by the habits of the languages. Tests are not what tests should cover: without
/// this, a new test file that no coverage report names would count as uncovered new code.
const TEST_CODE: &[&str] = &[
    "test/**",
    "tests/**",
    "**/test/**",
    "**/tests/**",
    "**/test_*.py",
    "**/*_test.*",
    "**/*.test.*",
    "**/*.spec.*",
];
