//! `rialto esb config …`: configuration items of the service center.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::print;
use super::server::{Answers, BASE, escaped};
use super::service::{pair, plain};
use crate::client::{Client, RequestError, text};
use crate::lang::Lang;

/// Most bytes that are read of a content: more than the server takes, which tells its limit.
const MOST: u64 = 1024 * 1024;

/// The commands of `rialto esb config`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Items of a namespace, without their contents.
    List(ListArgs),
    /// What an item is: type, revision, who changed it, whom a grey release is for.
    Show(ShowArgs),
    /// The content of an item, as it is.
    Get(GetArgs),
    /// Add an item or change it.
    Set(SetArgs),
    /// What was done to an item, newest first; also to one that is gone.
    History(HistoryArgs),
    /// Give an item the content it had at a revision.
    Rollback(RollbackArgs),
    /// Another content for some clients first.
    #[command(subcommand)]
    Grey(Grey),
    /// Remove an item; its history stays.
    Delete(ReasonArgs),
}

/// The commands of `rialto esb config grey`.
#[derive(Debug, Subcommand)]
pub enum Grey {
    /// Give another content to the clients of some addresses or labels.
    Start(StartArgs),
    /// Make the content everybody's.
    Release(ReasonArgs),
    /// Take the content back from those who have it.
    Withdraw(ReasonArgs),
}

/// Options of `rialto esb config list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Namespace.
    #[arg(long, value_name = "NAME", default_value = "public")]
    namespace: String,
    /// Group; all when not told.
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Most rows.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    answers: Answers,
}

/// An item.
#[derive(Debug, Args)]
struct Item {
    /// Id of the item, `limits.yaml`.
    id: String,
    /// Its namespace.
    #[arg(long, value_name = "NAME", default_value = "public")]
    namespace: String,
    /// Its group.
    #[arg(long, value_name = "NAME", default_value = "DEFAULT_GROUP")]
    group: String,
}

/// Options of `rialto esb config show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    item: Item,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb config get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    #[command(flatten)]
    item: Item,
    /// The content of the grey release.
    #[arg(long)]
    grey: bool,
    /// Print the content of a secret item too; needs the right to open them.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    answers: Answers,
}

/// Which state of an item a change is for, so that nobody's is overwritten unseen.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Seen {
    /// The revision that was seen; refused when somebody changed it meanwhile.
    #[arg(long, value_name = "NUMBER")]
    revision: Option<u64>,
    /// Whatever there is.
    #[arg(long)]
    any: bool,
}

/// Which state of an item a content is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct SeenOrNew {
    /// The revision that was seen; refused when somebody changed it meanwhile.
    #[arg(long, value_name = "NUMBER")]
    revision: Option<u64>,
    /// Whatever there is.
    #[arg(long)]
    any: bool,
    /// None: the item is added; refused when it is there.
    #[arg(long)]
    new: bool,
}

/// Types of contents.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Any text.
    Text,
    /// JSON.
    Json,
    /// One YAML document.
    Yaml,
    /// Java properties.
    Properties,
}

/// Options of `rialto esb config set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    #[command(flatten)]
    item: Item,
    /// File that holds the content; `-` reads standard input. Contents are never arguments: those
    /// are visible to everybody on the machine.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Its type, which the content is checked to be of; when not told that of the item, of a new
    /// one by the ending of its id, else text.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<Kind>,
    /// Sealed at rest and shown with a right of its own only; one that is secret stays so.
    #[arg(long)]
    secret: bool,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    seen: SeenOrNew,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb config history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    item: Item,
    /// Hold the contents of secret revisions too in JSON; needs the right to open them.
    #[arg(long)]
    open: bool,
    /// Most rows.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb config rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    #[command(flatten)]
    item: Item,
    /// Revision whose content is wanted.
    #[arg(long, value_name = "NUMBER")]
    to: u64,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    seen: Seen,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb config grey start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    #[command(flatten)]
    item: Item,
    /// File that holds the content; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Address or block of them, `10.1.0.0/16`; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<String>,
    /// Label of a client, `zone=sh`; may be given several times, one that fits is enough.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    seen: Seen,
    #[command(flatten)]
    answers: Answers,
}

/// Options of the commands that take a reason only.
#[derive(Debug, Args)]
pub struct ReasonArgs {
    #[command(flatten)]
    item: Item,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    seen: Seen,
    #[command(flatten)]
    answers: Answers,
}

fn tag(revision: Option<u64>) -> String {
    revision.map_or("*".to_owned(), |seen| format!("\"v{seen}\""))
}

impl Seen {
    fn tag(&self) -> String {
        tag(self.revision)
    }
}

impl Kind {
    /// By the ending of an id.
    fn by_ending(id: &str) -> Self {
        let ending = Path::new(id).extension().and_then(|ending| ending.to_str());
        match ending.unwrap_or_default() {
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            "properties" => Self::Properties,
            _ => Self::Text,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Properties => "properties",
        }
    }
}

