//! `rialto esb diff`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use rialto_esb_contract::compat::{Change, compare, verdict};
use rialto_esb_contract::{Definition, Severity};
use serde::Serialize;

use super::{Telling, invalid, pick, severity, source};
use crate::lang::Lang;

/// Options of `rialto esb diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The version callers use.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The version that shall follow.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// The definition's own file within a folder or archive, the same on both sides.
    #[arg(long, value_name = "NAME")]
    root: Option<String>,
    /// The day on which sunsets are judged; today in Shanghai unless given.
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<jiff::civil::Date>,
    #[command(flatten)]
    telling: Telling,
}

#[derive(Serialize)]
struct Report<'a> {
    old: Side<'a>,
    new: Side<'a>,
    verdict: Option<Severity>,
    changes: &'a [Change],
}

#[derive(Serialize)]
struct Side<'a> {
    title: &'a str,
    version: &'a str,
    operations: usize,
}

impl<'a> Side<'a> {
    fn of(definition: &'a Definition) -> Self {
        Self {
            title: &definition.title,
            version: &definition.version,
            operations: definition.operations.len(),
        }
    }
}

impl DiffArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        let mut sides = Vec::new();
        for file in [&self.old, &self.new] {
            match source::definition(file, self.root.as_deref()) {
                Ok(import) if import.findings.is_empty() => sides.push(import.definition),
                Ok(import) => {
                    // A definition that cannot be trusted must not pass for a compatible one.
                    let told: Vec<String> =
                        import.findings.iter().map(ToString::to_string).collect();
                    return Ok(invalid(&told.join("\n")));
                }
                Err(message) => return Ok(invalid(&message)),
            }
        }
        let [old, new] = &sides[..] else {
            return Ok(invalid("two definitions are compared"));
        };
        let today = || {
            jiff::Timestamp::now()
                .in_tz("Asia/Shanghai")
                .map(|now| now.date())
        };
        let on = match self.on {
            Some(on) => on,
            None => today()?,
        };
        let changes = compare(old, new, &on.to_string());
        let report = Report {
            old: Side::of(old),
            new: Side::of(new),
            verdict: verdict(&changes),
            changes: &changes,
        };
        let lines = lines(&changes, Lang::told(self.telling.lang));
        self.telling.tell(verdict(&changes), &report, &lines)
    }
}

fn lines(changes: &[Change], lang: Lang) -> String {
    let mut text = String::new();
    for change in changes {
        let spot = change.new.as_ref().or(change.old.as_ref());
        let place = spot.map_or_else(String::new, |spot| format!("{spot}: "));
        let operations = change.operations.join(", ");
        let weight = severity(lang, change.severity);
        let at = if change.at.is_empty() {
            String::new()
        } else {
            format!(" {}", change.at)
        };
        let _ = writeln!(
            text,
            "{place}{weight} {}: {operations}{at}: {}",
            change.rule,
            pick(lang, &change.what)
        );
    }
    let count = |severity| {
        changes
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    let [errors, warnings, infos] = [Severity::Error, Severity::Warning, Severity::Info].map(count);
    let _ = match lang {
        Lang::En if changes.is_empty() => writeln!(text, "no changes"),
        Lang::Zh if changes.is_empty() => writeln!(text, "没有变化"),
        Lang::En => writeln!(
            text,
            "{errors} breaking, {warnings} to acknowledge, {infos} compatible"
        ),
        Lang::Zh => writeln!(text, "不兼容 {errors}，需确认 {warnings}，兼容 {infos}"),
    };
    text
}
