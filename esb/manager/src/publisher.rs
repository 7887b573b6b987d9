//! Publishing: what the catalogue holds is cut, checked, signed, kept, and brought to the gateways.
//!
//! The activation of an environment says which snapshot is to be in force; each gateway is brought to
//! it, at once by who publishes or goes back, later by [`InterfacePlatform::tend_gateways`]. What a
//! gateway said is kept beside it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rialto_esb_catalogue::cut::{Cut, Facts, Fault, LeftOut, cut};
use rialto_esb_catalogue::subscription::{Event, State, step};
use rialto_esb_policy::calls::CallReport;
use rialto_esb_policy::drift::DriftReport;
use rialto_esb_snapshot::{DOMAIN, Encoded, Snapshot, Token};
use rialto_esb_store::publishing::{self, ActivationRow, NodeRow, SnapshotRow};
use rialto_esb_store::subscription;
use rialto_platform_evidence::SigningKey;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{Tx, from_micros, now, to_micros};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::credentials::not_met;
use crate::subscriptions::{self, ENVIRONMENTS};
use crate::systems::{one_of, text};
use crate::transitions::actor_of;
use crate::trying::{self, Trial, TrialAnswer};
use crate::view::{
    EnvironmentView, LeftOutView, NodeView, PublicationView, SnapshotCounts, SnapshotView,
    UnmetView, Words,
};
use crate::{InterfacePlatform, PlatformError, today};

/// Where going back to begins when nobody says where.
const NEWEST: i64 = i64::MAX;

/// What a gateway says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeStatus {
    /// Version and digest in force there; none before the first publish.
    pub active: Option<(u64, String)>,
    /// Highest version it ever took.
    pub highest: u64,
}

/// What a gateway says of a snapshot that is to be put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It was verified, checked and compiled.
    Ready,
    /// It does not hold there; why.
    Refused(String),
}

/// What is asked of a gateway, on its way.
pub type Asked<'a, T = NodeStatus> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// A gateway that takes snapshots. What goes wrong is told in one line for people.
pub trait GatewayNode: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;
    /// Its environment.
    fn environment(&self) -> &str;
    /// Where it serves interfaces, as far as that is known.
    fn address(&self) -> &str;
    /// What it serves.
    fn status(&self) -> Asked<'_>;
    /// Makes a signed snapshot ready, so that putting it in force is a swap. The error says that it
    /// does not answer.
    fn prepare(&self, signed: String) -> Asked<'_, Readiness>;
    /// Puts a signed snapshot in force.
    fn put(&self, signed: String) -> Asked<'_>;
    /// Goes back to a version it had before.
    fn roll_back(&self, version: u64) -> Asked<'_>;
    /// Sends a request through it, as a caller would; the error says why nothing came back.
    fn send(&self, trial: Trial) -> Asked<'_, TrialAnswer>;
    /// What did not fit the definition since it started.
    fn drift(&self) -> Asked<'_, DriftReport>;
    /// Calls it counted, of edges with one at an instant (microseconds since 1970, its own time) or
    /// later.
    fn calls(&self, since: i64) -> Asked<'_, CallReport>;
}

/// Who signs, and for whom.
pub struct Publisher {
    /// Signs snapshots.
    pub key: SigningKey,
    /// The gateways.
    pub nodes: Vec<Arc<dyn GatewayNode>>,
}

/// A publish as it is asked for.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishInput {
    /// Why.
    pub reason: String,
}

/// A way back as it is asked for.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackInput {
    /// Where to; the one before the one in force when not told.
    pub version: Option<u64>,
    /// Why.
    pub reason: String,
}

fn faulty(faults: Vec<Fault>) -> PlatformError {
    let unmet = faults.into_iter().map(|one| UnmetView {
        guard: one.code.to_owned(),
        text: one.words.into(),
        recorded: true,
        waivable: false,
    });
    PlatformError::NotMet(unmet.collect())
}

