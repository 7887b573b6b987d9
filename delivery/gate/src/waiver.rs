//! Waivers: a rule passes for a reason, on somebody else's word, for a time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::rule::Rule;
use crate::verdict::Subject;

/// Leave to pass although a rule fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Identity of the waiver.
    pub id: String,
    /// Ids of the rules it covers.
    pub rules: Vec<String>,
    /// Project it is for.
    pub project_id: String,
    /// Commit it is for; any of the branch when absent.
    #[serde(default)]
    pub sha: Option<String>,
    /// Full ref it is for (`refs/heads/main`); any when absent, but then `sha` must be there.
    #[serde(default)]
    pub git_ref: Option<String>,
    /// Why.
    pub reason: String,
    /// Work item that will mend it.
    pub work_item: String,
    /// Who asked.
    pub requester: String,
    /// Who allowed it.
    pub approver: String,
    /// Roles the approver held at that time.
    pub approver_roles: Vec<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when, at most 30 days later.
    pub expires_at: Timestamp,
    /// How often it may be used.
    pub max_uses: u32,
    /// How often it was used before this verdict.
    #[serde(default)]
    pub uses: u32,
}

/// What a waiver did in a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppliedWaiver {
    /// The waiver.
    pub id: String,
    /// Rules it let pass.
    pub rules: Vec<String>,
    /// Why it did nothing, if it did nothing.
    pub inert: Option<String>,
}

/// Longest life of a waiver.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Role the approver must hold.
const APPROVER_ROLE: &str = "quality_owner";

impl Waiver {
    /// Why the waiver may not be used for `subject`, or `None` if it may.
    ///
    /// The time of judging is the verdict's own, so an expired waiver is inert at once and a
    /// replay judges as of then.
    pub fn inert(&self, subject: &Subject) -> Option<String> {
        let at = subject.created_at;
        if self.project_id != subject.project_id {
            return Some("it is for another project".to_owned());
        }
        match (&self.sha, &self.git_ref) {
            (None, None) => return Some("it names neither a commit nor a ref".to_owned()),
            (Some(sha), _) if *sha != subject.sha => {
                return Some("it is for another commit".to_owned());
            }
            (_, Some(git_ref)) if Some(git_ref) != subject.git_ref.as_ref() => {
                return Some("it is for another ref".to_owned());
            }
            _ => {}
        }
        if self.reason.trim().is_empty() || self.work_item.trim().is_empty() {
            return Some("it gives no reason or no work item".to_owned());
        }
        if self.approver == self.requester {
            return Some("the approver is the requester".to_owned());
        }
        if subject.authors.contains(&self.approver) {
            return Some("the approver is an author of the change".to_owned());
        }
        if !self.approver_roles.iter().any(|role| role == APPROVER_ROLE) {
            return Some(format!(
                "the approver does not hold the role {APPROVER_ROLE}"
            ));
        }
        if self.expires_at.duration_since(self.created_at) > LONGEST {
            return Some("it would last longer than 30 days".to_owned());
        }
        if at < self.created_at {
            return Some("it is not in force yet".to_owned());
        }
        if at >= self.expires_at {
            return Some("it has expired".to_owned());
        }
        if self.uses >= self.max_uses {
            return Some(format!("its {} use(s) are spent", self.max_uses));
        }
        None
    }

    /// True if the waiver names `rule` and the rule allows waivers.
    pub fn covers(&self, rule: &Rule) -> bool {
        rule.waivable && self.rules.contains(&rule.id)
    }
}
