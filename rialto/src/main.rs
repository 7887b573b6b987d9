//! The one binary: every role and command of the suite.

mod ci;
mod client;
mod config;
mod data_folder;
mod db;
mod delivery;
mod doctor;
mod esb;
mod esb_nodes;
mod evidence;
mod gate;
mod gateway;
mod git_hook;
mod house;
mod isolation;
mod lang;
mod openapi;
mod otc;
mod runner;
mod settings;
mod standby;
mod up;

use std::future::Future;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

/// What is freed goes back to the system: glibc keeps most of what loading the sample house took.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    /// Start everything in one process on loopback, with embedded storage.
    Up(up::UpArgs),
    /// Start the server, and further roles beside it when asked.
    Serve(up::ServeArgs),
    /// Take jobs from a server and run them on this machine.
    Runner(runner::RunnerArgs),
    /// Carry the traffic of deployed services, apart from the server.
    Gateway(gateway::GatewayArgs),
    /// Pipelines from a working copy, without a server.
    #[command(subcommand)]
    Ci(ci::Command),
    /// Remember a server and a token for it.
    Login(client::LoginArgs),
    /// Delivery: projects, pipelines, jobs, releases, deployments, environments, the light.
    Delivery(delivery::DeliveryArgs),
    /// Coverage and gate verdicts, offline.
    #[command(subcommand)]
    Gate(gate::Command),
    /// OTC contracts: check, explain, price, solve and walk term sheets, without a server.
    #[command(subcommand)]
    Otc(otc::Command),
    /// Interface definitions: check them, compare versions, without a server.
    #[command(subcommand)]
    Esb(esb::Command),
    /// Evidence: check a bundle without a server, fetch one, look at the log.
    Evidence(evidence::EvidenceArgs),
    /// Look at the configuration without starting anything.
    Config(config::ConfigCommand),
    /// The schema of the database.
    Db(db::DbCommand),
    /// Check set-up, tools, clock, database and versions.
    Doctor(doctor::DoctorArgs),
    /// Print the interface document of a system.
    Openapi(openapi::OpenapiArgs),
    /// Print the completions of a shell.
    Completions { shell: clap_complete::Shell },
    #[command(hide = true)]
    GitHook(git_hook::GitHookArgs),
    #[command(hide = true)]
    JobSupervisor(runner::JobSupervisorArgs),
    #[command(hide = true)]
    JobCage,
    #[command(hide = true)]
    ServiceCage(isolation::ServiceCageArgs),
}

fn main() -> ExitCode {
    quiet_on_closed_pipe();
    // Fails only when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::try_parse().unwrap_or_else(|error| usage(&error));
    let result = match arguments.command {
        Command::Up(arguments) => wait(arguments.execute()),
        Command::Serve(arguments) => wait(arguments.execute()),
        Command::Runner(arguments) => wait(arguments.execute()),
        Command::Gateway(arguments) => wait(arguments.execute()),
        Command::Ci(command) => ci::execute(command),
        Command::Login(arguments) => wait(arguments.execute()),
        Command::Delivery(arguments) => wait(arguments.execute()),
        Command::Gate(command) => gate::execute(command),
        Command::Otc(command) => otc::execute(command),
        Command::Esb(command) => esb::execute(command),
        Command::Evidence(arguments) => wait(arguments.execute()),
        Command::Config(command) => command.execute(),
        Command::Db(command) => wait(command.execute()),
        Command::Doctor(arguments) => wait(arguments.execute()),
        Command::Openapi(arguments) => arguments.execute(),
        Command::Completions { shell } => Ok(completions(shell)),
        Command::GitHook(arguments) => Ok(arguments.execute()),
        Command::JobSupervisor(arguments) => arguments.execute(),
        Command::JobCage => runner::cage(),
        Command::ServiceCage(arguments) => arguments.execute(),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        match error.downcast_ref::<client::RequestError>() {
            Some(refused) => refused.exit_code(),
            None => ExitCode::FAILURE,
        }
    })
}

/// Tells what is wrong with the command line, or the help that was asked for, and ends.
fn usage(error: &clap::Error) -> ! {
    // Standard error may be closed; the code tells as well.
    let _unheard = error.print();
    std::process::exit(error.exit_code())
}

/// `rialto … | head` ends the reader first: that is no fault worth a backtrace. Ends with the code
/// a shell shows for death by SIGPIPE.
fn quiet_on_closed_pipe() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let message = info.payload().downcast_ref::<String>();
        let closed = |text: &String| {
            text.starts_with("failed printing to std") && text.contains("Broken pipe")
        };
        if message.is_some_and(closed) {
            std::process::exit(141);
        }
        usual(info);
    }));
}

/// Runs a command that waits for the network; the others need no runtime and start faster.
fn wait(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot start")?;
    runtime.block_on(command)
}

fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut command = <Arguments as clap::CommandFactory>::command();
    clap_complete::generate(shell, &mut command, "rialto", &mut std::io::stdout());
    ExitCode::SUCCESS
}
