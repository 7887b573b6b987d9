//! `cargo xtask up`: from a checkout to a running house.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{console, step, system};

#[derive(clap::Args)]
pub struct Arguments {
    /// Build the optimised binary.
    #[arg(long)]
    release: bool,
    /// Options of `rialto up`, e.g. `--port 9000`.
    #[arg(last = true)]
    options: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    step::step("tools", system::check_tools)?;
    step::step("console packages", console::install_packages)?;
    step::step("console", console::build)?;
    step::step("binary", || {
        let mut build = step::command("cargo build --quiet --package rialto");
        if arguments.release {
            build.arg("--release");
        }
        step::run(&mut build)
    })?;
    let profile = if arguments.release {
        "release"
    } else {
        "debug"
    };
    let binary = system::target().join(profile).join("rialto");
    // From here on there is one process: Ctrl-C reaches the house itself.
    let error = Command::new(&binary)
        .args(["up", "--sample"])
        .args(&arguments.options)
        .exec();
    Err(error).with_context(|| format!("cannot start {}", binary.display()))
}
