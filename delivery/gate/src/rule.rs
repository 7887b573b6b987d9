//! What a rule says.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::number::Decimal;

/// One condition of a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name within the rule set, such as `coverage-new`; a child set refers to it.
    pub id: String,
    /// What is measured.
    pub measure: Measure,
    /// Which code it is measured on.
    #[serde(default)]
    pub scope: Scope,
    /// How the value is held against the bound.
    pub op: Operator,
    /// The bound: percent for shares, a count for counts.
    pub bound: Decimal,
    /// What a missing measurement means.
    #[serde(default)]
    pub on_missing: OnMissing,
    /// Fewest items (lines, tests) to judge by; with fewer the measurement counts as missing.
    #[serde(default)]
    pub min_sample: u64,
    /// What happens when the change is too small to judge; new code only.
    #[serde(default)]
    pub small_change: SmallChange,
    /// What a failure does.
    #[serde(default)]
    pub effect: Effect,
    /// A waiver may let it pass.
    #[serde(default = "yes")]
    pub waivable: bool,
    /// When the rule is asked.
    #[serde(default = "Event::every")]
    pub applies_to: BTreeSet<Event>,
    /// Child rule sets may tighten the rule but not loosen or drop it.
    #[serde(default)]
    pub mandatory: bool,
}

/// Id of [`Rule::report_integrity`].
pub(crate) const REPORT_INTEGRITY: &str = "report-integrity";

impl Rule {
    /// The rule that no report of tests or coverage may contradict itself: a file that says one number and holds
    /// another was cut, merged wrongly or written by hand, and proves nothing. It stands in every
    /// gate whose rule set has no rule of its own on [`Measure::ReportsContradictory`].
    pub(crate) fn report_integrity() -> Self {
        Self {
            id: REPORT_INTEGRITY.to_owned(),
            measure: Measure::ReportsContradictory,
            scope: Scope::Overall,
            op: Operator::Equal,
            bound: Decimal::whole(0),
            on_missing: OnMissing::Pass,
            min_sample: 0,
            small_change: SmallChange::default(),
            effect: Effect::Block,
            waivable: true,
            applies_to: Event::every(),
            mandatory: false,
        }
    }
}

fn yes() -> bool {
    true
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$inner])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word used in JSON.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// What a rule measures.
    Measure {
        /// Share of executable lines that ran, in percent.
        CoverageLine = "coverage.line",
        /// Share of branches that were taken, in percent.
        CoverageBranch = "coverage.branch",
        /// Share of passed tests among those that ran, in percent.
        TestsPassRate = "tests.pass_rate",
        /// Tests that failed or broke.
        TestsFailed = "tests.failed",
        /// Tests that were run again after a failure.
        TestsFlaky = "tests.flaky",
        /// Tests that ran.
        TestsCount = "tests.count",
        /// Reports whose written totals differ from the cases or lines they hold. Judged in every gate
        /// ([`Rule::report_integrity`]) unless the rule set has a rule of its own on it.
        ReportsContradictory = "reports.contradictory",
    }
}

impl Measure {
    /// True if the value is a percentage, false if it is a count.
    pub fn is_share(self) -> bool {
        match self {
            Self::CoverageLine | Self::CoverageBranch | Self::TestsPassRate => true,
            Self::TestsFailed
            | Self::TestsFlaky
            | Self::TestsCount
            | Self::ReportsContradictory => false,
        }
    }

    /// True if the measure can be told apart by new and existing code.
    pub fn has_scopes(self) -> bool {
        self == Self::CoverageLine
    }

    /// What is counted, for sentences.
    pub(crate) fn items(self) -> &'static str {
        match self {
            Self::CoverageLine => "executable lines",
            Self::CoverageBranch => "branches",
            Self::TestsPassRate | Self::TestsFailed | Self::TestsFlaky | Self::TestsCount => {
                "tests that ran"
            }
            Self::ReportsContradictory => "test reports",
        }
    }
}

words! {
    /// Which code a measure is taken on.
    Scope {
        /// The whole tree.
        Overall = "overall",
        /// Lines added or changed since the base, moved ones excepted.
        New = "new",
        /// Overall minus new.
        Existing = "existing",
    }
}

words! {
    /// How a value is held against the bound.
    Operator {
        /// At least.
        AtLeast = ">=",
        /// More than.
        MoreThan = ">",
        /// At most.
        AtMost = "<=",
        /// Less than.
        LessThan = "<",
        /// Exactly.
        Equal = "==",
        /// Anything but.
        NotEqual = "!=",
    }
}

impl Operator {
    /// Whether a value that compares like this to the bound is accepted.
    pub fn accepts(self, value_to_bound: std::cmp::Ordering) -> bool {
        match self {
            Self::AtLeast => value_to_bound.is_ge(),
            Self::MoreThan => value_to_bound.is_gt(),
            Self::AtMost => value_to_bound.is_le(),
            Self::LessThan => value_to_bound.is_lt(),
            Self::Equal => value_to_bound.is_eq(),
            Self::NotEqual => value_to_bound.is_ne(),
        }
    }
}

words! {
    /// What a missing measurement means; the later, the looser.
    OnMissing {
        /// The rule fails.
        Fail = "fail",
        /// The rule passes and says so loudly.
        Warn = "warn",
        /// The rule passes.
        Pass = "pass",
    }
}

words! {
    /// What a failure does; the later, the looser.
    Effect {
        /// The verdict fails.
        Block = "block",
        /// The verdict shows it and passes.
        Warn = "warn",
    }
}

words! {
    /// What is asked of a change that is too small to judge; the later, the looser.
    SmallChangeAction {
        /// The bound holds all the same.
        Enforce = "enforce",
        /// The whole tree is judged instead.
        Overall = "overall",
        /// The rule passes as skipped.
        Skip = "skip",
    }
}

words! {
    /// What a verdict is asked for.
    Event {
        /// A merge request.
        Merge = "merge",
        /// A pipeline of a branch, the default branch above all.
        Main = "main",
        /// An artifact moving to a higher level.
        Promote = "promote",
        /// A deployment.
        Deploy = "deploy",
    }
}

impl Event {
    /// Every event: a rule applies always unless it says otherwise.
    pub fn every() -> BTreeSet<Self> {
        Self::ALL.iter().copied().collect()
    }
}

/// The small-change rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmallChange {
    /// Changes with fewer new executable lines are small.
    pub min_new_lines: u64,
    /// What is asked of them.
    pub action: SmallChangeAction,
}

impl Default for SmallChange {
    fn default() -> Self {
        Self {
            min_new_lines: 20,
            action: SmallChangeAction::Skip,
        }
    }
}

macro_rules! defaults {
    ($($name:ident => $value:ident),+) => {
        $(impl Default for $name {
            fn default() -> Self {
                Self::$value
            }
        })+
    };
}
defaults!(Scope => Overall, OnMissing => Fail, Effect => Block);

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.measure.is_share() { " %" } else { "" };
        write!(
            f,
            "{} ({}) {} {}{unit}",
            self.measure, self.scope, self.op, self.bound
        )
    }
}
