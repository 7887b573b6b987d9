//! Pushes: the exchange with git, and taking what it moved into the database.
//!
//! The refs on disk are the truth about code; the table `git_ref` is what the platform has acted
//! upon. [`Delivery::reconcile`] closes the difference in one transaction, after each push and at
//! start, so that a stop between the two loses nothing and doubles nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use rialto_delivery_git::hook::{ProtectedBranch, PushPolicy, PushReceipt, Pusher, read_receipts};
use rialto_delivery_git::{Begun, GitError, RepositoryName, Service, ZERO_SHA};
use rialto_delivery_store::ids::{ProjectId, PushEventId};
use rialto_delivery_store::json;
use rialto_delivery_store::project::{self, ProjectRow};
use rialto_delivery_store::push::{self, PushEventRow};
use rialto_platform_evidence::Actor;
use rialto_platform_identity::{Actor as Person, Permission};
use rialto_platform_store::{new_id, now, to_micros};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::error::blocking;
use crate::logs::lock;
use crate::reserved::RESERVED;
use crate::{Delivery, DeliveryError};

/// Refs of one push that get a pipeline.
const PIPELINES_PER_PUSH: usize = 4;

/// A push or fetch as it comes from HTTP.
pub struct Push<B> {
    /// `namespace/project`.
    pub project_path: String,
    /// What is asked for.
    pub service: Service,
    /// `Git-Protocol` header.
    pub protocol: Option<String>,
    /// The body is compressed.
    pub gzip: bool,
    /// Request body.
    pub body: B,
}

impl Delivery {
    /// The answer to `info/refs`. Whether the caller may read or push is the caller's check for
    /// reading; the push itself is judged by the policy.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`] for an unknown project.
    pub async fn advertise_refs(
        &self,
        project_path: &str,
        service: Service,
        protocol: Option<&str>,
    ) -> Result<Vec<u8>, DeliveryError> {
        let project = self.project_by_path(project_path).await?;
        Ok(self
            .repository_of(&project)?
            .advertise(service, protocol)
            .await?)
    }

    /// Serves a fetch.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`] for an unknown project.
    pub async fn fetch<B>(
        &self,
        request: Push<B>,
    ) -> Result<mpsc::Receiver<Result<Bytes, std::io::Error>>, DeliveryError>
    where
        B: Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin + 'static,
    {
        let project = self.project_by_path(&request.project_path).await?;
        let repository = self.repository_of(&project)?;
        let protocol = request.protocol.as_deref();
        let exchange = repository.exchange(
            Service::UploadPack,
            protocol,
            request.gzip,
            None,
            request.body,
        )?;
        let Begun {
            first,
            mut output,
            finished,
        } = exchange.begun().await?;
        let (sender, answer) = mpsc::channel(16);
        tokio::spawn(async move {
            let mut next = first;
            while let Some(chunk) = next {
                if sender.send(chunk).await.is_err() {
                    break;
                }
                next = output.recv().await;
            }
            drop(output);
            report("fetch", finished).await;
        });
        Ok(answer)
    }

    /// Serves a push. The answer ends when the push is taken: its pipelines exist then.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`] without the right to push; [`DeliveryError::NotFound`].
    pub async fn push<B>(
        &self,
        actor: &Person,
        request: Push<B>,
    ) -> Result<mpsc::Receiver<Result<Bytes, std::io::Error>>, DeliveryError>
    where
        B: Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin + 'static,
    {
        actor.require(Permission::CodePush)?;
        let project = self.project_by_path(&request.project_path).await?;
        let repository = self.repository_of(&project)?;
        let policy = self.push_policy(actor, &project).await?;
        let exchange = repository.exchange(
            Service::ReceivePack,
            request.protocol.as_deref(),
            request.gzip,
            Some(&policy),
            request.body,
        )?;
        let (sender, answer) = mpsc::channel(16);
        let (said, begun) = oneshot::channel();
        let delivery = self.clone();
        // A task of its own: the push is taken even when the client goes away in the middle.
        tokio::spawn(async move {
            let (first, mut output, finished) = match exchange.begun().await {
                Ok(Begun {
                    first,
                    output,
                    finished,
                }) => (first, output, finished),
                Err(error) => {
                    tracing::info!(%error, "a push was no push");
                    // Whoever waited may be gone.
                    let _unheard = said.send(Err(error));
                    return;
                }
            };
            let mut client_is_there = said.send(Ok(())).is_ok();
            let mut next = first;
            while let Some(chunk) = next {
                if client_is_there {
                    client_is_there = sender.send(chunk).await.is_ok();
                }
                next = output.recv().await;
            }
            report("push", finished).await;
            if let Err(error) = delivery.take_pushes(&project).await {
                tracing::error!(project = project.path, %error, "a push waits to be taken");
            }
            drop(sender);
        });
        begun
            .await
            .map_err(|_| DeliveryError::Internal("a push ended without a word".to_owned()))??;
        Ok(answer)
    }

