//! `rialto db`: the schema of the database.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use rialto_platform_store::{Db, MigrationSet, from_micros};

use crate::data_folder::DataFolder;
use crate::house::{database_url, migration_sets};
use crate::settings::ConfigArgs;

/// The schema of the database.
#[derive(Debug, clap::Args)]
pub struct DbCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Bring the schema up to date.
    Migrate(ConfigArgs),
    /// Say which migrations the database has and which it lacks.
    Status(ConfigArgs),
}

impl DbCommand {
    /// Runs the command.
    pub async fn execute(self) -> Result<ExitCode> {
        match self.verb {
            Verb::Migrate(source) => {
                let settings = source.load()?.settings;
                let folder = DataFolder::open(&settings.store.data)?;
                let db = Db::open(&database_url(&settings, folder.root())?).await?;
                db.migrate(&migration_sets()).await?;
                db.close().await;
                println!("the schema is up to date");
                Ok(ExitCode::SUCCESS)
            }
            Verb::Status(source) => status(&source).await,
        }
    }
}

/// Exit code 1 when migrations are missing.
async fn status(source: &ConfigArgs) -> Result<ExitCode> {
    let settings = source.load()?.settings;
    let root =
        settings.store.data.canonicalize().with_context(|| {
            format!("there is no data folder {}", settings.store.data.display())
        })?;
    let db = Db::open(&database_url(&settings, &root)?).await?;
    let applied = db.applied_migrations().await.unwrap_or_default();
    println!("engine {}", db.engine());
    for one in &applied {
        let at = from_micros(one.applied_at)?;
        println!(
            "✓ {} {} {} (rialto {}, {at:.0})",
            one.system, one.version, one.name, one.binary
        );
    }
    let mut missing = 0;
    for MigrationSet { system, migrations } in migration_sets() {
        for migration in migrations {
            let has = |one: &&_| is_same(one, system, migration.version);
            if applied.iter().find(has).is_none() {
                println!(
                    "· {system} {} {}: not applied",
                    migration.version, migration.name
                );
                missing += 1;
            }
        }
    }
    db.close().await;
    if missing > 0 {
        println!("{missing} migrations are missing: `rialto db migrate`, or start the server");
        return Ok(ExitCode::FAILURE);
    }
    println!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

fn is_same(applied: &rialto_platform_store::AppliedMigration, system: &str, version: i64) -> bool {
    applied.system == system && applied.version == version
}
