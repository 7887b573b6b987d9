//! `rialto evidence …`: check a bundle without a server, fetch one, look at the log.
//!
//! Exit codes of `verify`: 0 intact, 1 tampered, 2 the check could not be made (no such file, no
//! bundle; a wrong command line ends with 2 everywhere), 3 incomplete.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use rialto_platform_evidence::{
    Outcome, PublicKey, SignedHead, VerifyOptions, VerifyReport, verify_bundle,
};
use serde_json::Value;

use crate::client::{Client, text};

const RECORDS: &str = "/api/platform/v1/evidence/records";
const HEAD: &str = "/api/platform/v1/evidence/head";
const CHECK: &str = "/api/platform/v1/evidence/check";
/// Exit code when a check could not be made, as for a wrong command line.
const CANNOT_CHECK: u8 = 2;
/// Key and head files are small.
const MAX_SMALL_FILE: u64 = 64 * 1024;

/// Options every evidence command has.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// How to print.
    #[arg(long, value_enum, default_value = "table", global = true)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// One document.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a bundle without a server, naming the first altered record.
    ///
    /// Exit codes: 0 intact, 1 tampered, 2 the check could not be made (no such file, no bundle, a
    /// wrong command line), 3 incomplete.
    Verify(VerifyArgs),
    /// Fetch the bundle of a release.
    Export(ExportArgs),
    /// Show records of the log, newest first.
    Log(LogArgs),
    /// Show the newest signed head; keep it to reveal later that history was rewritten.
    Head,
    /// Let the server check its whole log.
    Check,
}

/// What to check, and against what.
#[derive(Debug, Args)]
struct VerifyArgs {
    /// The bundle; `-` reads standard input.
    bundle: PathBuf,
    /// Public key that must have signed (PEM). Without it the check shows that the bundle is
    /// whole, not whose it is.
    #[arg(long)]
    key: Option<PathBuf>,
    /// A signed head received earlier (JSON, from `rialto evidence head --output json`).
    #[arg(long)]
    head: Option<PathBuf>,
}

/// Which bundle, and where to.
#[derive(Debug, Args)]
struct ExportArgs {
    /// Id of the release.
    #[arg(long)]
    release: String,
    /// File to write; `-` is standard output. Absent: `evidence-<release>.tar.zst` in this folder.
    #[arg(short = 'o', long = "file", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Which records.
#[derive(Debug, Args)]
struct LogArgs {
    /// Only of this type, e.g. `verdict`.
    #[arg(long = "type")]
    kind: Option<String>,
    /// Only about this subject, e.g. `release:<id>`.
    #[arg(long)]
    subject: Option<String>,
    /// Oldest first from this position on.
    #[arg(long)]
    from: Option<u64>,
    /// Most records.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

impl EvidenceArgs {
    /// Runs the command.
    pub async fn execute(self) -> Result<ExitCode> {
        match self.command {
            Command::Verify(arguments) => Ok(arguments.execute(self.output)),
            Command::Export(arguments) => arguments.execute(self.output).await,
            Command::Log(arguments) => arguments.execute(self.output).await,
            Command::Head => show(HEAD, self.output).await.map(|_| ExitCode::SUCCESS),
            Command::Check => {
                let report = show(CHECK, self.output).await?;
                let ok = report["ok"] == Value::Bool(true);
                Ok(if ok {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::FAILURE
                })
            }
        }
    }
}

impl VerifyArgs {
    fn execute(&self, output: Output) -> ExitCode {
        match self.verify() {
            Ok(report) => {
                match output {
                    Output::Table => print!("{}", render(&report)),
                    Output::Json => println!("{:#}", serde_json::json!(report)),
                }
                exit_code(report.outcome)
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(CANNOT_CHECK)
            }
        }
    }

