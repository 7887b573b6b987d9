//! Finding the configuration: `--config`, else `RIALTO_CONFIG`, else none.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use rialto_kernel::Located;
use rialto_platform_config::{Loaded, read};

/// Options of every command that starts a server or looks at its configuration.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigArgs {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "RIALTO_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder of everything the server keeps on disk (`store.data`).
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Port on loopback (sets `server.listen` to 127.0.0.1:PORT; 0 picks a free one).
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
}

impl ConfigArgs {
    /// The settings in force, or every error of the configuration, one a line.
    pub fn load(&self) -> Result<Loaded> {
        let mut flags = Vec::new();
        if let Some(data) = &self.data {
            let text = data
                .to_str()
                .ok_or_else(|| anyhow!("--data is not UTF-8"))?;
            flags.push(("store.data".to_owned(), text.to_owned()));
        }
        if let Some(port) = self.port {
            flags.push(("server.listen".to_owned(), format!("127.0.0.1:{port}")));
        }
        read(self.config.as_deref(), flags).map_err(|errors| listed(&errors))
    }
}

fn listed(errors: &[Located]) -> anyhow::Error {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    anyhow!("the configuration is refused:\n  {}", lines.join("\n  "))
}
