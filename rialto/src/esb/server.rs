//! `rialto esb import | list | show | submit | approve | refuse`: the catalogue of a server.

use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use reqwest::Method;
use rialto_esb_manager::artefact::{is_text, most_bytes};
use serde_json::{Value, json};

use super::{Output, print};
use crate::client::{Client, RequestError, text};
use crate::lang::Lang;

/// Base of the interface.
pub(super) const BASE: &str = "/api/esb/v1";

/// How answers of a server are told.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Answers {
    /// Language of messages; that of the environment (LC_ALL, LC_MESSAGES, LANG) when not given.
    /// JSON holds both.
    #[arg(long, value_enum)]
    pub(super) lang: Option<Lang>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) output: Output,
}

/// Options of `rialto esb import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The definition: a JSON or YAML file, a folder or zip archive of them, or `-`.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Code of the system that owns the interface.
    #[arg(long)]
    system: String,
    /// Code of the interface, `trade.order`; added when it is not there.
    #[arg(long, value_name = "CODE")]
    interface: String,
    /// Title of an interface that is added; its code when not told.
    #[arg(long)]
    title: Option<String>,
    /// Its place in the taxonomy, `trade/order`.
    #[arg(long, value_name = "PATH", default_value = "")]
    taxonomy: String,
    /// How it is called.
    #[arg(long, default_value = "request-reply")]
    pattern: String,
    /// Number of the version; the newest one that is being written when not told.
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// The definition's own file within a folder or archive.
    #[arg(long, value_name = "NAME")]
    root: Option<String>,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Text in code, title, paths, operations or field names.
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Code of the system that owns them.
    #[arg(long)]
    system: Option<String>,
    /// Place in the taxonomy; what is below it too.
    #[arg(long, value_name = "PATH")]
    taxonomy: Option<String>,
    /// State of the newest version.
    #[arg(long)]
    state: Option<String>,
    /// Most rows.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Code of the interface, and a version of it: `trade.order` or `trade.order@1.0.0`.
    #[arg(value_name = "CODE[@NUMBER]")]
    what: String,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb submit`, `approve` and `refuse`.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Code of the interface, and a version of it; the newest when none is named.
    #[arg(value_name = "CODE[@NUMBER]")]
    what: String,
    /// Why; needed to refuse.
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    answers: Answers,
}

/// A text within an address.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// What is sent of a file or folder: name, media type, bytes.
fn read(file: &Path) -> Result<(String, &'static str, Vec<u8>)> {
    let shown = file.display().to_string();
    let most = most_bytes();
    if file.is_dir() {
        return Ok((shown, "application/zip", zipped(file)?));
    }
    let mut bytes = Vec::new();
    let limit = most as u64 + 1;
    if shown == "-" {
        std::io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut bytes)?;
    } else {
        let opened = std::fs::File::open(file).with_context(|| shown.clone())?;
        opened.take(limit).read_to_end(&mut bytes)?;
    }
    if bytes.len() > most {
        bail!("{shown}: longer than {most} bytes, the most that is read");
    }
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.filter(|name| *name != "-").unwrap_or("definition");
    let media = if bytes.starts_with(b"PK\x03\x04") {
        "application/zip"
    } else {
        "application/octet-stream"
    };
    Ok((name.to_owned(), media, bytes))
}

/// The JSON and YAML files below a folder as an archive.
fn zipped(folder: &Path) -> Result<Vec<u8>> {
    let found = super::source::files(folder)?;
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in found.iter().filter(|(name, _)| is_text(name)) {
        writer.start_file(name.as_str(), options)?;
        writer.write_all(text.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The version of `CODE[@NUMBER]`; the newest when none is named.
async fn version(client: &Client, what: &str) -> Result<Value> {
    let (code, number) = what
        .split_once('@')
        .map_or((what, None), |(c, n)| (c, Some(n)));
    let path = format!("{BASE}/interfaces/{}/versions", escaped(code));
    let versions = client.get(&path).await?;
    let items = versions["items"].as_array().into_iter().flatten();
    let mut fitting = items.filter(|one| number.is_none_or(|number| one["number"] == number));
    fitting.next().cloned().ok_or_else(|| {
        let message = format!("{code} has no version {}", number.unwrap_or_default());
        RequestError::not_found(message).into()
    })
}

fn tag(version: &Value) -> String {
    format!("\"v{}\"", version["revision"])
}

/// A version in lines.
fn lines_of(version: &Value, lang: Lang) -> String {
    let language = lang.pick("en", "zh");
    let mut text_of = String::new();
    let suspended = match version["suspended"].as_bool() {
        Some(true) => lang.pick(", suspended", "，已暂停"),
        _ => "",
    };
    let _ = writeln!(
        text_of,
        "{}@{}  {}{suspended}",
        text(&version["interface"]),
        text(&version["number"]),
        text(&version["state_words"][language]),
    );
    let definition = &version["definition"];
    if definition.is_object() {
        let count = |name: &str| text(&definition[name]);
        let _ = match lang {
            Lang::En => writeln!(
                text_of,
                "  {} operation(s), {} schema(s); {} error(s), {} warning(s), {} info; {} loss(es); compared: {}",
                count("operations"),
                count("schemas"),
                count("errors"),
                count("warnings"),
                count("infos"),
                count("losses"),
                text(&version["compat"])
            ),
            Lang::Zh => writeln!(
                text_of,
                "  {} 个操作，{} 个结构；错误 {}，警告 {}，提示 {}；丢失 {}；兼容性：{}",
                count("operations"),
                count("schemas"),
                count("errors"),
                count("warnings"),
                count("infos"),
                count("losses"),
                text(&version["compat"])
            ),
        };
    }
    text_of
}

impl ImportArgs {
    pub(super) async fn execute(&self) -> Result<ExitCode> {
        let (name, media, bytes) = read(&self.file)?;
        let client = Client::from_environment()?;
        self.add_interface(&client).await?;
        let version = self.version(&client).await?;
        let mut path = format!(
            "{BASE}/versions/{}/definition?name={}",
            text(&version["id"]),
            escaped(&name)
        );
        if let Some(root) = &self.root {
            let _ = write!(path, "&root={}", escaped(root));
        }
        let imported = client
            .put_bytes(&path, media, bytes, &tag(&version))
            .await?;
        let lang = Lang::told(self.answers.lang);
        let mut lines = lines_of(&imported["version"], lang);
        for unmet in imported["unmet"].as_array().into_iter().flatten() {
            let told = text(&unmet["text"][lang.pick("en", "zh")]);
            let _ = writeln!(
                lines,
                "  {}: {told}",
                lang.pick("not yet a draft", "尚未成为草稿")
            );
        }
        if imported["changed"] == false {
            let same = lang.pick("the same definition was there already", "定义未变");
            let _ = writeln!(lines, "  {same}");
        }
        print(self.answers.output, &imported, &lines)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Adds the interface unless it is there.
    async fn add_interface(&self, client: &Client) -> Result<()> {
        let path = format!("{BASE}/interfaces/{}", escaped(&self.interface));
        if let Some(found) = client.find(&path).await? {
            if found["system"] == self.system.as_str() {
                return Ok(());
            }
            let message = format!(
                "{} belongs to the system {}",
                self.interface,
                text(&found["system"])
            );
            return Err(RequestError::usage(message).into());
        }
        let title = self.title.as_ref().unwrap_or(&self.interface);
        let mut body = json!({"code": self.interface, "system": self.system, "title": title,
            "taxonomy": self.taxonomy, "pattern": self.pattern});
        if let Some(number) = &self.number {
            body["version"] = number.as_str().into();
        }
        client.post(&format!("{BASE}/interfaces"), &body).await?;
        Ok(())
    }

    /// The version that is written: the one named, added if need be; else the newest one.
    async fn version(&self, client: &Client) -> Result<Value> {
        let Some(number) = &self.number else {
            return version(client, &self.interface).await;
        };
        let path = format!("{BASE}/interfaces/{}/versions", escaped(&self.interface));
        let there = client.get(&path).await?;
        let items = there["items"].as_array().into_iter().flatten();
        if let Some(found) = items
            .into_iter()
            .find(|one| one["number"] == number.as_str())
        {
            return Ok(found.clone());
        }
        client.post(&path, &json!({"number": number})).await
    }
}

impl ListArgs {
    pub(super) async fn execute(&self) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        let asked = [
            ("q", &self.text),
            ("system", &self.system),
            ("taxonomy", &self.taxonomy),
            ("state", &self.state),
        ];
        let told = asked.iter().filter_map(|(name, value)| {
            let value = value.as_ref()?;
            Some(format!("{name}={}", escaped(value)))
        });
        let query: Vec<String> = told.collect();
        let path = format!("{BASE}/interfaces?{}", query.join("&"));
        let items = client.list(path.trim_end_matches('?'), self.limit).await?;
        let mut lines = String::new();
        for one in &items {
            let _ = writeln!(
                lines,
                "{:<28} {:<10} {:<12} {:<18} {}",
                text(&one["code"]),
                text(&one["latest"]),
                text(&one["state"]),
                text(&one["taxonomy"]),
                text(&one["title"])
            );
        }
        print(self.answers.output, &items, &lines)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl ShowArgs {
    pub(super) async fn execute(&self) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        let found = version(&client, &self.what).await?;
        let id = text(&found["id"]);
        let outlook = client
            .get(&format!("{BASE}/versions/{id}/transitions"))
            .await?;
        let lang = Lang::told(self.answers.lang);
        let language = lang.pick("en", "zh");
        let mut lines = lines_of(&found, lang);
        for event in outlook["items"].as_array().into_iter().flatten() {
            let _ = writeln!(lines, "  {}: {}", text(&event["event"]), text(&event["to"]));
            for unmet in event["unmet"].as_array().into_iter().flatten() {
                let told = text(&unmet["text"][language]);
                let _ = writeln!(lines, "    {}: {told}", text(&unmet["guard"]));
            }
        }
        let document = json!({"version": found, "transitions": outlook["items"]});
        print(self.answers.output, &document, &lines)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl MoveArgs {
    pub(super) async fn execute(&self, event: &str) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        let found = version(&client, &self.what).await?;
        let path = format!("{BASE}/versions/{}/transitions", text(&found["id"]));
        let body = json!({"event": event, "reason": self.reason});
        let moved = client
            .json_if(Method::POST, &path, &body, &tag(&found))
            .await?;
        let lines = lines_of(&moved, Lang::told(self.answers.lang));
        print(self.answers.output, &moved, &lines)?;
        Ok(ExitCode::SUCCESS)
    }
}
