//! `rialto delivery …`: everything the console's delivery pages do, from the command line.

mod commands;
mod environment;
mod light;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use crate::client::{Client, RequestError, text};

/// Base of the interface.
const BASE: &str = "/api/delivery/v1";

/// Options every command has.
#[derive(Debug, Args)]
pub struct DeliveryArgs {
    /// How to print.
    #[arg(long, value_enum, default_value = "table", global = true)]
    output: Output,
    /// Most rows of a list.
    #[arg(long, default_value_t = 50, global = true)]
    limit: usize,
    #[command(subcommand)]
    noun: Noun,
}

/// Forms of output; JSON is exactly the interface's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// One document.
    Json,
    /// One object per line.
    Jsonl,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Projects and their settings.
    #[command(subcommand)]
    Project(commands::Project),
    /// Pipelines.
    #[command(subcommand)]
    Pipeline(commands::Pipeline),
    /// Jobs and their logs.
    #[command(subcommand)]
    Job(commands::Job),
    /// Releases.
    #[command(subcommand)]
    Release(commands::Release),
    /// Deployments: approve, reject, watch.
    #[command(subcommand)]
    Deployment(commands::Deployment),
    /// Environments: what runs where, and roll back.
    #[command(subcommand)]
    Environment(environment::Environment),
    /// The red-light board: who broke what, since when, and how long the repair took.
    Light(light::Light),
}

impl DeliveryArgs {
    /// Runs the command.
    pub async fn execute(self) -> Result<ExitCode> {
        let session = Session {
            client: Client::from_environment()?,
            output: self.output,
            limit: self.limit,
        };
        match self.noun {
            Noun::Project(command) => command.execute(&session).await,
            Noun::Pipeline(command) => command.execute(&session).await,
            Noun::Job(command) => command.execute(&session).await,
            Noun::Release(command) => command.execute(&session).await,
            Noun::Deployment(command) => command.execute(&session).await,
            Noun::Environment(command) => command.execute(&session).await,
            Noun::Light(command) => command.execute(&session).await,
        }
    }
}

/// What a command works with.
struct Session {
    client: Client,
    output: Output,
    limit: usize,
}

/// A column of a table: heading and how to show a row.
type Column = (&'static str, fn(&Value) -> String);

impl Session {
    async fn get(&self, path: &str) -> Result<Value> {
        self.client.get(&format!("{BASE}{path}")).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.client.post(&format!("{BASE}{path}"), &body).await
    }

    /// Fetches a list and prints it.
    async fn list(&self, path: &str, columns: &[Column]) -> Result<ExitCode> {
        let items = self
            .client
            .list(&format!("{BASE}{path}"), self.limit)
            .await?;
        match self.output {
            Output::Table => {
                print!("{}", table::render(columns, &items));
                if items.is_empty() {
                    eprintln!("nothing to show");
                }
            }
            Output::Json => println!("{}", serde_json::to_string_pretty(&items)?),
            Output::Jsonl => {
                for item in &items {
                    println!("{item}");
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Prints one resource: as JSON, or the given lines for people.
    fn show(&self, value: &Value, lines: impl FnOnce(&Value) -> String) -> Result<ExitCode> {
        match self.output {
            Output::Table => print!("{}", lines(value)),
            Output::Json => println!("{}", serde_json::to_string_pretty(value)?),
            Output::Jsonl => println!("{value}"),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Id of a project given by id or by path (`group/name`).
    async fn project_id(&self, given: &str) -> Result<String> {
        if !given.contains('/') {
            return Ok(given.to_owned());
        }
        let projects = self
            .client
            .list(&format!("{BASE}/projects"), 10_000)
            .await?;
        let found = projects.iter().find(|project| project["path"] == given);
        let found = found.ok_or_else(|| {
            let known: Vec<_> = projects
                .iter()
                .map(|project| text(&project["path"]))
                .collect();
            let known = known.join(", ");
            RequestError::not_found(format!(
                "there is no project `{given}`; you can see: {known}"
            ))
        })?;
        Ok(text(&found["id"]))
    }

    /// `?project_id=…` for an optional project.
    async fn project_query(&self, project: Option<&str>) -> Result<String> {
        Ok(match project {
            Some(project) => format!("?project_id={}", self.project_id(project).await?),
            None => String::new(),
        })
    }

    /// Newest pipeline of a project when `given` is a project path, else the pipeline's id.
    async fn pipeline_id(&self, given: &str) -> Result<String> {
        if !given.contains('/') {
            return Ok(given.to_owned());
        }
        let project = self.project_id(given).await?;
        let newest = self
            .client
            .list(&format!("{BASE}/pipelines?project_id={project}"), 1)
            .await?;
        match newest.first() {
            Some(pipeline) => Ok(text(&pipeline["id"])),
            None => {
                let message = format!("`{given}` has no pipeline yet: push a commit to it");
                Err(RequestError::not_found(message).into())
            }
        }
    }
}
