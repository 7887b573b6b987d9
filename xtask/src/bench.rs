//! `cargo xtask bench`: the peer and ours side by side, and the ratio.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{step, system};

#[derive(clap::Args)]
pub struct Arguments {
    /// System to measure.
    system: String,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.system != "delivery" {
        bail!(
            "there is no benchmark of `{}` yet; there is one of `delivery`",
            arguments.system
        );
    }
    step::step("release binary", || {
        step::run(&mut step::command(
            "cargo build --quiet --release --package rialto",
        ))
    })?;
    let binary = system::target().join("release/rialto");
    for script in [
        "bench/ci/run.py",
        "bench/diff-coverage/run.py",
        "bench/server/run.py",
    ] {
        step::run(
            Command::new("python3")
                .arg(script)
                .arg("--rialto")
                .arg(&binary),
        )?;
    }
    Ok(())
}