impl Item {
    fn path(&self) -> String {
        let parts = [&self.namespace, &self.group, &self.id].map(|part| escaped(part));
        format!("{BASE}/configs/{}", parts.join("/"))
    }

    async fn held(&self, client: &Client) -> Result<Value> {
        client.get(&self.path()).await
    }
}

/// The text of a file, or of standard input.
fn content(file: &Path) -> Result<String> {
    let shown = file.display().to_string();
    let mut bytes = Vec::new();
    if shown == "-" {
        std::io::stdin().lock().take(MOST).read_to_end(&mut bytes)?;
    } else {
        let opened = std::fs::File::open(file).with_context(|| shown.clone())?;
        opened.take(MOST).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 == MOST {
        bail!("{shown}: {MOST} bytes and more are no configuration item");
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{shown}: byte {at} is not UTF-8; save the file as UTF-8")
    })
}

/// Takes the contents of a secret item out of what is printed.
fn close(item: &mut Value) {
    if item["secret"] != true {
        return;
    }
    for place in ["/content", "/md5", "/release/content", "/release/md5"] {
        if let Some(value) = item.pointer_mut(place) {
            *value = Value::Null;
        }
    }
}

impl Command {
    /// Asks the server.
    pub(super) async fn execute(&self) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        match self {
            Self::List(wanted) => wanted.list(&client).await,
            Self::Show(wanted) => tell(wanted.answers, wanted.item.held(&client).await?),
            Self::Get(wanted) => wanted.get(&client).await,
            Self::Set(wanted) => wanted.set(&client).await,
            Self::History(wanted) => wanted.history(&client).await,
            Self::Rollback(wanted) => {
                let body = json!({"revision": wanted.to, "reason": wanted.reason});
                let path = format!("{}/rollback", wanted.item.path());
                let seen = wanted.seen.tag();
                let back = client.json_if(Method::POST, &path, &body, &seen).await?;
                tell(wanted.answers, back)
            }
            Self::Grey(Grey::Start(wanted)) => wanted.start(&client).await,
            Self::Grey(Grey::Release(wanted)) => wanted.end(&client, true).await,
            Self::Grey(Grey::Withdraw(wanted)) => wanted.end(&client, false).await,
            Self::Delete(wanted) => wanted.delete(&client).await,
        }
    }
}

