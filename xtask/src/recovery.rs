//! `cargo xtask recovery`: what fails, how long it is felt, and what is lost.

use std::process::Command;

use anyhow::Result;

use crate::bench::built;
use crate::postgres::Cluster;
use crate::step;

#[derive(clap::Args)]
pub struct Arguments {
    /// How often each thing is broken.
    #[arg(long, default_value_t = 20)]
    rounds: u32,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let (binary, snapshots) = (built("rialto")?, built("rialto-bench-esb")?);
    let cluster = step::step("PostgreSQL", Cluster::durable)?;
    step::run(
        Command::new("python3")
            .arg("tests/recovery/run.py")
            .arg("--rialto")
            .arg(&binary)
            .arg("--snapshots")
            .arg(&snapshots)
            .args(["--database", &cluster.url(), "--pg-ctl", &cluster.control()])
            .args(["--rounds", &arguments.rounds.to_string()]),
    )
}
