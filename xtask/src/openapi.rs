//! The interface documents: written by the code, committed, and compared by a test.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{console, step, system};

const SYSTEMS: &[&str] = &["center", "delivery", "esb", "otc", "platform"];

/// Writes `openapi/<system>.json` and the console's types.
pub fn regenerate() -> Result<()> {
    step::step("console packages", console::install_packages)?;
    for system in SYSTEMS {
        step::step(&format!("openapi/{system}.json"), || {
            let document = document(system)?;
            fs::create_dir_all("openapi")?;
            fs::write(format!("openapi/{system}.json"), &document)?;
            let types = types(system)?;
            let path = format!("console/src/api/generated/{system}.d.ts");
            fs::write(&path, types).with_context(|| format!("cannot write {path}"))
        })?;
    }
    Ok(())
}

/// Fails if a committed document differs from what the code says.
pub fn check() -> Result<()> {
    for system in SYSTEMS {
        let path = format!("openapi/{system}.json");
        let committed = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        if committed != document(system)? {
            bail!("{path} is out of date: run `cargo xtask openapi` and commit the result");
        }
        let path = format!("console/src/api/generated/{system}.d.ts");
        let committed = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        if committed != types(system)? {
            bail!("{path} is out of date: run `cargo xtask openapi` and commit the result");
        }
    }
    Ok(())
}

fn document(system: &str) -> Result<String> {
    step::run(
        step::command("cargo build --quiet --package rialto").env("CARGO_TERM_QUIET", "true"),
    )?;
    let binary = system::target().join("debug/rialto");
    step::output(Command::new(binary).args(["openapi", system]))
}

fn types(system: &str) -> Result<String> {
    let tool = system::root().join("console/node_modules/.bin/openapi-typescript");
    step::output(Command::new(tool).arg(format!("openapi/{system}.json")))
}
