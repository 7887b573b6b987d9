//! `cargo xtask test`: everything a change must pass, on both database engines and in a browser.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::postgres::Cluster;
use crate::{console, openapi, python, step, system, tidy};

#[derive(clap::Args)]
pub struct Arguments {
    /// Leave out the browser and PostgreSQL. For working, never for landing.
    #[arg(long)]
    fast: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    step::step("tools", system::check_tools)?;
    step::step("tidy", tidy::run)?;
    step::step("format", || {
        step::run(&mut step::command("cargo fmt --all --check"))
    })?;
    step::step("clippy", || {
        let line = "cargo clippy --quiet --workspace --all-targets -- -D warnings";
        step::run(&mut step::command(line))
    })?;
    step::step("console packages", console::install_packages)?;
    step::step("console build", console::build)?;
    step::step("binary", || {
        step::run(&mut step::command("cargo build --quiet --package rialto"))
    })?;
    step::step("own pipeline", || {
        let binary = system::target().join("debug/rialto");
        step::run(Command::new(binary).args(["ci", "lint"]))
    })?;
    // From here on nothing needs what came before: one run tells everything that is wrong.
    let mut failed = Vec::new();
    let mut tell = |result: Result<()>| failed.extend(result.err());
    tell(step::step("openapi", openapi::check));
    tell(rust_tests(arguments));
    tell(step::step("python wheel", || {
        python::wheel(&system::target().join("debug/rialto"))
    }));
    tell(step::step("own interfaces", || {
        python::own_interfaces(&system::target().join("debug/rialto"))
    }));
    tell(step::step("Nacos client", || {
        python::nacos_client(&system::target().join("debug/rialto"))
    }));
    for script in ["typecheck", "lint", "format:check", "test"] {
        tell(step::step(&format!("console {script}"), || {
            step::run_quietly(&mut console::npm(script))
        }));
    }
    if !arguments.fast {
        tell(step::step("chromium", chromium));
        tell(step::step("browser stories", || {
            step::run(console::npm("e2e").env("RIALTO_BIN", system::target().join("debug/rialto")))
        }));
    }
    if arguments.fast {
        println!("NOT RUN (--fast): PostgreSQL, browser stories. This does not count as a pass.");
    }
    match failed.len() {
        0 => Ok(()),
        1 => Err(failed.remove(0)),
        count => {
            let all: Vec<String> = failed.iter().map(|error| format!("{error:#}")).collect();
            bail!("{count} steps failed:\n{}", all.join("\n"))
        }
    }
}

fn rust_tests(arguments: &Arguments) -> Result<()> {
    let mut test = step::command("cargo test --quiet --workspace --no-fail-fast");
    test.env("RIALTO_BIN", system::target().join("debug/rialto"));
    if arguments.fast {
        return step::step("tests on SQLite", || step::run(&mut test));
    }
    let cluster = step::step("PostgreSQL", Cluster::start)?;
    test.env("RIALTO_TEST_POSTGRES", cluster.url())
        .env("RIALTO_REQUIRE_POSTGRES", "1");
    step::step("tests on SQLite and PostgreSQL", || step::run(&mut test))
}

fn chromium() -> Result<()> {
    let path = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    if Path::new(&path).exists() {
        return Ok(());
    }
    system::install(&["chromium", "fonts-noto-cjk"])?;
    if !Path::new(&path).exists() {
        bail!("Chromium was installed but {path} is not there: set CHROMIUM to its path");
    }
    Ok(())
}