    /// What this actor may do in a push.
    async fn push_policy(
        &self,
        actor: &Person,
        project: &ProjectRow,
    ) -> Result<PushPolicy, DeliveryError> {
        let mut protected = Vec::new();
        for rule in project::protected_branches(&mut self.db(), &project.id).await? {
            let roles: Vec<String> = json::read("push_roles", &rule.push_roles)?;
            let may_push = roles.is_empty()
                || actor
                    .roles
                    .iter()
                    .any(|role| roles.iter().any(|r| r == role.as_str()));
            protected.push(ProtectedBranch {
                pattern: rule.pattern,
                may_push,
                allow_force: rule.allow_force,
                allow_delete: rule.allow_delete,
            });
        }
        Ok(PushPolicy {
            push_id: new_id::<PushEventId>().to_string(),
            pusher: Pusher {
                id: actor.user_id.to_string(),
                login: actor.login.clone(),
                name: actor.name.clone(),
                email: actor.email.clone(),
                auth: actor.auth.as_str().to_owned(),
            },
            may_push: actor.may(Permission::CodePush),
            protected,
            receipts: self.repository_of(project)?.receipts_folder(),
            reserved_variables: RESERVED.iter().map(|name| (*name).to_owned()).collect(),
        })
    }

    /// Takes what was pushed into the database and makes the pipelines.
    ///
    /// # Errors
    /// Store and git errors; the next call, or the next start, tries again.
    pub async fn take_pushes(&self, project: &ProjectRow) -> Result<(), DeliveryError> {
        let events = self.reconcile(project).await?;
        for event in &events {
            if let Err(error) = self.create_for_push(event).await {
                let name = &event.ref_name;
                tracing::warn!(ref_name = name, %error, "no pipeline yet; the sweep tries again");
            }
        }
        Ok(())
    }

    /// Compares the refs on disk with the table and notes every difference as push events.
    async fn reconcile(&self, project: &ProjectRow) -> Result<Vec<PushEventRow>, DeliveryError> {
        let one_at_a_time = self.reconcile_lock(&project.id);
        let _held = one_at_a_time.lock().await;
        let repository = self.repository_of(project)?;
        let folder = repository.receipts_folder();
        // Receipts first: one that comes after the refs were read is left for its own push.
        let receipts =
            blocking(move || read_receipts(&folder).map_err(DeliveryError::file(&folder))).await?;
        let on_disk: BTreeMap<String, String> = repository
            .refs()
            .await?
            .into_iter()
            .map(|r| (r.name, r.sha))
            .collect();
        let known: BTreeMap<String, String> = push::refs(&mut self.db(), &project.id)
            .await?
            .into_iter()
            .map(|row| (row.name, row.sha))
            .collect();
        let moved = moves(&known, &on_disk, &receipts);
        let events = match moved.is_empty() {
            true => Vec::new(),
            false => self.store_moves(project, moved).await?,
        };
        remove_taken(receipts, &on_disk).await;
        Ok(events)
    }

    async fn store_moves(
        &self,
        project: &ProjectRow,
        moved: Vec<Moved>,
    ) -> Result<Vec<PushEventRow>, DeliveryError> {
        let at = to_micros(now());
        let mut tx = self.db().begin().await?;
        let mut events = Vec::new();
        let mut per_push: BTreeMap<String, usize> = BTreeMap::new();
        for change in moved {
            let row = change.event(project, at);
            let pipelines = per_push.entry(row.push_id.clone()).or_default();
            *pipelines += 1;
            if !push::insert(&mut tx, &row).await? {
                continue;
            }
            let sha = (row.new_sha != ZERO_SHA).then_some(row.new_sha.as_str());
            push::set_ref(&mut tx, &project.id, &row.ref_name, sha, at).await?;
            let actor = Actor::new(row.pusher_id.as_str(), "user", change.pusher.auth.as_str());
            let body = json!({
                "event": row.id.as_str(),
                "push": row.push_id,
                "project": project.path,
                "ref": row.ref_name,
                "old": row.old_sha,
                "new": row.new_sha,
                "pusher": {"id": row.pusher_id, "login": row.pusher_login, "name": row.pusher_name},
                "options": change.options,
            });
            let subject = format!("project:{}", project.id);
            self.record(&mut tx, actor, "push", subject, body, Vec::new())
                .await?;
            if *pipelines > PIPELINES_PER_PUSH {
                tracing::warn!(
                    ref_name = row.ref_name,
                    "too many refs in one push: no pipeline"
                );
                push::set_handled(&mut tx, &row.id, at).await?;
                continue;
            }
            events.push(row);
        }
        let topic = format!("project:{}", project.id);
        let version = project.version;
        tx.publish(&topic, project.id.as_str(), version, &["refs"], Value::Null)
            .await;
        tx.commit().await?;
        Ok(events)
    }

