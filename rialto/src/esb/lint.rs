//! `rialto esb lint`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use rialto_esb_contract::lint::{RULES, lint};
use rialto_esb_contract::{Finding, Import, Loss, Severity, sort_findings};
use rialto_esb_schema::Schemas;
use serde::Serialize;

use super::{Telling, invalid, pick, severity, source};
use crate::lang::Lang;

/// Options of `rialto esb lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// The definition: a JSON or YAML file, a folder or zip archive of them, or `-`.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The definition's own file within a folder or archive.
    #[arg(long, value_name = "NAME")]
    root: Option<String>,
    /// Another weight for a rule, `off` to leave it out; may be given several times.
    #[arg(long = "rule", value_name = "ID=error|warning|info|off")]
    rules: Vec<String>,
    /// Leave out what stays in the document only.
    #[arg(long)]
    no_losses: bool,
    #[command(flatten)]
    telling: Telling,
}

#[derive(Serialize)]
struct Report<'a> {
    title: &'a str,
    version: &'a str,
    format: rialto_esb_contract::Format,
    operations: usize,
    schemas: usize,
    findings: &'a [Finding],
    losses: &'a [Loss],
}

impl LintArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        let read = weights(&self.rules).and_then(|weights| {
            Ok((
                weights,
                source::definition(&self.file, self.root.as_deref())?,
            ))
        });
        let (weights, mut import) = match read {
            Ok(read) => read,
            Err(message) => return Ok(invalid(&message)),
        };
        if self.no_losses {
            import.losses.clear();
        }
        let mut findings = std::mem::take(&mut import.findings);
        let schemas = Schemas::new(&import.definition);
        findings.extend(lint(&import.definition, &schemas, &weights));
        sort_findings(&mut findings);
        let worst = findings.iter().map(|finding| finding.severity).min();
        let lines = self.lines(&import, &findings);
        let definition = &import.definition;
        let report = Report {
            title: &definition.title,
            version: &definition.version,
            format: definition.format,
            operations: definition.operations.len(),
            schemas: definition.schemas.len(),
            findings: &findings,
            losses: &import.losses,
        };
        self.telling.tell(worst, &report, &lines)
    }

    fn lines(&self, import: &Import, findings: &[Finding]) -> String {
        let lang = Lang::told(self.telling.lang);
        let mut text = String::new();
        for finding in findings {
            let weight = severity(lang, finding.severity);
            let (what, cure) = (pick(lang, &finding.what), pick(lang, &finding.cure));
            let _ = writeln!(
                text,
                "{}: {weight} {}: {what} {cure}",
                finding.spot, finding.rule
            );
        }
        for loss in &import.losses {
            let _ = writeln!(
                text,
                "{}: {}: {}",
                loss.spot,
                loss.construct,
                pick(lang, &loss.done)
            );
        }
        let count = |severity| {
            findings
                .iter()
                .filter(|one| one.severity == severity)
                .count()
        };
        let told = [Severity::Error, Severity::Warning, Severity::Info].map(count);
        let definition = &import.definition;
        let _ = match lang {
            Lang::En => writeln!(
                text,
                "{} {}: {} operation(s), {} schema(s); {} error(s), {} warning(s), {} info",
                definition.title,
                definition.version,
                definition.operations.len(),
                definition.schemas.len(),
                told[0],
                told[1],
                told[2]
            ),
            Lang::Zh => writeln!(
                text,
                "{} {}：{} 个操作，{} 个结构；错误 {}，警告 {}，提示 {}",
                definition.title,
                definition.version,
                definition.operations.len(),
                definition.schemas.len(),
                told[0],
                told[1],
                told[2]
            ),
        };
        text
    }
}

fn weights(rules: &[String]) -> Result<BTreeMap<String, Option<Severity>>, String> {
    let mut weights = BTreeMap::new();
    for rule in rules {
        let told = rule.split_once('=').and_then(|(id, weight)| {
            let known = RULES.iter().find(|rule| rule.id == id)?;
            let weight = match weight {
                "error" => Some(Severity::Error),
                "warning" => Some(Severity::Warning),
                "info" => Some(Severity::Info),
                "off" => None,
                _ => return None,
            };
            Some((known.id.to_owned(), weight))
        });
        let Some((id, weight)) = told else {
            let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
            return Err(format!(
                "--rule {rule}: write ID=error, warning, info or off; rules are {}",
                ids.join(", ")
            ));
        };
        weights.insert(id, weight);
    }
    Ok(weights)
}
