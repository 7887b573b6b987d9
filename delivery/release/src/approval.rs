//! Who may approve: no author, pusher or requester of a change is among its approvers.

use serde::{Deserialize, Serialize};

use crate::state::DeploymentState;

/// An account, as far as approval cares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Person {
    /// Account id; empty for people known only from commits.
    pub user_id: String,
    /// Name for people.
    pub name: String,
    /// Every address of the person, aliases included; compared without regard to case.
    pub emails: Vec<String>,
}

impl Person {
    /// Whether the two are one person: same account, or an address in common.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let same_account = !self.user_id.is_empty() && self.user_id == other.user_id;
        same_account
            || self.emails.iter().any(|mine| {
                let mine = mine.trim().to_lowercase();
                !mine.is_empty() && other.emails.iter().any(|o| o.trim().to_lowercase() == mine)
            })
    }
}

/// What is asked of the person, and what is known of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The person.
    pub person: Person,
    /// Holds a role that may approve deployments.
    pub holds_role: bool,
    /// A service identity (token of a machine, runner, the system).
    pub is_service: bool,
}

/// The deployment as approval sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalContext {
    /// State of the deployment.
    pub state: DeploymentState,
    /// Approvals needed.
    pub required: u32,
    /// Authors and committers of the change since the last release.
    pub authors: Vec<Person>,
    /// Accounts that pushed part of the change. A commit names whom its author likes, a push was
    /// authenticated.
    pub pushers: Vec<Person>,
    /// Who asked for the deployment; `None` when the system did.
    pub requested_by: Option<Person>,
    /// Who approved already.
    pub approved_by: Vec<Person>,
}

/// Why somebody may not approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalRefusal {
    /// The deployment is not waiting for approval.
    #[error("the deployment is not waiting for approval")]
    NotAwaiting,
    /// A machine.
    #[error("service identities never approve; a person has to")]
    ServiceIdentity,
    /// No role that may approve.
    #[error("your roles do not allow approving deployments")]
    RoleMissing,
    /// Wrote or committed part of the change.
    #[error("you are an author of this change, and authors do not approve their own deployment")]
    IsAuthor,
    /// Pushed part of the change, whoever its commits name.
    #[error("you pushed part of this change, and who pushes does not approve the deployment of it")]
    IsPusher,
    /// Asked for the deployment.
    #[error("you requested this deployment, and requesters do not approve it")]
    IsRequester,
    /// Already counted.
    #[error("you approved this deployment already")]
    AlreadyApproved,
}

/// Proof that enough different people approved. Only [`quorum`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum(());

/// Whether this person may approve this deployment.
///
/// # Errors
/// The first reason against it.
pub fn may_approve(
    candidate: &Candidate,
    context: &ApprovalContext,
) -> Result<(), ApprovalRefusal> {
    if context.state != DeploymentState::AwaitingApproval {
        return Err(ApprovalRefusal::NotAwaiting);
    }
    if candidate.is_service {
        return Err(ApprovalRefusal::ServiceIdentity);
    }
    disjoint(&candidate.person, context)?;
    if !candidate.holds_role {
        return Err(ApprovalRefusal::RoleMissing);
    }
    if context
        .approved_by
        .iter()
        .any(|p| p.is_same_as(&candidate.person))
    {
        return Err(ApprovalRefusal::AlreadyApproved);
    }
    Ok(())
}

fn disjoint(person: &Person, context: &ApprovalContext) -> Result<(), ApprovalRefusal> {
    if context
        .authors
        .iter()
        .any(|author| author.is_same_as(person))
    {
        return Err(ApprovalRefusal::IsAuthor);
    }
    if context
        .pushers
        .iter()
        .any(|pusher| pusher.is_same_as(person))
    {
        return Err(ApprovalRefusal::IsPusher);
    }
    if context
        .requested_by
        .as_ref()
        .is_some_and(|by| by.is_same_as(person))
    {
        return Err(ApprovalRefusal::IsRequester);
    }
    Ok(())
}

/// Proof that the approvals suffice, counted again from the records: distinct people, none of
/// them an author, a pusher or the requester.
#[must_use]
pub fn quorum(context: &ApprovalContext) -> Option<Quorum> {
    let mut counted: Vec<&Person> = Vec::new();
    for person in &context.approved_by {
        let repeated = counted.iter().any(|p| p.is_same_as(person));
        if !repeated && disjoint(person, context).is_ok() {
            counted.push(person);
        }
    }
    (counted.len() >= usize::try_from(context.required).unwrap_or(usize::MAX)).then_some(Quorum(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, email: &str) -> Person {
        Person {
            user_id: id.into(),
            name: id.into(),
            emails: vec![email.into()],
        }
    }

    fn candidate(person: Person) -> Candidate {
        Candidate {
            person,
            holds_role: true,
            is_service: false,
        }
    }

    fn context() -> ApprovalContext {
        ApprovalContext {
            state: DeploymentState::AwaitingApproval,
            required: 1,
            authors: vec![person("", "dev@house.example")],
            pushers: vec![person("u-pusher", "pusher@house.example")],
            requested_by: Some(person("u-lead", "lead@house.example")),
            approved_by: vec![],
        }
    }

    #[test]
    fn an_author_known_only_by_a_commit_address_does_not_approve() {
        let dev = candidate(person("u-dev", " DEV@house.example"));
        assert_eq!(
            may_approve(&dev, &context()),
            Err(ApprovalRefusal::IsAuthor)
        );
    }

    #[test]
    fn whoever_pushed_does_not_approve_and_is_not_counted() {
        let pusher = person("u-pusher", "another@house.example");
        assert_eq!(
            may_approve(&candidate(pusher.clone()), &context()),
            Err(ApprovalRefusal::IsPusher)
        );
        let mut context = context();
        context.approved_by = vec![pusher];
        assert!(quorum(&context).is_none());
    }

    #[test]
    fn requester_machine_and_roleless_do_not_approve() {
        let lead = candidate(person("u-lead", "other@house.example"));
        assert_eq!(
            may_approve(&lead, &context()),
            Err(ApprovalRefusal::IsRequester)
        );
        let mut machine = candidate(person("u-bot", ""));
        machine.is_service = true;
        assert_eq!(
            may_approve(&machine, &context()),
            Err(ApprovalRefusal::ServiceIdentity)
        );
        let mut roleless = candidate(person("u-x", "x@house.example"));
        roleless.holds_role = false;
        assert_eq!(
            may_approve(&roleless, &context()),
            Err(ApprovalRefusal::RoleMissing)
        );
    }

    #[test]
    fn one_person_with_two_accounts_counts_once() {
        let mut context = context();
        context.required = 2;
        context.approved_by = vec![
            person("a", "same@house.example"),
            person("b", "Same@house.example"),
        ];
        assert!(quorum(&context).is_none());
        context.approved_by.push(person("c", "c@house.example"));
        assert!(quorum(&context).is_some());
    }

    #[test]
    fn an_empty_address_makes_nobody_the_same() {
        assert!(!person("a", "").is_same_as(&person("b", "")));
        assert!(!person("", "").is_same_as(&person("", "")));
    }

    #[test]
    fn an_approval_outside_the_waiting_state_is_refused() {
        let mut context = context();
        context.state = DeploymentState::Queued;
        let boss = candidate(person("u-boss", "boss@house.example"));
        assert_eq!(
            may_approve(&boss, &context),
            Err(ApprovalRefusal::NotAwaiting)
        );
    }
}
