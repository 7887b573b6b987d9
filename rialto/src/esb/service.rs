//! `rialto esb service …`: services of the service center and their instances.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Result;
use clap::{ArgAction, Args, Subcommand};
use serde_json::{Value, json};

use super::print;
use super::server::{Answers, BASE, escaped};
use crate::client::{Client, RequestError, text};
use crate::lang::Lang;

/// The commands of `rialto esb service`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Services of a namespace.
    List(ListArgs),
    /// A service and its instances.
    Show(ShowArgs),
    /// Register an instance, or say anew what is to be known of it.
    Register(RegisterArgs),
    /// Tell that an ephemeral instance lives.
    Beat(InstanceArgs),
    /// Remove an instance.
    Deregister(InstanceArgs),
    /// Give an instance to no caller any more; it stays registered.
    Drain(InstanceArgs),
    /// Change what is known of an instance, and leave the rest as it is.
    Set(SetArgs),
    /// Set the share of healthy instances below which all are given out.
    Protect(ProtectArgs),
}

/// Options of `rialto esb service list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Namespace.
    #[arg(long, value_name = "NAME", default_value = "public")]
    namespace: String,
    /// Most rows.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    answers: Answers,
}

/// A service.
#[derive(Debug, Args)]
struct Service {
    /// Name of the service.
    name: String,
    /// Its namespace.
    #[arg(long, value_name = "NAME", default_value = "public")]
    namespace: String,
    /// Its group.
    #[arg(long, value_name = "NAME", default_value = "DEFAULT_GROUP")]
    group: String,
}

/// Options of `rialto esb service show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    service: Service,
    /// Only instances that callers are to use: enabled, and healthy or protected.
    #[arg(long)]
    usable: bool,
    /// Only instances of this cluster; may be given several times.
    #[arg(long, value_name = "NAME")]
    cluster: Vec<String>,
    #[command(flatten)]
    answers: Answers,
}

/// An instance within its service.
#[derive(Debug, Args)]
struct Instance {
    #[command(flatten)]
    service: Service,
    /// Address and port: `10.0.0.1:8080`, `host:8080`, `[::1]:8080`.
    #[arg(value_name = "ADDRESS:PORT")]
    place: Place,
    /// Its cluster.
    #[arg(long, value_name = "NAME", default_value = "DEFAULT")]
    cluster: String,
}

/// Options of the commands that take an instance only.
#[derive(Debug, Args)]
pub struct InstanceArgs {
    #[command(flatten)]
    instance: Instance,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb service register`.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    #[command(flatten)]
    instance: Instance,
    /// Share of calls beside the others, 0 to 10,000.
    #[arg(long, default_value_t = 1.0)]
    weight: f64,
    /// Zone.
    #[arg(long, default_value = "")]
    zone: String,
    /// What it says of itself; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// Callers are not to use it yet.
    #[arg(long)]
    disabled: bool,
    /// It is not healthy.
    #[arg(long, conflicts_with = "ephemeral")]
    unhealthy: bool,
    /// It lives by its beats and is removed when it falls silent; otherwise it stays until it is
    /// deregistered.
    #[arg(long)]
    ephemeral: bool,
    /// Seconds between its beats; 1 when not told.
    #[arg(long, value_name = "SECONDS", requires = "ephemeral")]
    beat: Option<u64>,
    /// Seconds of silence after which it is unhealthy; 3 when not told.
    #[arg(long, value_name = "SECONDS", requires = "ephemeral")]
    unhealthy_after: Option<u64>,
    /// Seconds of silence after which it is removed; 15 when not told.
    #[arg(long, value_name = "SECONDS", requires = "ephemeral")]
    removed_after: Option<u64>,
    #[command(flatten)]
    answers: Answers,
}

/// What `rialto esb service set` may change.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Changes {
    /// Share of calls beside the others, 0 to 10,000.
    #[arg(long)]
    weight: Option<f64>,
    /// Whether callers are to use it.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    enabled: Option<bool>,
    /// Whether a persistent instance is healthy.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    healthy: Option<bool>,
}

/// Options of `rialto esb service set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    #[command(flatten)]
    instance: Instance,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb service protect`.
#[derive(Debug, Args)]
pub struct ProtectArgs {
    #[command(flatten)]
    service: Service,
    /// Share of healthy instances, 0 to 1.
    threshold: f64,
    #[command(flatten)]
    answers: Answers,
}

/// Address and port.
#[derive(Debug, Clone)]
struct Place {
    address: String,
    port: u16,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(told: &str) -> Result<Self, String> {
        let wrong = || format!("`{told}` is not ADDRESS:PORT, such as 10.0.0.1:8080");
        let (address, port) = told.rsplit_once(':').ok_or_else(wrong)?;
        let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']'));
        let port: u16 = port.parse().map_err(|_| wrong())?;
        // Without brackets it is not clear where an IPv6 address ends.
        let unclear = bare.is_none() && address.contains(':');
        if port == 0 || address.is_empty() || unclear {
            return Err(wrong());
        }
        Ok(Self {
            address: bare.unwrap_or(address).to_owned(),
            port,
        })
    }
}

/// `NAME=VALUE`.
pub(super) fn pair(told: &str) -> Result<(String, String), String> {
    match told.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{told}` is not NAME=VALUE")),
    }
}

