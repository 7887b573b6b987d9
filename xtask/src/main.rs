//! The only build scripts of the house: `cargo xtask up | test | tidy | openapi | plots | bench`.

mod bench;
mod console;
mod openapi;
mod postgres;
mod python;
mod recovery;
mod step;
mod system;
mod test;
mod tidy;
mod up;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Build, start, check and measure the house"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build console and binary, load the sample house and start everything on loopback.
    Up(up::Arguments),
    /// Run every check a change must pass.
    Test(test::Arguments),
    /// Check the walls between crates and the size of files.
    Tidy,
    /// Regenerate `openapi/` and the console's types from the code.
    Openapi,
    /// Draw the plots of the product pages with the engine they describe.
    Plots,
    /// Measure against peers, side by side, and print ratios.
    Bench(bench::Arguments),
    /// Break servers, database, gateway and backends under load, and print how long it is felt.
    Recovery(recovery::Arguments),
}

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    std::env::set_current_dir(system::root())?;
    match Arguments::parse().command {
        Command::Up(arguments) => up::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Tidy => step::step("tidy", tidy::run),
        Command::Openapi => openapi::regenerate(),
        Command::Plots => step::run(&mut step::command(
            "cargo run --quiet --package rialto-otc-plots",
        )),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Recovery(arguments) => recovery::run(&arguments),
    }
}