    fn reconcile_lock(&self, project: &ProjectId) -> Arc<tokio::sync::Mutex<()>> {
        lock(&self.inner.reconciling)
            .entry(project.clone())
            .or_default()
            .clone()
    }

    /// Takes what was pushed to any project while nobody looked.
    pub(crate) async fn reconcile_all(&self) -> Result<(), DeliveryError> {
        let mut after = String::new();
        loop {
            let page = project::list(&mut self.db(), &after, 200).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after.clone_from(&last.path);
            for project in &page {
                if let Err(error) = self.reconcile(project).await {
                    tracing::error!(project = project.path, %error, "cannot read its refs");
                }
            }
        }
    }

    /// Makes pipelines for push events that have none yet.
    pub(crate) async fn handle_push_events(&self) -> Result<(), DeliveryError> {
        for event in push::unhandled(&mut self.db()).await? {
            if let Err(error) = self.create_for_push(&event).await {
                tracing::warn!(event = %event.id, %error, "no pipeline yet; the sweep tries again");
            }
        }
        Ok(())
    }

    pub(crate) async fn project_by_path(&self, path: &str) -> Result<ProjectRow, DeliveryError> {
        RepositoryName::parse(path)?;
        project::find_by_path(&mut self.db(), path)
            .await?
            .ok_or_else(|| DeliveryError::not_found("project", path))
    }
}

/// Waits for the end of an exchange and writes down how it ended, if not well.
async fn report(what: &str, finished: Option<JoinHandle<Result<(), GitError>>>) {
    let Some(finished) = finished else { return };
    if let Ok(Err(error)) = finished.await {
        tracing::info!(%error, "{what} ended with an error");
    }
}

/// A ref that moved, and by whom as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moved {
    name: String,
    old: String,
    new: String,
    push_id: String,
    pusher: Pusher,
    options: Vec<String>,
    pushed_at: Option<i64>,
}

impl Moved {
    fn event(&self, project: &ProjectRow, at: i64) -> PushEventRow {
        PushEventRow {
            id: new_id(),
            project_id: project.id.clone(),
            push_id: self.push_id.clone(),
            ref_name: self.name.clone(),
            old_sha: self.old.clone(),
            new_sha: self.new.clone(),
            pusher_id: self.pusher.id.clone(),
            pusher_login: self.pusher.login.clone(),
            pusher_name: self.pusher.name.clone(),
            pusher_email: self.pusher.email.clone(),
            options: json::write(&self.options).unwrap_or_else(|_| "[]".to_owned()),
            pushed_at: self.pushed_at.unwrap_or(at),
            handled_at: None,
        }
    }
}

/// Explains the difference between two sets of refs by receipts, in their order. What no receipt
/// explains is a move by the server itself.
fn moves(
    known: &BTreeMap<String, String>,
    on_disk: &BTreeMap<String, String>,
    receipts: &[(PathBuf, PushReceipt)],
) -> Vec<Moved> {
    let mut moved = Vec::new();
    let names: std::collections::BTreeSet<&String> = known.keys().chain(on_disk.keys()).collect();
    for name in names {
        let zero = ZERO_SHA.to_owned();
        let mut at = known.get(name).unwrap_or(&zero).clone();
        let target = on_disk.get(name).unwrap_or(&zero);
        for (_, receipt) in receipts {
            if &at == target {
                break;
            }
            // A receipt whose push git refused in the end does not continue the chain.
            let step = receipt
                .changes
                .iter()
                .find(|c| &c.name == name && c.old == at);
            let leads_on = |new: &str| {
                new == target
                    || receipts.iter().any(|(_, later)| {
                        later
                            .changes
                            .iter()
                            .any(|c| &c.name == name && c.old == new)
                    })
            };
            if let Some(step) = step.filter(|step| leads_on(&step.new)) {
                moved.push(Moved {
                    name: name.clone(),
                    old: at,
                    new: step.new.clone(),
                    push_id: receipt.push_id.clone(),
                    pusher: receipt.pusher.clone(),
                    options: receipt.options.clone(),
                    pushed_at: Some(receipt.received_at),
                });
                at = step.new.clone();
            }
        }
        if &at != target {
            moved.push(Moved {
                name: name.clone(),
                new: target.clone(),
                push_id: format!("server-{}", new_id::<PushEventId>()),
                pusher: Pusher {
                    id: "system".into(),
                    login: "system".into(),
                    name: "Rialto".into(),
                    email: String::new(),
                    auth: "system".into(),
                },
                options: Vec::new(),
                pushed_at: None,
                old: at,
            });
        }
    }
    moved
}

