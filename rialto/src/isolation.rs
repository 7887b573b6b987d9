//! What jobs and deployed services on the server's machine are kept from.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use rialto_delivery_runner::isolation::Isolation;
use rialto_delivery_supervisor::{ServiceCage, ServiceLimits, serve_cage};
use rialto_platform_config::Settings;

use crate::client::tokens_of_this_user;
use crate::data_folder::DataFolder;
use crate::house::database_url;

/// Adds what the settings say to the isolation of the runner inside the server.
pub fn jobs(isolation: &mut Isolation, settings: &Settings, folder: &DataFolder) -> Result<()> {
    let runner = &settings.runner;
    isolation.mode = runner
        .isolation
        .parse()
        .map_err(anyhow::Error::msg)
        .context("runner.isolation")?;
    isolation.hidden.extend(server_files(settings, folder)?);
    isolation
        .allow_writing(runner.writable.clone())
        .map_err(anyhow::Error::msg)
        .context("runner.writable")
}

/// The cages of deployed services.
pub fn services(settings: &Settings, folder: &DataFolder) -> Result<ServiceCage> {
    let mode = settings
        .services
        .isolation
        .parse()
        .map_err(anyhow::Error::msg)
        .context("services.isolation")?;
    let mut hidden = server_files(settings, folder)?;
    hidden.extend(settings.runner.folder.clone());
    let mut cage = ServiceCage::new(mode, absolute(hidden)?)
        .context("the path of this program is not known")?;
    cage.allow_writing(&settings.services.writable)
        .map_err(anyhow::Error::msg)
        .context("services.writable")?;
    cage.limits = ServiceLimits {
        memory_bytes: settings.services.memory.0,
        processes: settings.services.processes,
    };
    Ok(cage)
}

/// What neither may reach: the data folder, and files with secrets or state outside of it.
fn server_files(settings: &Settings, folder: &DataFolder) -> Result<Vec<PathBuf>> {
    let mut hidden = vec![folder.root().to_owned()];
    hidden.extend(tokens_of_this_user());
    hidden.extend(settings.store.url_file.clone());
    hidden.extend(settings.gateway.token_file.clone());
    hidden.extend(settings.gateway.state_file.clone());
    let nodes = settings.gateway.nodes.iter();
    hidden.extend(nodes.filter_map(|line| line.split_whitespace().nth(3).map(PathBuf::from)));
    let url = database_url(settings, folder.root())?;
    if let Some(file) = url.strip_prefix("sqlite://") {
        let file = file.split('?').next().unwrap_or(file);
        // The journal and the shared memory beside it are named after it.
        hidden.extend(["", "-wal", "-shm", "-journal"].map(|end| format!("{file}{end}").into()));
    }
    hidden.extend(settings.runner.hide.clone());
    absolute(hidden)
}

/// Cages do not work in the folder this process was started in.
fn absolute(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    paths
        .into_iter()
        .map(|path| {
            std::path::absolute(&path).with_context(|| format!("{} is no path", path.display()))
        })
        .collect()
}

/// Become a deployed service, kept from what is not its own; started by the server.
#[derive(Debug, clap::Args)]
pub struct ServiceCageArgs {
    /// What to start, and what it may reach.
    order: OsString,
}

impl ServiceCageArgs {
    /// Does not return when the service was started.
    pub fn execute(self) -> Result<ExitCode> {
        match serve_cage(&self.order) {
            Ok(never) => match never {},
            Err(why) => Err(anyhow::Error::msg(why)),
        }
    }
}
