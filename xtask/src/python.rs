//! What is tested from Python, each in an environment of its own: the wheel, and our interfaces by a
//! program that knows only their definitions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{step, system};

/// Builds the wheel, installs it into an environment under the target folder and runs its tests,
/// which print its figures. `RIALTO_BIN` is the binary that its numbers must agree with.
pub fn wheel(binary: &Path) -> Result<()> {
    let folder = system::target().join("python");
    let python = environment(&folder.join("venv"), "otc/python/requirements.txt")?;
    let wheel = built(&python, &folder.join("wheels"))?;
    let mut install = Command::new(&python);
    install
        .args(["-m", "pip", "install", "--quiet", "--no-deps"])
        .args(["--force-reinstall", "--disable-pip-version-check"])
        .arg(&wheel);
    step::run_quietly(&mut install)?;
    let mut tests = Command::new(&python);
    tests
        .args(["-m", "pytest", "otc/python/tests", "-p", "no:cacheprovider"])
        .args(["-c", "otc/python/pyproject.toml", "--rootdir", "otc/python"])
        .env("RIALTO_BIN", binary)
        .env("RIALTO_WHEEL", &wheel)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    step::run(&mut tests)
}

/// Calls every interface of ours, and the mocks of their definitions, as the definitions say and
/// outside of it.
pub fn own_interfaces(binary: &Path) -> Result<()> {
    let folder = system::target().join("python/conformance");
    let python = environment(&folder, "tests/conformance/requirements.txt")?;
    let mut run = Command::new(&python);
    run.arg("tests/conformance/run.py")
        .env("RIALTO_BIN", binary);
    step::run(&mut run)
}

/// The public Python client of Nacos against the service center of a house.
pub fn nacos_client(binary: &Path) -> Result<()> {
    let folder = system::target().join("python/nacos");
    let python = environment(&folder, "tests/nacos/requirements.txt")?;
    let mut run = Command::new(&python);
    run.arg("tests/nacos/client.py").env("RIALTO_BIN", binary);
    step::run(&mut run)
}

/// A virtual environment with the packages of a list; made once for each version of it.
fn environment(folder: &Path, requirements: &str) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements");
    let wanted = fs::read(requirements).with_context(|| requirements.to_owned())?;
    if python.exists() && fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let create = || {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(folder);
        step::run_quietly(&mut venv)
    };
    if create().is_err() {
        system::install(&["python3-venv"])?;
        create()?;
    }
    let modern = "import sys; sys.exit(sys.version_info < (3, 11))";
    if !Command::new(&python)
        .args(["-c", modern])
        .status()?
        .success()
    {
        bail!("these tests need Python 3.11 or later as `python3`");
    }
    let mut install = Command::new(&python);
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["-r", requirements]);
    step::run_quietly(&mut install).context("the packages come from PyPI: is it in reach?")?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// The wheel, built as for users but for the link-time optimisation that only costs time here.
fn built(python: &Path, folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let mut build = Command::new(python);
    build
        .args(["-m", "maturin", "build", "--quiet", "--locked"])
        .args([
            "--profile",
            "wheel",
            "--manifest-path",
            "otc/python/Cargo.toml",
        ])
        .arg("--out")
        .arg(folder);
    step::run_quietly(&mut build)?;
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let wheel = entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"));
    wheel.context("maturin built no wheel")
}