/// A text of somebody else's in one line of a terminal.
pub(super) fn plain(value: &Value) -> String {
    let shown = |letter: char| if letter.is_control() { ' ' } else { letter };
    text(value).chars().map(shown).collect()
}

impl Service {
    fn path(&self) -> String {
        let parts = [&self.namespace, &self.group, &self.name].map(|part| escaped(part));
        format!("{BASE}/services/{}", parts.join("/"))
    }
}

impl Instance {
    /// The instance as the server holds it.
    async fn held(&self, client: &Client) -> Result<Value> {
        let service = client.get(&self.service.path()).await?;
        let mut instances = service["instances"].as_array().into_iter().flatten();
        let found = instances.find(|one| {
            one["address"] == self.place.address.as_str()
                && one["port"] == self.place.port
                && one["cluster"] == self.cluster.as_str()
        });
        found.cloned().ok_or_else(|| {
            let Place { address, port } = &self.place;
            let message = format!(
                "service {} has no instance {address}:{port} in cluster {}",
                self.service.name, self.cluster
            );
            RequestError::not_found(message).into()
        })
    }

    fn named(&self) -> Value {
        json!({"address": self.place.address, "port": self.place.port, "cluster": self.cluster})
    }

    /// Registers the instance anew with some of it changed.
    async fn change(&self, client: &Client, changes: &[(&str, Value)]) -> Result<Value> {
        let mut known = self.held(client).await?;
        // What registers counts as heard: a silent instance would be given out as healthy again.
        if known["ephemeral"] == true && known["healthy"] == false {
            let message = format!(
                "{}:{} lives by its beats and is silent; nothing was changed, as a change would \
                 count as a sign of life. It is removed by itself, or with `rialto esb service \
                 deregister`",
                self.place.address, self.place.port
            );
            return Err(RequestError::conflict(message).into());
        }
        if let Some(held) = known.as_object_mut() {
            held.remove("silent_ms");
            if held.get("ephemeral") == Some(&json!(true)) {
                held.remove("healthy");
            }
            for (name, value) in changes {
                held.insert((*name).to_owned(), value.clone());
            }
        }
        let path = format!("{}/instances", self.service.path());
        client.post(&path, &known).await
    }
}

impl Command {
    /// Asks the server.
    pub(super) async fn execute(&self) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        match self {
            Self::List(wanted) => wanted.list(&client).await,
            Self::Show(wanted) => wanted.show(&client).await,
            Self::Register(wanted) => wanted.register(&client).await,
            Self::Beat(wanted) => wanted.beat(&client).await,
            Self::Deregister(wanted) => wanted.deregister(&client).await,
            Self::Drain(wanted) => {
                let changes = [("enabled", json!(false))];
                let changed = wanted.instance.change(&client, &changes).await?;
                tell(wanted.answers, &changed)
            }
            Self::Set(wanted) => wanted.set(&client).await,
            Self::Protect(wanted) => {
                let body = json!({"protection_threshold": wanted.threshold});
                let set = client.put(&wanted.service.path(), &body).await?;
                tell(wanted.answers, &set)
            }
        }
    }
}

