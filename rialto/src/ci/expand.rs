//! `rialto ci expand`: the fully resolved file.

use std::process::ExitCode;

use super::{EXIT_INVALID, Source};

/// Arguments of `rialto ci expand`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
}

/// Prints the resolved YAML.
pub(super) fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let opened = args.source.open()?;
    if opened.is_unknown() {
        return Ok(ExitCode::from(EXIT_INVALID));
    }
    print!("{}", opened.compiled.expanded());
    Ok(opened.exit_code())
}
