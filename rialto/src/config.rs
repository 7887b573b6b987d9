//! `rialto config`: look at the configuration without starting anything.

use std::process::ExitCode;

use anyhow::Result;
use rialto_platform_config::{example, print, telemetry};

use crate::settings::ConfigArgs;

/// Look at the configuration without starting anything.
#[derive(Debug, clap::Args)]
pub struct ConfigCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Say whether the configuration can be used; every error with its place.
    Check(ConfigArgs),
    /// Print the values in force; secrets are hidden.
    Print {
        #[command(flatten)]
        source: ConfigArgs,
        /// Say where each value comes from.
        #[arg(long)]
        origins: bool,
    },
    /// Print a commented file with every key at its default.
    Example,
}

impl ConfigCommand {
    /// Runs the command.
    pub fn execute(self) -> Result<ExitCode> {
        match self.verb {
            Verb::Check(source) => {
                let loaded = source.load()?;
                telemetry::check_filter(&loaded.settings.telemetry.filter)?;
                println!("the configuration can be used");
            }
            Verb::Print { source, origins } => print!("{}", print(&source.load()?, origins)),
            Verb::Example => print!("{}", example()),
        }
        Ok(ExitCode::SUCCESS)
    }
}