impl ListArgs {
    async fn list(&self, client: &Client) -> Result<ExitCode> {
        let path = format!("{BASE}/services?namespace={}", escaped(&self.namespace));
        let items = client.list(&path, self.limit).await?;
        let lang = Lang::told(self.answers.lang);
        let mut lines = String::new();
        for one in &items {
            let _ = writeln!(
                lines,
                "{:<16} {:<32} {} {}/{}",
                text(&one["group"]),
                text(&one["name"]),
                lang.pick("healthy", "健康"),
                one["healthy"],
                one["instances"],
            );
        }
        print(self.answers.output, &items, &lines)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl ShowArgs {
    async fn show(&self, client: &Client) -> Result<ExitCode> {
        let (path, clusters) = (self.service.path(), escaped(&self.cluster.join(",")));
        let path = format!("{path}?usable={}&clusters={clusters}", self.usable);
        let service = client.get(&path).await?;
        if service["revision"] == 0 {
            let Service {
                name,
                namespace,
                group,
            } = &self.service;
            let message = format!("nobody registered at service {namespace}/{group}/{name}");
            return Err(RequestError::not_found(message).into());
        }
        tell(self.answers, &service)
    }
}

impl RegisterArgs {
    async fn register(&self, client: &Client) -> Result<ExitCode> {
        let mut body = self.instance.named();
        let metadata: BTreeMap<&String, &String> = self
            .metadata
            .iter()
            .map(|(name, value)| (name, value))
            .collect();
        body["weight"] = json!(self.weight);
        body["zone"] = json!(self.zone);
        body["enabled"] = json!(!self.disabled);
        body["healthy"] = json!(!self.unhealthy);
        body["ephemeral"] = json!(self.ephemeral);
        body["beat_s"] = json!(self.beat);
        body["unhealthy_after_s"] = json!(self.unhealthy_after);
        body["removed_after_s"] = json!(self.removed_after);
        body["metadata"] = json!(metadata);
        let path = format!("{}/instances", self.instance.service.path());
        tell(self.answers, &client.post(&path, &body).await?)
    }
}

impl InstanceArgs {
    async fn beat(&self, client: &Client) -> Result<ExitCode> {
        let path = format!("{}/beats", self.instance.service.path());
        client.post(&path, &self.instance.named()).await?;
        self.done(("heard of", "已收到心跳"))
    }

    async fn deregister(&self, client: &Client) -> Result<ExitCode> {
        let Place { address, port } = &self.instance.place;
        let path = format!(
            "{}/instances?address={}&port={port}&cluster={}",
            self.instance.service.path(),
            escaped(address),
            escaped(&self.instance.cluster)
        );
        client.delete(&path).await?;
        self.done(("deregistered", "已注销"))
    }

    fn done(&self, (en, zh): (&str, &str)) -> Result<ExitCode> {
        let Place { address, port } = &self.instance.place;
        let done = Lang::told(self.answers.lang).pick(en, zh);
        let line = format!("{}  {address}:{port}  {done}\n", self.instance.service.name);
        print(self.answers.output, &self.instance.named(), &line)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl SetArgs {
    async fn set(&self, client: &Client) -> Result<ExitCode> {
        let told = &self.changes;
        let changes = [
            ("weight", told.weight.map(Value::from)),
            ("enabled", told.enabled.map(Value::from)),
            ("healthy", told.healthy.map(Value::from)),
        ];
        let changes: Vec<(&str, Value)> = changes
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)))
            .collect();
        if told.healthy.is_some() && self.instance.held(client).await?["ephemeral"] == true {
            let message = "this instance lives by its beats: they alone say whether it is healthy";
            return Err(RequestError::conflict(message.to_owned()).into());
        }
        tell(self.answers, &self.instance.change(client, &changes).await?)
    }
}

fn tell(answers: Answers, service: &Value) -> Result<ExitCode> {
    let lines = lines_of(service, Lang::told(answers.lang));
    print(answers.output, service, &lines)?;
    Ok(ExitCode::SUCCESS)
}

/// A service in lines, an instance in each.
fn lines_of(service: &Value, lang: Lang) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "{}/{}/{}  {} {}  {} {}",
        text(&service["namespace"]),
        text(&service["group"]),
        text(&service["name"]),
        lang.pick("revision", "修订"),
        service["revision"],
        lang.pick("threshold", "保护阈值"),
        service["protection_threshold"],
    );
    if service["protected"] == true {
        out += lang.pick("  protected: all are given out", "  保护中：返回全部实例");
    }
    if service["frozen"] == true {
        out += lang.pick("  removals are frozen", "  摘除已冻结");
    }
    out.push('\n');
    for one in service["instances"].as_array().into_iter().flatten() {
        out += &line(one, lang);
    }
    out
}

fn line(one: &Value, lang: Lang) -> String {
    let address = text(&one["address"]);
    let place = match address.contains(':') {
        true => format!("[{address}]:{}", one["port"]),
        false => format!("{address}:{}", one["port"]),
    };
    let health = match one["healthy"].as_bool() {
        Some(true) => lang.pick("healthy", "健康"),
        _ => lang.pick("unhealthy", "不健康"),
    };
    let life = match one["silent_ms"].as_u64() {
        Some(ms) => format!("{} {ms} ms", lang.pick("last beat", "上次心跳")),
        None => lang.pick("persistent", "持久实例").to_owned(),
    };
    let mut out = format!(
        "  {place:<24} {:<12} {:<8} {} {}  {health}",
        text(&one["cluster"]),
        text(&one["zone"]),
        lang.pick("weight", "权重"),
        one["weight"],
    );
    if one["enabled"] == false {
        out += lang.pick("  disabled", "  已停用");
    }
    let _ = write!(out, "  {life}");
    for (name, value) in one["metadata"].as_object().into_iter().flatten() {
        let _ = write!(out, "  {}={}", plain(&json!(name)), plain(value));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_ends_at_its_port() {
        let told = |text: &str| {
            text.parse::<Place>()
                .map(|place| (place.address, place.port))
        };
        assert_eq!(told("10.0.0.1:80"), Ok(("10.0.0.1".to_owned(), 80)));
        assert_eq!(told("[::1]:8080"), Ok(("::1".to_owned(), 8080)));
        for wrong in ["host", "host:", ":80", "host:0", "host:65536", "::1:80"] {
            assert!(
                told(wrong).is_err_and(|why| why.contains("ADDRESS:PORT")),
                "{wrong}"
            );
        }
    }
}
