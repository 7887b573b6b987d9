//! `rialto esb cells`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use rialto_esb_coverage::{Cells, cells};

use super::{Output, invalid, print, source};
use crate::lang::Lang;

/// Options of `rialto esb cells`.
#[derive(Debug, Args)]
pub struct CellsArgs {
    /// The definition: a JSON or YAML file, a folder or zip archive of them, or `-`.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The definition's own file within a folder or archive.
    #[arg(long, value_name = "NAME")]
    root: Option<String>,
    /// Language of the sums; that of the environment (LC_ALL, LC_MESSAGES, LANG) when not given.
    #[arg(long, value_enum)]
    lang: Option<Lang>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

impl CellsArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        let import = match source::definition(&self.file, self.root.as_deref()) {
            Ok(import) => import,
            Err(message) => return Ok(invalid(&message)),
        };
        if !import.findings.is_empty() {
            let told: Vec<String> = import.findings.iter().map(ToString::to_string).collect();
            return Ok(invalid(&told.join("\n")));
        }
        let found = cells(&import.definition);
        print(self.output, &found, &lines(&found, Lang::told(self.lang)))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn lines(found: &Cells, lang: Lang) -> String {
    let mut text = String::new();
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in &found.cells {
        let _ = writeln!(text, "{}  {}", cell.operation, cell.id);
        *sums.entry(cell.operation.as_str()).or_default() += 1;
    }
    for cut in &found.cut {
        let told = lang.pick("nothing below is asked for", "其下不再要求覆盖");
        let _ = writeln!(text, "{}  {}: {told}", cut.operation, cut.id);
    }
    let (cells, operations) = (found.cells.len(), sums.len());
    let _ = match lang {
        Lang::En => writeln!(text, "{cells} cell(s) of {operations} operation(s)"),
        Lang::Zh => writeln!(text, "{operations} 个操作，共 {cells} 个覆盖单元"),
    };
    text
}
