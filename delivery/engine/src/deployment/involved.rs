//! Who had a hand in a change: the people its commits name, and the accounts that pushed it.
//!
//! A commit names whom its author likes; the account behind a push was authenticated. Both keep
//! somebody from approving.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rialto_delivery_git::{CommitInfo, Repository, RepositoryName, ZERO_SHA};
use rialto_delivery_store::pipeline::PipelineRow;
use rialto_delivery_store::{json, push};
use serde::{Deserialize, Serialize};

use super::Deployments;
use super::load::CommitPerson;
use crate::DeliveryError;

/// Most commits whose people are read; a change of more is not one anybody approves by reading.
const MAX_COMMITS: u32 = 10_000;
/// Most pushes of commits that are in neither version which are looked into; whoever pushed the
/// rest counts as involved.
const MAX_SIDE_PUSHES: usize = 500;

/// A person of a change, as kept in the column `authors` of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Involved {
    pub name: String,
    pub email: String,
    /// Account of an authenticated push; `None` for a person only named by a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pusher_id: Option<String>,
}

/// Everybody of a JSON column.
pub(super) fn involved(column: &'static str, text: &str) -> Result<Vec<Involved>, DeliveryError> {
    Ok(json::read(column, text)?)
}

/// The people that the commits of a JSON column name.
pub(super) fn people(column: &'static str, text: &str) -> Result<Vec<CommitPerson>, DeliveryError> {
    Ok(involved(column, text)?
        .into_iter()
        .filter(|person| person.pusher_id.is_none())
        .map(|person| CommitPerson {
            name: person.name,
            email: person.email,
        })
        .collect())
}

/// The accounts of a JSON column.
pub(super) fn pushers(column: &'static str, text: &str) -> Result<Vec<Involved>, DeliveryError> {
    let mut all = involved(column, text)?;
    all.retain(|person| person.pusher_id.is_some());
    Ok(all)
}

impl Deployments {
    /// Authors and committers after `from` up to the pipeline's commit, and whoever pushed these
    /// commits. When nothing lies between, those of the commit itself.
    pub(super) async fn involved_between(
        &self,
        pipeline: &PipelineRow,
        from: Option<&str>,
    ) -> Result<Vec<Involved>, DeliveryError> {
        let name = RepositoryName::parse(&pipeline.project_path)?;
        let repository = self.delivery().git().repository(&name)?;
        let mut commits = repository.log(from, &pipeline.sha, MAX_COMMITS).await?;
        if commits.is_empty() {
            commits = repository.log(None, &pipeline.sha, 1).await?;
        }
        let mut all = BTreeSet::new();
        for commit in &commits {
            let mut add = |name: &str, email: &str| {
                all.insert(Involved {
                    name: name.to_owned(),
                    email: email.to_owned(),
                    pusher_id: None,
                });
            };
            add(&commit.author_name, &commit.author_email);
            add(&commit.committer_name, &commit.committer_email);
        }
        let pushers = self
            .pushers_of(pipeline, &repository, from, &commits)
            .await?;
        all.extend(pushers);
        Ok(all.into_iter().collect())
    }

    /// Whoever pushed a head within the change, or was the first to bring one of its commits to
    /// the server, on whatever branch.
    async fn pushers_of(
        &self,
        pipeline: &PipelineRow,
        repository: &Repository,
        from: Option<&str>,
        commits: &[CommitInfo],
    ) -> Result<Vec<Involved>, DeliveryError> {
        let change: HashSet<&str> = commits.iter().map(|c| c.sha.as_str()).collect();
        let served: HashSet<String> = match from {
            Some(from) => shas(repository.log(None, from, MAX_COMMITS).await?),
            None => HashSet::new(),
        };
        let mut unexplained = change.clone();
        let mut found = BTreeMap::new();
        let mut side_pushes = 0;
        for event in push::of_project(&mut self.delivery().db(), &pipeline.project_id).await? {
            if event.new_sha == ZERO_SHA || served.contains(&event.new_sha) {
                continue;
            }
            let within = change.contains(event.new_sha.as_str());
            let mut brought = within;
            if !unexplained.is_empty() && (within || side_pushes < MAX_SIDE_PUSHES) {
                side_pushes += usize::from(!within);
                for sha in self.brought_by(repository, &event).await? {
                    brought |= unexplained.remove(sha.as_str());
                }
            } else if !within && !unexplained.is_empty() {
                brought = true;
            }
            // The server's own moves of refs have nobody behind them.
            if brought && event.pusher_id != "system" {
                found.entry(event.pusher_id.clone()).or_insert(Involved {
                    name: event.pusher_name,
                    email: event.pusher_email,
                    pusher_id: Some(event.pusher_id),
                });
            }
        }
        Ok(found.into_values().collect())
    }

    /// The commits a push brought, nothing for what is no commit or is not kept any more.
    async fn brought_by(
        &self,
        repository: &Repository,
        event: &push::PushEventRow,
    ) -> Result<HashSet<String>, DeliveryError> {
        let Some(new) = repository.resolve(&event.new_sha).await? else {
            return Ok(HashSet::new());
        };
        let old = match event.old_sha.as_str() {
            ZERO_SHA => None,
            old => repository.resolve(old).await?,
        };
        let commits = repository.log(old.as_deref(), &new, MAX_COMMITS).await?;
        Ok(shas(commits))
    }
}

fn shas(commits: Vec<CommitInfo>) -> HashSet<String> {
    commits.into_iter().map(|commit| commit.sha).collect()
}
