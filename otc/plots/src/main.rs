//! Writes the plots of the product pages; with `--check` only tells which are not in step.

use std::path::Path;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => bail!("`{other}` is not known; there is --check"),
    };
    let root = Path::new(".");
    let mut stale = Vec::new();
    for (path, picture) in rialto_otc_plots::all(root)? {
        if check {
            if std::fs::read_to_string(root.join(&path)).ok().as_deref() != Some(&picture) {
                stale.push(path.display().to_string());
            }
        } else {
            std::fs::create_dir_all(root.join(rialto_otc_plots::FOLDER))?;
            std::fs::write(root.join(&path), picture)?;
            println!("{}", path.display());
        }
    }
    if !stale.is_empty() {
        bail!(
            "not in step with the engine; run `cargo xtask plots`:\n  {}",
            stale.join("\n  ")
        );
    }
    Ok(())
}
