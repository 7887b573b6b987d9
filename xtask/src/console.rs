//! The web console: its packages, its build and its checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::{step, system};

/// A script of `console/package.json`.
pub fn npm(script: &str) -> Command {
    let mut command = Command::new("npm");
    command
        .args(["run", "--silent", script])
        .current_dir(folder());
    command
}

fn folder() -> PathBuf {
    system::root().join("console")
}

/// `npm ci`, once per lockfile.
pub fn install_packages() -> Result<()> {
    let lock = fs::read(folder().join("package-lock.json")).context("console/package-lock.json")?;
    let stamp = folder().join("node_modules/.rialto-lockfile");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut command = Command::new("npm");
    command
        .args(["ci", "--no-audit", "--no-fund", "--prefer-offline"])
        .current_dir(folder());
    step::run_quietly(&mut command)?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Builds `console/dist` unless it is newer than everything it is made from.
pub fn build() -> Result<()> {
    let built = modified(&folder().join("dist/index.html"));
    let sources = [
        "src",
        "index.html",
        "vite.config.ts",
        "package-lock.json",
        "public",
    ];
    let newest = sources
        .iter()
        .filter_map(|name| newest_below(&folder().join(name)))
        .max();
    if built.is_some() && built > newest {
        return Ok(());
    }
    step::run_quietly(&mut npm("build"))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|m| m.modified()).ok()
}

fn newest_below(path: &Path) -> Option<SystemTime> {
    let own = modified(path);
    let Ok(entries) = fs::read_dir(path) else {
        return own;
    };
    entries
        .flatten()
        .filter_map(|entry| newest_below(&entry.path()))
        .chain(own)
        .max()
}
