//! The router (the gateway) as the controller uses it: its admin interface over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use rialto_delivery_supervisor::http::{Ask, AskError, Method, ask};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Time the router has for an answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Where the router's admin interface is.
#[derive(Debug, Clone)]
pub struct RouterAccess {
    /// Loopback address.
    pub admin: SocketAddr,
    /// Bearer token.
    pub token: String,
}

/// A version as the router knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Address of the process.
    pub address: SocketAddr,
    /// Version label.
    pub label: String,
}

/// A service as the router shows it; other fields are not needed here.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RoutedService {
    pub name: String,
    pub listen: SocketAddr,
    pub active: Option<RoutedTarget>,
    pub standby: Option<RoutedTarget>,
    pub requests: u64,
    pub failed_requests: u64,
    pub failed_attempts: u64,
    pub rescued: u64,
    pub retried: u64,
    pub fallback_on: Vec<u16>,
    pub version: u64,
}

/// A version as the router shows it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RoutedTarget {
    #[serde(flatten)]
    pub target: Target,
    pub requests: u64,
    pub failed_attempts: u64,
}

impl RoutedService {
    /// The version that takes the traffic.
    pub(crate) fn active_target(&self) -> Option<&Target> {
        self.active.as_ref().map(|active| &active.target)
    }
}

/// Whether the router passes by a version that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// Answers are passed on as they are.
    Off,
    /// While a new version is watched: an idempotent request it fails is sent once to the standby.
    WhileWatched,
}

impl Fallback {
    /// Statuses after which the standby is asked.
    pub(crate) const fn statuses(self) -> &'static [u16] {
        match self {
            Self::Off => &[],
            Self::WhileWatched => &[500, 502, 503, 504],
        }
    }
}

/// How a service shall be routed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RouteWish {
    pub listen: SocketAddr,
    pub active: Option<Target>,
    pub standby: Option<Target>,
    pub health: Value,
    pub drain_timeout_ms: u64,
    pub retry: Value,
    pub header_label: &'static str,
}

/// The header by which the router tells which version served.
pub(crate) const LABEL_HEADER: &str = "X-Rialto-Version";

/// Why the router did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// It did not answer: nobody knows what it did.
    #[error("the router did not answer: {0}")]
    Unreachable(#[from] AskError),
    /// Somebody changed the service meanwhile.
    #[error("the router's service changed meanwhile: {0}")]
    Conflict(String),
    /// It refused.
    #[error("the router refused ({status}): {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// Its answer makes no sense.
    #[error("the router's answer makes no sense: {0}")]
    Answer(String),
}

impl RouterAccess {
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, RouterError> {
        let asked = Ask {
            address: self.admin,
            method,
            path,
            token: Some(&self.token),
            json: body,
            limit: LIMIT,
        };
        let answer = ask(asked).await?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        match answer.status.as_u16() {
            200..=299 => Ok(Some(value)),
            404 => Ok(None),
            409 if value["code"] == "version-conflict" => {
                Err(RouterError::Conflict(text(&value["detail"])))
            }
            status => Err(RouterError::Refused {
                status,
                detail: text(&value["detail"]),
            }),
        }
    }

    /// A service, if it is set up.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<RoutedService>, RouterError> {
        let path = format!("/admin/v1/services/{name}");
        self.call(Method::GET, &path, None)
            .await?
            .map(read)
            .transpose()
    }

    /// All services.
    pub(crate) async fn list(&self) -> Result<Vec<RoutedService>, RouterError> {
        let all = self.call(Method::GET, "/admin/v1/services", None).await?;
        read(all.unwrap_or_else(|| json!([])))
    }

    /// Sets a service up, or changes it; the same wish twice changes nothing.
    pub(crate) async fn put(
        &self,
        name: &str,
        wish: &RouteWish,
    ) -> Result<RoutedService, RouterError> {
        let path = format!("/admin/v1/services/{name}");
        let body = serde_json::to_value(wish).map_err(|e| RouterError::Answer(e.to_string()))?;
        let answer = self.call(Method::PUT, &path, Some(&body)).await?;
        read(answer.unwrap_or(Value::Null))
    }

    /// Moves the traffic if the service is still at `version`.
    pub(crate) async fn switch(
        &self,
        name: &str,
        active: Option<&Target>,
        standby: Option<&Target>,
        fallback: Fallback,
        version: u64,
    ) -> Result<RoutedService, RouterError> {
        let path = format!("/admin/v1/services/{name}/switch");
        let body = json!({
            "active": active,
            "standby": standby,
            "expect_version": version,
            "fallback_on": fallback.statuses(),
        });
        let answer = self.call(Method::POST, &path, Some(&body)).await?;
        answer
            .map(read)
            .transpose()?
            .ok_or_else(|| RouterError::Refused {
                status: 404,
                detail: format!("there is no service {name}"),
            })
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, RouterError> {
    serde_json::from_value(value).map_err(|error| RouterError::Answer(error.to_string()))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("no reason given").to_owned()
}