pub(crate) fn counts(snapshot: &Snapshot) -> SnapshotCounts {
    SnapshotCounts {
        interfaces: snapshot.interfaces.len(),
        routes: snapshot.routes.len(),
        subscriptions: snapshot.subscriptions.len(),
        credentials: snapshot.credentials.len(),
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn view(row: &SnapshotRow, in_force: Option<i64>) -> Result<SnapshotView, PlatformError> {
    Ok(SnapshotView {
        environment: row.environment.clone(),
        version: unsigned(row.version),
        digest: row.digest.clone(),
        holds: serde_json::from_str(&row.counts).map_err(PlatformError::json("counts"))?,
        author: row.author.clone(),
        reason: row.reason.clone(),
        created_at: from_micros(row.created_at)?,
        in_force: in_force == Some(row.version),
    })
}

fn node_view(row: NodeRow) -> Result<NodeView, PlatformError> {
    let (en, zh) = match row.state.as_str() {
        "active" => ("active", "已生效"),
        "behind" => ("behind", "落后"),
        _ => ("failed", "失败"),
    };
    Ok(NodeView {
        node: row.node,
        address: row.address,
        state_words: Words::new(en, zh),
        state: row.state,
        version: unsigned(row.version),
        digest: row.digest,
        reason: row.reason,
        told_at: from_micros(row.told_at)?,
    })
}

pub(crate) fn left_out(found: Vec<LeftOut>) -> Vec<LeftOutView> {
    let view = |one: LeftOut| LeftOutView {
        what: one.what,
        code: one.code.to_owned(),
        text: one.words.into(),
    };
    found.into_iter().map(view).collect()
}

/// Brings a gateway to a snapshot; what it says then.
async fn bring(node: &dyn GatewayNode, to: &SnapshotRow) -> NodeRow {
    let wanted = (unsigned(to.version), to.digest.clone());
    let mut told = node.status().await;
    if let Ok(status) = &told
        && status.active.as_ref() != Some(&wanted)
    {
        told = match status.highest < wanted.0 {
            true => node.put(to.signed.clone()).await,
            false => node.roll_back(wanted.0).await,
        };
    }
    let mut row = NodeRow {
        environment: to.environment.clone(),
        node: node.name().to_owned(),
        address: node.address().to_owned(),
        state: "failed".to_owned(),
        version: 0,
        digest: String::new(),
        reason: String::new(),
        told_at: to_micros(now()),
    };
    match told {
        Err(reason) => row.reason = reason,
        Ok(status) => {
            let (version, digest) = status.active.unwrap_or_default();
            let same = (version, digest.clone()) == wanted;
            row.state = if same { "active" } else { "behind" }.to_owned();
            row.version = i64::try_from(version).unwrap_or(0);
            row.digest = digest;
            if !same {
                row.reason = format!("it serves version {version}");
            }
        }
    }
    row
}

impl InterfacePlatform {
    fn publisher(&self) -> Option<&Publisher> {
        self.publishing().publisher.get()
    }

    pub(crate) fn nodes(&self, environment: &str) -> Vec<Arc<dyn GatewayNode>> {
        let all = self.publisher().map(|one| one.nodes.as_slice());
        let own = all.unwrap_or_default().iter();
        own.filter(|node| node.environment() == environment)
            .map(Arc::clone)
            .collect()
    }

    /// Cuts, checks and signs what the catalogue holds for an environment, keeps it, brings it to
    /// the gateways and tells what each said. Subscriptions both sides agreed to begin with it.
    ///
    /// # Errors
    /// [`PlatformError::Denied`] without the right; [`PlatformError::NotMet`]: by who set a binding of production that is new
    /// in it; with all that is wrong with the snapshot; when no gateway took it, and then the one
    /// before stays. [`PlatformError::Conflict`] when the environment has no gateway.
    pub async fn publish(
        &self,
        actor: &Actor,
        environment: &str,
        input: &PublishInput,
    ) -> Result<PublicationView, PlatformError> {
        actor.require(Permission::EsbPublish)?;
        one_of("environment", environment, &ENVIRONMENTS)?;
        text("/reason", &input.reason, 2_000)?;
        let (publisher, nodes) = (self.publisher(), self.nodes(environment));
        let Some(publisher) = publisher.filter(|_| !nodes.is_empty()) else {
            return Err(PlatformError::conflict(
                "E-NO-GATEWAY",
                format!("no gateway serves {environment}: start one, or name one in gateway.nodes"),
                format!("环境 {environment} 没有网关：请启动网关或在 gateway.nodes 中登记"),
            ));
        };
        let _one_at_a_time = self.publishing().change.lock().await;
        let before = publishing::activation(&mut self.db(), environment).await?;
        self.second_person(actor, environment).await?;
        let cut = self.cut(actor, environment, &nodes).await?;
        let row = signed(&cut.snapshot, publisher, actor, &input.reason)?;
        self.made_ready(actor, &nodes, &row).await?;
        let mut tx = self.db().begin().await?;
        publishing::insert_snapshot(&mut tx, &row).await?;
        let why = (actor, input.reason.as_str(), "published");
        let activation = self.activate(&mut tx, &row, before.as_ref(), why).await?;
        tx.commit().await?;
        let told = self.bring_all(&nodes, &row).await?;
        self.taken_by_somebody(actor, &row, before.as_ref(), &told)
            .await?;
        self.begin_subscriptions(&cut.snapshot).await?;
        Ok(PublicationView {
            snapshot: view(&row, Some(activation.version))?,
            nodes: told.into_iter().map(node_view).collect::<Result<_, _>>()?,
            left_out: left_out(cut.left_out),
        })
    }

    /// Puts an earlier snapshot in force again.
    ///
    /// # Errors
    /// [`PlatformError::Denied`] without the right; [`PlatformError::NotMet`] when no gateway went back;
    /// [`PlatformError::NotFound`] for a version that never was published;
    /// [`PlatformError::Conflict`] when there is nothing to go back to.
    pub async fn roll_back(
        &self,
        actor: &Actor,
        environment: &str,
        input: &RollbackInput,
    ) -> Result<PublicationView, PlatformError> {
        actor.require(Permission::EsbPublish)?;
        one_of("environment", environment, &ENVIRONMENTS)?;
        text("/reason", &input.reason, 2_000)?;
        let _one_at_a_time = self.publishing().change.lock().await;
        let before = publishing::activation(&mut self.db(), environment).await?;
        let nothing = || {
            PlatformError::conflict(
                "E-NOTHING-TO-GO-BACK-TO",
                "there is no earlier snapshot to go back to",
                "没有可回退的快照",
            )
        };
        let before = before.ok_or_else(nothing)?;
        let version = match input.version {
            Some(version) => i64::try_from(version).unwrap_or(0),
            None => {
                let mut reader = self.db();
                let below = before.version;
                let earlier = publishing::snapshots(&mut reader, environment, below, 1).await?;
                earlier.first().ok_or_else(nothing)?.version
            }
        };
        let found = publishing::snapshot(&mut self.db(), environment, version).await?;
        let row = found.ok_or_else(|| PlatformError::not_found("snapshot", version))?;
        let mut tx = self.db().begin().await?;
        let why = (actor, input.reason.as_str(), "rolled_back");
        let activation = self.activate(&mut tx, &row, Some(&before), why).await?;
        tx.commit().await?;
        let told = self.bring_all(&self.nodes(environment), &row).await?;
        self.taken_by_somebody(actor, &row, Some(&before), &told)
            .await?;
        Ok(PublicationView {
            snapshot: view(&row, Some(activation.version))?,
            nodes: told.into_iter().map(node_view).collect::<Result<_, _>>()?,
            left_out: Vec::new(),
        })
    }

    /// Nobody publishes to production what they bound themselves since the last publish.
    pub(crate) async fn second_person(
        &self,
        actor: &Actor,
        environment: &str,
    ) -> Result<(), PlatformError> {
        if environment != "production" {
            return Ok(());
        }
        let mut reader = self.db();
        let last = publishing::snapshots(&mut reader, environment, NEWEST, 1).await?;
        let last = last.first().map_or(i64::MIN, |row| row.created_at);
        let bindings = publishing::bindings_in(&mut reader, environment).await?;
        let own = bindings
            .iter()
            .any(|row| row.updated_by == actor.login && row.updated_at > last);
        match own {
            false => Ok(()),
            true => Err(not_met(
                "four_eyes",
                "Who set a binding of production since the last publish cannot publish it.",
                "自上次发布以来设置过生产绑定的人不能发布。",
            )),
        }
    }

    pub(crate) async fn cut(
        &self,
        actor: &Actor,
        environment: &str,
        nodes: &[Arc<dyn GatewayNode>],
    ) -> Result<Cut, PlatformError> {
        let last = publishing::snapshots(&mut self.db(), environment, NEWEST, 1).await?;
        let mut highest = last.first().map_or(0, |row| unsigned(row.version));
        for node in nodes {
            // One that does not answer is brought up to date when it does.
            if let Ok(status) = node.status().await {
                highest = highest.max(status.highest);
            }
        }
        let granted = self.granted(environment).await?;
        let (applications, mut credentials) = (
            self.callers().await?,
            self.credentials_in_force(environment).await?,
        );
        if environment == trying::ENVIRONMENT {
            let codes = applications.iter().map(|(code, _)| code);
            credentials.extend(
                codes.filter_map(|code| trying::credential_of(&self.groups().sandbox, code)),
            );
        }
        let facts = Facts {
            environment: environment.to_owned(),
            version: highest + 1,
            token: Token::default(),
            at: now(),
            author: actor.login.clone(),
            today: today(),
            offered: self.offered(environment, &granted).await?,
            applications,
            granted,
            credentials,
        };
        cut(&facts).map_err(faulty)
    }

    async fn activate(
        &self,
        tx: &mut Tx<'_>,
        row: &SnapshotRow,
        before: Option<&ActivationRow>,
        (actor, reason, event): (&Actor, &str, &str),
    ) -> Result<ActivationRow, PlatformError> {
        let activation = ActivationRow {
            environment: row.environment.clone(),
            seq: before.map_or(0, |one| one.seq) + 1,
            version: row.version,
            activated_by: actor.login.clone(),
            reason: reason.to_owned(),
            activated_at: to_micros(now()),
        };
        publishing::activate(tx, &row.environment, Some(&activation)).await?;
        let body = json!({"event": event, "reason": reason, "version": row.version,
            "digest": row.digest, "seq": activation.seq,
            "before": before.map(|one| one.version)});
        self.told_of_snapshot(tx, actor, row, event, body).await?;
        Ok(activation)
    }

    async fn told_of_snapshot(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        row: &SnapshotRow,
        event: &str,
        body: Value,
    ) -> Result<(), PlatformError> {
        let subject = format!("esb_snapshot:{}/{}", row.environment, row.version);
        self.record(tx, actor, "esb_snapshot", subject, body)
            .await?;
        let topic = "list:esb-snapshots";
        tx.publish(topic, &row.environment, row.version, &[event], Value::Null)
            .await;
        Ok(())
    }

    /// Brings all gateways to a snapshot and keeps what they said, with the evidence of it.
    async fn bring_all(
        &self,
        nodes: &[Arc<dyn GatewayNode>],
        row: &SnapshotRow,
    ) -> Result<Vec<NodeRow>, PlatformError> {
        let mut asked = tokio::task::JoinSet::new();
        for node in nodes {
            let (node, row) = (Arc::clone(node), row.clone());
            asked.spawn(async move { bring(node.as_ref(), &row).await });
        }
        let mut told = asked.join_all().await;
        told.sort_by(|a, b| a.node.cmp(&b.node));
        self.keep_told(row, &told).await?;
        Ok(told)
    }

    /// Keeps what gateways said, where it is another than before.
    async fn keep_told(&self, row: &SnapshotRow, told: &[NodeRow]) -> Result<(), PlatformError> {
        let known = publishing::nodes(&mut self.db(), &row.environment).await?;
        let said = |one: &NodeRow| NodeRow {
            told_at: 0,
            ..one.clone()
        };
        let news = |one: &&NodeRow| !known.iter().any(|old| said(old) == said(one));
        let news: Vec<&NodeRow> = told.iter().filter(news).collect();
        if news.is_empty() {
            return Ok(());
        }
        let system = Actor::system("gateways");
        let mut tx = self.db().begin().await?;
        for one in news {
            publishing::put_node(&mut tx, one).await?;
            let body = json!({"event": "acknowledged", "node": one.node, "state": one.state,
                "version": one.version, "digest": one.digest, "reason": one.reason});
            self.told_of_snapshot(&mut tx, &system, row, "acknowledged", body)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Every gateway that answers must have made a snapshot ready before it is put in force anywhere;
    /// one that does not answer is brought to it when it does.
    async fn made_ready(
        &self,
        actor: &Actor,
        nodes: &[Arc<dyn GatewayNode>],
        row: &SnapshotRow,
    ) -> Result<(), PlatformError> {
        let mut asked = tokio::task::JoinSet::new();
        for node in nodes {
            let (node, signed) = (Arc::clone(node), row.signed.clone());
            asked.spawn(async move { (node.name().to_owned(), node.prepare(signed).await) });
        }
        let told = asked.join_all().await.into_iter();
        let mut refused: Vec<(String, String)> = told
            .filter_map(|(node, said)| match said {
                Ok(Readiness::Refused(why)) => Some((node, why)),
                Ok(Readiness::Ready) | Err(_) => None,
            })
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        refused.sort();
        let mut tx = self.db().begin().await?;
        let body = json!({"event": "refused", "version": row.version, "digest": row.digest,
            "by": refused});
        self.told_of_snapshot(&mut tx, actor, row, "refused", body)
            .await?;
        tx.commit().await?;
        let unmet = refused.into_iter().map(|(node, why)| UnmetView {
            guard: "gateways".to_owned(),
            text: Words::new(
                format!("The gateway {node} cannot serve it, so that it was put in force nowhere: {why}."),
                format!("网关 {node} 无法启用该快照，所有网关均未切换：{why}。"),
            ),
            recorded: true,
            waivable: false,
        });
        Err(PlatformError::NotMet(unmet.collect()))
    }

    /// When no gateway took a snapshot, the one before stays the one that is to be in force.
    async fn taken_by_somebody(
        &self,
        actor: &Actor,
        row: &SnapshotRow,
        before: Option<&ActivationRow>,
        told: &[NodeRow],
    ) -> Result<(), PlatformError> {
        if told.iter().any(|one| one.state == "active") {
            return Ok(());
        }
        let mut tx = self.db().begin().await?;
        publishing::activate(&mut tx, &row.environment, before).await?;
        let body = json!({"event": "abandoned", "version": row.version, "digest": row.digest,
            "before": before.map(|one| one.version)});
        self.told_of_snapshot(&mut tx, actor, row, "abandoned", body)
            .await?;
        tx.commit().await?;
        let unmet = told.iter().map(|one| UnmetView {
            guard: "gateways".to_owned(),
            text: Words::new(
                format!("The gateway {} did not take it: {}.", one.node, one.reason),
                format!("网关 {} 未接受：{}。", one.node, one.reason),
            ),
            recorded: true,
            waivable: false,
        });
        Err(PlatformError::NotMet(unmet.collect()))
    }

    /// Subscriptions that both sides agreed to begin with the first snapshot that holds them.
    async fn begin_subscriptions(&self, snapshot: &Snapshot) -> Result<(), PlatformError> {
        let system = Actor::system("publishing");
        for one in &snapshot.subscriptions {
            let mut tx = self.db().begin().await?;
            let Some(mut row) = subscription::find(&mut tx, &one.id).await? else {
                continue;
            };
            let state = subscriptions::today_state(&row)?;
            if state != State::ManagerApproved {
                continue;
            }
            let facts = subscriptions::facts(&row)?;
            let next = step(state, &Event::Activate, &actor_of(&system), &facts)?;
            let seen = row.revision;
            row.state = subscriptions::name_of(next);
            row.revision += 1;
            row.updated_at = to_micros(now());
            // Somebody may have changed it meanwhile; then it begins with the next one.
            if subscription::update(&mut tx, &row, seen).await? {
                self.told(&mut tx, &system, &row, "subscription_activate", "")
                    .await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// Snapshots of an environment below a version, the newest first.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for another environment.
    pub async fn snapshots(
        &self,
        environment: &str,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<SnapshotView>, PlatformError> {
        one_of("environment", environment, &ENVIRONMENTS)?;
        let mut reader = self.db();
        let active = publishing::activation(&mut reader, environment).await?;
        let before = before.unwrap_or(NEWEST);
        let rows = publishing::snapshots(&mut reader, environment, before, limit).await?;
        let active = active.map(|one| one.version);
        rows.iter().map(|row| view(row, active)).collect()
    }

    /// What is in force in an environment, and what its gateways said last.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for another environment.
    pub async fn environment(&self, environment: &str) -> Result<EnvironmentView, PlatformError> {
        one_of("environment", environment, &ENVIRONMENTS)?;
        let mut reader = self.db();
        let snapshot = match publishing::activation(&mut reader, environment).await? {
            Some(active) => {
                let found = publishing::snapshot(&mut reader, environment, active.version).await?;
                found.map(|row| view(&row, Some(row.version))).transpose()?
            }
            None => None,
        };
        let rows = publishing::nodes(&mut reader, environment).await?;
        let mut nodes: Vec<NodeView> = rows.into_iter().map(node_view).collect::<Result<_, _>>()?;
        // Those that nothing was published to yet, and none that are no more.
        let known = self.nodes(environment);
        nodes.retain(|one| known.iter().any(|node| node.name() == one.node));
        for node in &known {
            if !nodes.iter().any(|one| one.node == node.name()) {
                nodes.push(node_view(NodeRow {
                    environment: environment.to_owned(),
                    node: node.name().to_owned(),
                    address: node.address().to_owned(),
                    state: "behind".to_owned(),
                    version: 0,
                    digest: String::new(),
                    reason: "nothing was published yet".to_owned(),
                    told_at: to_micros(now()),
                })?);
            }
        }
        Ok(EnvironmentView {
            environment: environment.to_owned(),
            snapshot,
            nodes,
        })
    }

    /// Brings every gateway that is behind to what is to be in force; one round.
    ///
    /// # Errors
    /// Store errors.
    pub async fn tend_gateways(&self) -> Result<(), PlatformError> {
        let _one_at_a_time = self.publishing().change.lock().await;
        for environment in ENVIRONMENTS {
            let nodes = self.nodes(environment);
            let active = publishing::activation(&mut self.db(), environment).await?;
            let Some(active) = active.filter(|_| !nodes.is_empty()) else {
                continue;
            };
            let row = publishing::snapshot(&mut self.db(), environment, active.version).await?;
            if let Some(row) = row {
                self.bring_all(&nodes, &row).await?;
            }
        }
        Ok(())
    }
}

fn signed(
    snapshot: &Snapshot,
    publisher: &Publisher,
    actor: &Actor,
    reason: &str,
) -> Result<SnapshotRow, PlatformError> {
    let internal = |error: String| PlatformError::Internal(error);
    let encoded = Encoded::of(snapshot).map_err(|error| internal(error.to_string()))?;
    let signature = publisher.key.sign(DOMAIN, encoded.digest());
    let text = encoded.signed(&publisher.key.public().id().to_string(), &signature);
    let holds = counts(snapshot);
    Ok(SnapshotRow {
        environment: snapshot.environment.clone(),
        version: i64::try_from(snapshot.version).map_err(|error| internal(error.to_string()))?,
        digest: encoded.digest().to_owned(),
        signed: String::from_utf8(text).map_err(|error| internal(error.to_string()))?,
        counts: serde_json::to_string(&holds).map_err(PlatformError::json("counts"))?,
        author: actor.login.clone(),
        reason: reason.to_owned(),
        created_at: to_micros(snapshot.created_at),
    })
}