impl ListArgs {
    async fn list(&self, client: &Client) -> Result<ExitCode> {
        let mut path = format!("{BASE}/configs?namespace={}", escaped(&self.namespace));
        if let Some(group) = &self.group {
            let _ = write!(path, "&group={}", escaped(group));
        }
        let items = client.list(&path, self.limit).await?;
        let lang = Lang::told(self.answers.lang);
        let lines: String = items.iter().map(|one| line(one, lang)).collect();
        print(self.answers.output, &items, &lines)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl GetArgs {
    async fn get(&self, client: &Client) -> Result<ExitCode> {
        let item = self.item.held(client).await?;
        let id = &self.item.id;
        if item["secret"] == true && !self.open {
            let message = format!("{id} is secret; --open prints its content");
            return Err(RequestError::usage(message).into());
        }
        if item["secret"] == true && item["content"].is_null() {
            // The server says who may see it.
            client.get(&format!("{}/content", self.item.path())).await?;
        }
        let shown = match self.grey {
            true if item["release"].is_null() => {
                let message = format!("{id} has no grey release");
                return Err(RequestError::not_found(message).into());
            }
            true => &item["release"]["content"],
            false => &item["content"],
        };
        let Some(shown) = shown.as_str() else {
            bail!("the server did not tell the content of {id}");
        };
        print(self.answers.output, &item, shown)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl SetArgs {
    async fn set(&self, client: &Client) -> Result<ExitCode> {
        let content = content(&self.file)?;
        let kind = match (self.kind, self.seen.new) {
            (Some(kind), _) => json!(kind.name()),
            (None, true) => json!(Kind::by_ending(&self.item.id).name()),
            (None, false) => self.item.held(client).await?["type"].take(),
        };
        let body = json!({"type": kind, "content": content, "secret": self.secret,
            "reason": self.reason});
        let path = self.item.path();
        let set = match self.seen.new {
            true => client.post(&path, &body).await?,
            false => {
                let seen = tag(self.seen.revision);
                client.json_if(Method::PUT, &path, &body, &seen).await?
            }
        };
        tell(self.answers, set)
    }
}

impl HistoryArgs {
    async fn history(&self, client: &Client) -> Result<ExitCode> {
        let path = format!("{}/history", self.item.path());
        let mut changes = client.list(&path, self.limit).await?;
        if changes.is_empty() {
            let message = format!("there never was a configuration item {}", self.item.id);
            return Err(RequestError::not_found(message).into());
        }
        if !self.open {
            changes.iter_mut().for_each(close);
        }
        let lang = Lang::told(self.answers.lang);
        let mut lines = String::new();
        for one in &changes {
            let _ = writeln!(
                lines,
                "{:>4}  {}  {}  {:<12} {}",
                one["revision"],
                text(&one["at"]),
                event(&one["event"], lang),
                text(&one["actor"]),
                plain(&one["reason"]),
            );
        }
        print(self.answers.output, &changes, &lines)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl StartArgs {
    async fn start(&self, client: &Client) -> Result<ExitCode> {
        let mut labels: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        for (name, value) in &self.label {
            labels.entry(name).or_default().insert(value);
        }
        let body = json!({"addresses": self.address, "labels": labels,
            "content": content(&self.file)?, "reason": self.reason});
        let path = format!("{}/grey", self.item.path());
        let seen = self.seen.tag();
        let started = client.json_if(Method::PUT, &path, &body, &seen).await?;
        tell(self.answers, started)
    }
}

impl ReasonArgs {
    async fn end(&self, client: &Client, release: bool) -> Result<ExitCode> {
        let body = json!({"release": release, "reason": self.reason});
        let path = format!("{}/grey/end", self.item.path());
        let seen = self.seen.tag();
        let ended = client.json_if(Method::POST, &path, &body, &seen).await?;
        tell(self.answers, ended)
    }

    async fn delete(&self, client: &Client) -> Result<ExitCode> {
        let path = format!("{}?reason={}", self.item.path(), escaped(&self.reason));
        client.delete_if(&path, &self.seen.tag()).await?;
        let gone = json!({"namespace": self.item.namespace, "group": self.item.group,
            "id": self.item.id});
        let done = Lang::told(self.answers.lang).pick("removed", "已删除");
        let line = format!("{}  {done}\n", self.item.id);
        print(self.answers.output, &gone, &line)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn event(event: &Value, lang: Lang) -> String {
    let told = text(event);
    let (en, zh) = match told.as_str() {
        "created" => ("added", "新增"),
        "changed" => ("changed", "修改"),
        "rolled_back" => ("rolled back", "回滚"),
        "grey_started" => ("grey release begun", "开始灰度"),
        "grey_ended" => ("grey release withdrawn", "放弃灰度"),
        "grey_released" => ("grey release for all", "全量发布"),
        "removed" => ("removed", "删除"),
        other => (other, other),
    };
    lang.pick(en, zh).to_owned()
}

/// Tells what an item is, never what a secret one holds.
fn tell(answers: Answers, mut item: Value) -> Result<ExitCode> {
    close(&mut item);
    let lang = Lang::told(answers.lang);
    let mut lines = line(&item, lang);
    if let Some(release) = item["release"].as_object() {
        let for_whom = lang.pick("grey release for", "灰度范围");
        let _ = write!(lines, "  {for_whom}:");
        for address in release["addresses"].as_array().into_iter().flatten() {
            let _ = write!(lines, " {}", text(address));
        }
        for (name, values) in release["labels"].as_object().into_iter().flatten() {
            for value in values.as_array().into_iter().flatten() {
                let _ = write!(lines, " {}={}", plain(&json!(name)), plain(value));
            }
        }
        lines.push('\n');
    }
    print(answers.output, &item, &lines)?;
    Ok(ExitCode::SUCCESS)
}

/// An item in a line.
fn line(one: &Value, lang: Lang) -> String {
    let mut out = format!(
        "{:<16} {:<32} {:<10} {} {:<4} {}  {}",
        text(&one["group"]),
        text(&one["id"]),
        text(&one["type"]),
        lang.pick("revision", "修订"),
        one["revision"],
        text(&one["updated_at"]),
        text(&one["updated_by"]),
    );
    if one["secret"] == true {
        out += lang.pick("  secret", "  已加密");
    }
    if one["grey"] == true {
        out += lang.pick("  grey release", "  灰度中");
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_the_type_by_its_ending() {
        let told = |id: &str| Kind::by_ending(id).name();
        assert_eq!(
            [
                "a.json",
                "a.b.yaml",
                "a.yml",
                "x.properties",
                "yaml",
                "a.txt"
            ]
            .map(told),
            ["json", "yaml", "yaml", "properties", "text", "text"]
        );
    }

    #[test]
    fn a_secret_is_taken_out_and_nothing_else() {
        let item = |secret: bool| {
            json!({"secret": secret, "content": "c", "md5": "m", "type": "text",
                "release": {"content": "g", "md5": "n", "addresses": ["::1"]}})
        };
        let mut closed = item(true);
        close(&mut closed);
        let left = json!({"secret": true, "content": null, "md5": null, "type": "text",
            "release": {"content": null, "md5": null, "addresses": ["::1"]}});
        assert_eq!(closed, left);
        let mut open = item(false);
        close(&mut open);
        assert_eq!(open, item(false));
    }
}
