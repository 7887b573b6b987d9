//! `cargo xtask bench`: the peer and ours side by side, and the ratio.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{step, system};

#[derive(clap::Args)]
pub struct Arguments {
    /// System to measure.
    system: String,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    match arguments.system.as_str() {
        "delivery" => delivery(),
        "esb" => esb(),
        "otc" => otc(),
        other => {
            bail!("there is no benchmark of `{other}` yet; there are `delivery`, `esb` and `otc`")
        }
    }
}

fn delivery() -> Result<()> {
    let binary = built("rialto")?;
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

fn esb() -> Result<()> {
    let (binary, snapshots) = (built("rialto")?, built("rialto-bench-esb")?);
    let figures = system::target().join("bench/esb.json");
    std::fs::create_dir_all(system::target().join("bench"))?;
    step::run(
        Command::new("python3")
            .arg("bench/esb/run.py")
            .arg("--rialto")
            .arg(&binary)
            .arg("--snapshots")
            .arg(&snapshots)
            .arg("--json")
            .arg(&figures),
    )?;
    let catalogue = system::target().join("bench/esb-catalogue.json");
    step::run(
        Command::new("python3")
            .arg("bench/esb/catalogue.py")
            .arg("--rialto")
            .arg(&binary)
            .arg("--json")
            .arg(&catalogue),
    )?;
    println!("figures: {} {}", figures.display(), catalogue.display());
    Ok(())
}

fn otc() -> Result<()> {
    let binary = built("rialto-bench-otc")?;
    let figures = system::target().join("bench/otc.json");
    std::fs::create_dir_all(system::target().join("bench"))?;
    step::run(
        Command::new("python3")
            .args(["bench/otc/run.py", "--ours"])
            .arg(&binary)
            .arg("--json")
            .arg(&figures),
    )?;
    println!("figures: {}", figures.display());
    Ok(())
}

/// A program of ours as users get it.
pub fn built(package: &str) -> Result<PathBuf> {
    step::step("release binary", || {
        let line = format!("cargo build --quiet --release --package {package}");
        step::run(&mut step::command(&line))
    })?;
    Ok(system::target().join("release").join(package))
}