/// Removes the receipts that are in the database now. One that explains nothing yet may belong to
/// a push whose refs are still moving; it goes when it is an hour old.
async fn remove_taken(receipts: Vec<(PathBuf, PushReceipt)>, on_disk: &BTreeMap<String, String>) {
    let hour_ago = to_micros(now()) - 3_600_000_000;
    for (path, receipt) in receipts {
        let done = receipt.changes.iter().all(|change| {
            let now = on_disk.get(&change.name).map_or(ZERO_SHA, String::as_str);
            now != change.old
        });
        if done || receipt.received_at < hour_ago {
            let _ = tokio::fs::remove_file(&path).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use rialto_delivery_git::hook::RefChange;

    use super::*;

    fn refs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter()
            .map(|(n, s)| ((*n).to_owned(), (*s).to_owned()))
            .collect()
    }

    fn receipt(id: &str, at: i64, changes: &[(&str, &str, &str)]) -> (PathBuf, PushReceipt) {
        let pusher = Pusher {
            id: format!("user of {id}"),
            login: "lin".into(),
            name: "Lin".into(),
            email: String::new(),
            auth: "token".into(),
        };
        let changes = changes
            .iter()
            .map(|(n, o, w)| RefChange {
                name: (*n).into(),
                old: (*o).into(),
                new: (*w).into(),
            })
            .collect();
        let receipt = PushReceipt {
            push_id: id.into(),
            pusher,
            changes,
            options: Vec::new(),
            received_at: at,
        };
        (PathBuf::from(id), receipt)
    }

    fn told(moved: &[Moved]) -> Vec<(&str, &str, &str)> {
        moved
            .iter()
            .map(|m| (m.old.as_str(), m.new.as_str(), m.pusher.id.as_str()))
            .collect()
    }

    #[test]
    fn several_pushes_that_nobody_took_are_told_apart() {
        let receipts = [
            receipt("p1", 1, &[("main", "a", "b")]),
            receipt("p2", 2, &[("main", "b", "c")]),
        ];
        let moved = moves(&refs(&[("main", "a")]), &refs(&[("main", "c")]), &receipts);
        assert_eq!(
            told(&moved),
            [("a", "b", "user of p1"), ("b", "c", "user of p2")]
        );
    }

    #[test]
    fn a_receipt_of_a_push_that_git_refused_explains_nothing() {
        let receipts = [
            receipt("p1", 1, &[("main", "a", "x")]),
            receipt("p2", 2, &[("main", "a", "b")]),
        ];
        let moved = moves(&refs(&[("main", "a")]), &refs(&[("main", "b")]), &receipts);
        assert_eq!(told(&moved), [("a", "b", "user of p2")]);
        assert!(moves(&refs(&[("main", "a")]), &refs(&[("main", "a")]), &receipts).is_empty());
    }

    #[test]
    fn new_and_deleted_refs_and_moves_without_receipt_are_seen() {
        let receipts = [receipt("p1", 1, &[("topic", ZERO_SHA, "t")])];
        let known = refs(&[("main", "a"), ("old", "o")]);
        let disk = refs(&[("main", "b"), ("topic", "t")]);
        let moved = moves(&known, &disk, &receipts);
        assert_eq!(
            told(&moved),
            [
                ("a", "b", "system"),
                ("o", ZERO_SHA, "system"),
                (ZERO_SHA, "t", "user of p1")
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn untaken_pushes_lead_from_the_known_ref_to_the_one_on_disk(
            steps in proptest::collection::vec(0_u8..6, 1..8),
            missing in proptest::collection::vec(proptest::bool::ANY, 8),
        ) {
            let sha = |step: u8| format!("sha {step}");
            let mut receipts = Vec::new();
            for (at, pair) in steps.windows(2).enumerate() {
                if !missing[at] {
                    let change = ("main", &*sha(pair[0]), &*sha(pair[1]));
                    receipts.push(receipt(&format!("p{at}"), at as i64, &[change]));
                }
            }
            let (first, last) = (sha(steps[0]), sha(steps[steps.len() - 1]));
            let moved =
                moves(&refs(&[("main", &first)]), &refs(&[("main", &last)]), &receipts);
            let mut at = first;
            for step in &moved {
                proptest::prop_assert_eq!(&step.old, &at);
                at.clone_from(&step.new);
            }
            proptest::prop_assert_eq!(at, last);
        }
    }
}
