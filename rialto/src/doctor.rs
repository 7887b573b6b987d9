//! `rialto doctor`: whether this machine and its configuration can carry a house.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use jiff::{Timestamp, ToSpan as _};
use rialto_platform_config::{Settings, telemetry};
use rialto_platform_store::{Db, MigrationSet};
use rialto_platform_web::console_is_built;

use crate::house::{database_url, migration_sets};
use crate::settings::ConfigArgs;

/// Oldest git whose push options and quarantine are as the server needs them.
const GIT_MAJOR_MINOR: (u32, u32) = (2, 30);

/// Check set-up, tools, clock, database and versions.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    source: ConfigArgs,
}

/// One check: a sentence of what was found, or why it fails and what to do.
type Check = Result<String>;

impl DoctorArgs {
    /// Prints one line for each check; exit code 1 when one fails.
    pub async fn execute(self) -> Result<ExitCode> {
        let mut failed = false;
        let mut tell = |name: &str, check: &Check| match check {
            Ok(found) => println!("✓ {name}: {found}"),
            Err(error) => {
                failed = true;
                println!("✗ {name}: {error:#}");
            }
        };
        tell("rialto", &Ok(env!("CARGO_PKG_VERSION").to_owned()));
        tell("git", &git());
        tell("bash", &bash());
        tell("clock", &clock(Timestamp::now()));
        tell("console", &console());
        let settings = match self.source.load() {
            Ok(loaded) => loaded.settings,
            Err(error) => {
                tell("configuration", &Err(error));
                return Ok(ExitCode::FAILURE);
            }
        };
        tell("configuration", &configuration(&settings));
        tell("data folder", &data_folder(&settings));
        tell("database", &database(&settings).await);
        tell("port", &port(&settings));
        Ok(if failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn output_of(program: &str, argument: &str) -> Result<String> {
    let output = Command::new(program)
        .arg(argument)
        .output()
        .with_context(|| format!("`{program}` cannot be run; install it"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn git() -> Check {
    let line = output_of("git", "--version")?;
    let found = major_minor(&line).with_context(|| format!("`{line}` names no version"))?;
    if found < GIT_MAJOR_MINOR {
        bail!(
            "{line} is too old; install git {}.{} or newer",
            GIT_MAJOR_MINOR.0,
            GIT_MAJOR_MINOR.1
        );
    }
    Ok(line)
}

/// The first `number.number` of a text.
fn major_minor(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

fn bash() -> Check {
    output_of("bash", "--version")
}

/// A clock before this program was written, or far ahead of it, is wrong.
fn clock(now: Timestamp) -> Check {
    let written: Timestamp = "2026-11-01T00:00:00Z".parse().context("a constant")?;
    let latest = written + (24 * 365 * 50).hours();
    if now < written || now > latest {
        bail!("it says {now:.0}; set it right, or tokens and evidence carry wrong times");
    }
    Ok(format!("{now:.0}"))
}

fn console() -> Check {
    match console_is_built() {
        true => Ok("built".to_owned()),
        false => bail!("not built; `cargo xtask up` builds it (the API works without)"),
    }
}

fn configuration(settings: &Settings) -> Check {
    telemetry::check_filter(&settings.telemetry.filter)?;
    Ok("can be used".to_owned())
}

fn data_folder(settings: &Settings) -> Check {
    let path = &settings.store.data;
    if !path.exists() {
        return Ok(format!("{} will be made", path.display()));
    }
    let probe = path.join(".doctor");
    std::fs::write(&probe, "")
        .and_then(|()| std::fs::remove_file(&probe))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(format!("{} can be written", path.display()))
}

async fn database(settings: &Settings) -> Check {
    let embedded = settings.store.url.is_none() && settings.store.url_file.is_none();
    if embedded && !settings.store.data.join("rialto.db").exists() {
        return Ok("SQLite, will be made".to_owned());
    }
    let root = settings
        .store
        .data
        .canonicalize()
        .unwrap_or_else(|_| settings.store.data.clone());
    let db = Db::open(&database_url(settings, &root)?).await?;
    let applied = db
        .applied_migrations()
        .await
        .map(|all| all.len())
        .unwrap_or_default();
    let engine = db.engine();
    db.close().await;
    let known: usize = migration_sets()
        .iter()
        .map(|MigrationSet { migrations, .. }| migrations.len())
        .sum();
    Ok(format!(
        "{engine}, {applied} migrations applied, this program knows {known} and its own"
    ))
}

fn port(settings: &Settings) -> Check {
    let address = settings.server.listen;
    match std::net::TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Ok(format!("{address} is in use (by a running server?)"))
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(major_minor("git version 2.39.5"), Some((2, 39)));
        assert_eq!(
            major_minor("git version 2.47.0 (Apple Git-1)"),
            Some((2, 47))
        );
        assert_eq!(major_minor("no version here"), None);
    }

    #[test]
    fn a_clock_that_was_never_set_is_noticed() {
        assert!(clock(Timestamp::UNIX_EPOCH).is_err());
        assert!(clock("2027-01-01T00:00:00Z".parse().expect("a time")).is_ok());
        assert!(clock("2999-01-01T00:00:00Z".parse().expect("a time")).is_err());
    }
}
