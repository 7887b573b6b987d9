//! The Python wheel: an environment of its own, the wheel in it, its tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{step, system};

/// Builds the wheel, installs it into an environment under the target folder and runs its tests,
/// which print its figures. `RIALTO_BIN` is the binary that its numbers must agree with.
pub fn wheel(binary: &Path) -> Result<()> {
    let folder = system::target().join("python");
    let python = environment(&folder.join("venv"))?;
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

/// A virtual environment with everything that builds and tests the wheel; made once for each
/// version of `requirements.txt`.
fn environment(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements");
    let wanted = fs::read("otc/python/requirements.txt").context("otc/python/requirements.txt")?;
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
        bail!("the tests of the wheel need Python 3.11 or later as `python3`");
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
        .args(["-r", "otc/python/requirements.txt"]);
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
