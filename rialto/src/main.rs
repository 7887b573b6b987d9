//! The one binary: every role and command of the suite.

mod client;
mod delivery;
mod evidence;
mod git_hook;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "rialto",
    version,
    about = "The systems of a securities house, and their delivery"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Remember a server and a token for it.
    Login(client::LoginArgs),
    /// Delivery: projects, pipelines, jobs, releases, deployments, environments, the light.
    Delivery(delivery::DeliveryArgs),
    /// Evidence: check a bundle without a server, fetch one, look at the log.
    Evidence(evidence::EvidenceArgs),
    #[command(hide = true)]
    GitHook(git_hook::GitHookArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Login(arguments) => arguments.execute().await,
        Command::Delivery(arguments) => arguments.execute().await,
        Command::Evidence(arguments) => arguments.execute().await,
        Command::GitHook(arguments) => Ok(arguments.execute()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        match error.downcast_ref::<client::RequestError>() {
            Some(refused) => refused.exit_code(),
            None => ExitCode::FAILURE,
        }
    })
}