    fn verify(&self) -> Result<VerifyReport> {
        let options = VerifyOptions {
            trusted_key: self.key.as_deref().map(read_key).transpose()?,
            earlier_head: self.head.as_deref().map(read_head).transpose()?,
            ..VerifyOptions::default()
        };
        let shown = self.bundle.display();
        if self.bundle == Path::new("-") {
            return verify_bundle(std::io::stdin().lock(), &options).context("standard input");
        }
        let file = File::open(&self.bundle).with_context(|| format!("cannot open {shown}"))?;
        verify_bundle(file, &options).with_context(|| shown.to_string())
    }
}

fn exit_code(outcome: Outcome) -> ExitCode {
    ExitCode::from(match outcome {
        Outcome::Intact => 0,
        Outcome::Tampered => 1,
        Outcome::Incomplete => 3,
    })
}

fn read_small(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut content = String::new();
    file.take(MAX_SMALL_FILE)
        .read_to_string(&mut content)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(content)
}

fn read_key(path: &Path) -> Result<PublicKey> {
    PublicKey::from_pem(&read_small(path)?)
        .map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
}

fn read_head(path: &Path) -> Result<SignedHead> {
    serde_json::from_str(&read_small(path)?)
        .with_context(|| format!("{} is not a signed head", path.display()))
}

/// A report in words.
fn render(report: &VerifyReport) -> String {
    let mut lines = vec![match report.outcome {
        Outcome::Intact => format!("intact: {}", report.message),
        Outcome::Tampered => format!("TAMPERED: {}", report.message),
        Outcome::Incomplete => format!("incomplete: {}", report.message),
    }];
    if let Some(seq) = report.first_bad_seq {
        lines.push(format!("  first bad record  {seq}"));
    }
    lines.extend(
        report
            .findings
            .iter()
            .map(|finding| format!("  wanting           {finding}")),
    );
    if let Some(about) = &report.about {
        lines.push(format!("  about             {about}"));
    }
    if let Some(head) = &report.head {
        let head = &head.head;
        lines.push(format!("  log               {}", head.log));
        lines.push(format!(
            "  head              {} records, signed {}",
            head.size, head.time
        ));
    }
    lines.push(format!(
        "  records, contents {}, {}",
        report.records, report.blobs
    ));
    lines.push(format!(
        "  to production     {} deployment{}",
        report.production_deployments,
        if report.production_deployments == 1 {
            ""
        } else {
            "s"
        }
    ));
    if let Some(key) = &report.key_id {
        let trust = if report.key_trusted {
            "the key you trust"
        } else {
            "the bundle's own key; give --key to check whose it is"
        };
        lines.push(format!("  signed by         {key} ({trust})"));
    }
    lines.join("\n") + "\n"
}

impl ExportArgs {
    async fn execute(&self, output: Output) -> Result<ExitCode> {
        let path = format!(
            "/api/delivery/v1/releases/{}/evidence-bundle",
            encode(&self.release)
        );
        let mut response = Client::from_environment()?.raw(&path).await?;
        let named = || PathBuf::from(format!("evidence-{}.tar.zst", encode(&self.release)));
        let target = self.file.clone().unwrap_or_else(named);
        if target.as_os_str() == "-" {
            let mut out = std::io::stdout();
            while let Some(chunk) = response.chunk().await.context("the download broke off")? {
                out.write_all(&chunk)
                    .context("cannot write to standard output")?;
            }
            out.flush().context("cannot write to standard output")?;
            return Ok(ExitCode::SUCCESS);
        }
        let shown = target.display();
        let cannot = || format!("cannot write {shown}");
        // Beside its place and renamed, so that a broken download never looks like a bundle.
        let mut partial = target.clone().into_os_string();
        partial.push(".part");
        let partial = PathBuf::from(partial);
        let mut file = File::create(&partial).with_context(cannot)?;
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.context("the download broke off")? {
            file.write_all(&chunk).with_context(cannot)?;
            bytes += chunk.len();
        }
        file.sync_all().with_context(cannot)?;
        std::fs::rename(&partial, &target).with_context(cannot)?;
        match output {
            Output::Table => {
                println!("{shown}: {bytes} bytes; check it with `rialto evidence verify {shown}`");
            }
            Output::Json => {
                println!("{:#}", serde_json::json!({"file": target, "bytes": bytes}));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl LogArgs {
    async fn execute(&self, output: Output) -> Result<ExitCode> {
        let mut query = Vec::new();
        query.extend(
            self.kind
                .iter()
                .map(|kind| format!("type={}", encode(kind))),
        );
        query.extend(
            self.subject
                .iter()
                .map(|subject| format!("subject={}", encode(subject))),
        );
        query.extend(self.from.map(|from| format!("from_seq={from}")));
        let path = match query.join("&") {
            empty if empty.is_empty() => RECORDS.to_owned(),
            query => format!("{RECORDS}?{query}"),
        };
        let records = Client::from_environment()?.list(&path, self.limit).await?;
        match output {
            Output::Json => println!("{:#}", Value::from(records)),
            Output::Table => {
                for record in &records {
                    println!("{}", line_of(record));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line_of(record: &Value) -> String {
    let actor = match &record["actor"]["name"] {
        Value::Null => &record["actor"]["id"],
        name => name,
    };
    let hash: String = text(&record["hash"]).chars().take(12).collect();
    format!(
        "{:>8}  {}  {:<16}  {}  by {}  {hash}",
        text(&record["seq"]),
        text(&record["time"]),
        text(&record["type"]),
        text(&record["subject"]),
        text(actor),
    )
}

async fn show(path: &str, output: Output) -> Result<Value> {
    let answer = Client::from_environment()?.get(path).await?;
    match (output, answer.as_object()) {
        (Output::Table, Some(fields)) => {
            for (name, value) in fields {
                println!("{name:<14} {}", text(value));
            }
        }
        _ => println!("{answer:#}"),
    }
    Ok(answer)
}

/// Percent-encoding of everything but unreserved characters.
fn encode(part: &str) -> String {
    let mut encoded = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use rialto_platform_evidence::{
        Actor, EvidenceLog, ExportRequest, MIGRATIONS, NewRecord, SigningKey,
    };
    use rialto_platform_store::Db;

    use super::*;

    /// A folder with `bundle.tar.zst`, the key and a head of its log.
    async fn house() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("log.db").display());
        let db = Db::open(&url).await.expect("opens");
        db.migrate(&[MIGRATIONS]).await.expect("migrates");
        let key = SigningKey::from_bytes(&[3; 32]);
        let log = EvidenceLog::open(&db, key.clone()).await.expect("opens");
        let mut tx = db.begin().await.expect("begins");
        let record = NewRecord {
            actor: Actor::system("test"),
            kind: "release",
            subject: "release:1".into(),
            body: serde_json::json!({"project": "p"}),
            refs: Vec::new(),
        };
        log.append(&mut tx, record).await.expect("appends");
        tx.commit().await.expect("commits");
        let request = ExportRequest {
            subjects: vec!["release:1".into()],
            ..ExportRequest::default()
        };
        let bundle = log.export(&db, request).await.expect("exports");
        let head = serde_json::to_string(&log.head(&db).await.expect("a head")).expect("JSON");
        let place = |name: &str| folder.path().join(name);
        let packed = bundle.write(Vec::new()).expect("writes");
        std::fs::write(place("bundle.tar.zst"), packed).expect("written");
        std::fs::write(place("key.pem"), key.public().to_pem().expect("PEM")).expect("written");
        std::fs::write(place("head.json"), head).expect("written");
        db.close().await;
        folder
    }

    fn arguments(folder: &Path) -> VerifyArgs {
        VerifyArgs {
            bundle: folder.join("bundle.tar.zst"),
            key: Some(folder.join("key.pem")),
            head: Some(folder.join("head.json")),
        }
    }

    fn code(arguments: &VerifyArgs) -> String {
        format!("{:?}", arguments.execute(Output::Json))
    }

    fn expected(code: u8) -> String {
        format!("{:?}", ExitCode::from(code))
    }

    #[tokio::test]
    async fn an_intact_bundle_ends_with_code_zero() {
        let folder = house().await;
        let arguments = arguments(folder.path());
        assert_eq!(code(&arguments), expected(0));
        let told = render(&arguments.verify().expect("checks"));
        assert!(told.starts_with("intact: 1 records"), "{told}");
        assert!(told.contains("the key you trust"), "{told}");
    }

    #[tokio::test]
    async fn a_foreign_key_ends_with_code_one() {
        let folder = house().await;
        let other = SigningKey::from_bytes(&[4; 32])
            .public()
            .to_pem()
            .expect("PEM");
        std::fs::write(folder.path().join("key.pem"), other).expect("written");
        assert_eq!(code(&arguments(folder.path())), expected(1));
    }

    #[tokio::test]
    async fn a_cut_bundle_ends_with_code_two() {
        let folder = house().await;
        let path = folder.path().join("bundle.tar.zst");
        let bytes = std::fs::read(&path).expect("read");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
        assert_eq!(code(&arguments(folder.path())), expected(3));
    }

    #[tokio::test]
    async fn what_cannot_be_checked_ends_with_code_two_and_says_why() {
        let folder = house().await;
        let place = |name: &str| folder.path().join(name);
        let absent = VerifyArgs {
            bundle: place("none"),
            ..arguments(folder.path())
        };
        let no_bundle = VerifyArgs {
            bundle: place("key.pem"),
            ..arguments(folder.path())
        };
        let no_key = VerifyArgs {
            key: Some(place("head.json")),
            ..arguments(folder.path())
        };
        let no_head = VerifyArgs {
            head: Some(place("key.pem")),
            ..arguments(folder.path())
        };
        for (arguments, why) in [
            (absent, "cannot open"),
            (no_bundle, "not an evidence bundle"),
            (no_key, "not an Ed25519 public key"),
            (no_head, "is not a signed head"),
        ] {
            assert_eq!(code(&arguments), expected(CANNOT_CHECK), "{why}");
            let error = format!("{:#}", arguments.verify().expect_err("refused"));
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn query_values_are_encoded() {
        assert_eq!(
            encode("release:1 & 2/三"),
            "release%3A1%20%26%202%2F%E4%B8%89"
        );
    }
}
