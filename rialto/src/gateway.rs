//! `rialto gateway`: the role that carries the traffic of deployed services.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use rialto_esb_gateway::Gateway;
use rialto_platform_config::telemetry;

use crate::data_folder::DataFolder;
use crate::house::gateway_config;
use crate::settings::ConfigArgs;

/// How long answers under way may take when the gateway stops.
const GRACE: Duration = Duration::from_secs(30);

/// Carry the traffic of deployed services, apart from the server.
#[derive(Debug, clap::Args)]
pub struct GatewayArgs {
    #[command(flatten)]
    source: ConfigArgs,
}

impl GatewayArgs {
    /// Runs until SIGINT or SIGTERM.
    pub async fn execute(self) -> Result<ExitCode> {
        let settings = self.source.load()?.settings;
        telemetry::start(&settings.telemetry)?;
        let folder = DataFolder::open(&settings.store.data)?;
        let config = gateway_config(&settings, &folder)?;
        if config.admin_token.is_none() {
            bail!(
                "the server needs this gateway's admin token: put one into a file and name it \
                 with gateway.token_file (or set RIALTO__GATEWAY__TOKEN), here and there"
            );
        }
        let gateway = Gateway::start(config).await?;
        eprintln!("gateway: admin interface at {}", gateway.admin_address);
        crate::runner::stop_signal().await;
        gateway.shutdown(GRACE).await;
        Ok(ExitCode::SUCCESS)
    }
}
