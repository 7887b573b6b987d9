//! What the machine has, and how to get what is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::step;

/// Root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo puts its results.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Whether a program is on the PATH.
pub fn has(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether this process is root.
pub fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// Checks what the README asks for: git, a C compiler, Rust and Node 20 or later.
pub fn check_tools() -> Result<()> {
    for (program, cure) in [
        ("git", "install the package `git`"),
        ("cc", "install the package `build-essential`"),
        ("node", "install Node.js 20 or later, https://nodejs.org"),
        ("npm", "install npm, it comes with Node.js"),
    ] {
        if !has(program) {
            bail!("`{program}` is not on the PATH: {cure}");
        }
    }
    let version = step::output(Command::new("node").arg("--version"))?;
    let major = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .unwrap_or_default();
    if major.parse::<u32>().unwrap_or(0) < 20 {
        bail!(
            "Node.js {} is too old: install version 20 or later",
            version.trim()
        );
    }
    Ok(())
}

/// Installs Debian packages as root or through sudo without a password; otherwise says exactly
/// what to type.
pub fn install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    let prefix: &[&str] = if is_root() {
        &[]
    } else if Command::new("sudo")
        .args(["-n", "true"])
        .status()
        .is_ok_and(|s| s.success())
    {
        &["sudo", "-n"]
    } else {
        bail!("these packages are needed: run `sudo apt-get install -y {list}`");
    };
    let apt = |arguments: &[&str]| {
        let words: Vec<&str> = prefix
            .iter()
            .chain(&["apt-get"])
            .chain(arguments)
            .copied()
            .collect();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env("DEBIAN_FRONTEND", "noninteractive");
        step::run_quietly(&mut command)
    };
    // An old package list is only a problem if the installation fails with it.
    let install: Vec<&str> = ["install", "-y", "--no-install-recommends"]
        .iter()
        .chain(packages)
        .copied()
        .collect();
    if apt(&install).is_err() {
        apt(&["update"])?;
        apt(&install)?;
    }
    Ok(())
}
