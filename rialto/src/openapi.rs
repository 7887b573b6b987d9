//! `rialto openapi`: the interface document of a system, as it is committed under `openapi/`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use rialto_platform_web::{PLATFORM_ENDPOINTS, openapi, platform_routes};

/// Print the interface document of a system.
#[derive(Debug, clap::Args)]
pub struct OpenapiArgs {
    /// Which system.
    #[arg(value_enum)]
    system: System,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum System {
    /// Sessions, people, tokens, evidence.
    Platform,
    /// Projects, pipelines, releases, deployments.
    Delivery,
    /// Term sheets, quotes, trades, fixings, flows.
    Otc,
    /// Systems, interfaces, versions, definitions, reviews.
    Esb,
    /// Services and instances, configuration items.
    Center,
}

impl OpenapiArgs {
    /// Prints the document.
    pub fn execute(self) -> Result<ExitCode> {
        let document = match self.system {
            System::Platform => platform(),
            System::Delivery => rialto_delivery_api::document(),
            System::Otc => rialto_otc_api::document(),
            System::Esb => rialto_esb_api::document(),
            System::Center => rialto_esb_center_api::document(),
        };
        let text = serde_json::to_string_pretty(&document).context("the document is not JSON")?;
        println!("{text}");
        Ok(ExitCode::SUCCESS)
    }
}

/// The document of what every house has.
pub fn platform() -> serde_json::Value {
    openapi::document(&platform_routes().split_for_parts().1, PLATFORM_ENDPOINTS)
}
