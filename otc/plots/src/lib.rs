//! Plots of the product pages in `docs/reference/otc`, drawn by the engine they describe.
//!
//! One picture for each template: what its sheet pays by the spot at the end, what it is worth now
//! by the spot now, the levels that matter; for autocallables also the probability of a knock-out by
//! date. Coordinates have one decimal and everything simulated has a fixed seed, so the same code
//! draws the same bytes.

mod curves;
mod figure;
mod levels;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_contract::templates::catalog::PRODUCTS;
use rialto_otc_market::snapshot::Snapshot;

/// Where the pictures lie, below the root of the repository.
pub const FOLDER: &str = "docs/reference/otc/plots";

/// Draws the plot of every template: paths below `root`, and what they are to hold.
///
/// # Errors
/// A sheet that cannot be read or priced.
pub fn all(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let read = |path: &str| {
        std::fs::read_to_string(root.join(path)).with_context(|| format!("{path} cannot be read"))
    };
    let market = read("otc/plots/market.json")?;
    let (market, _) = Snapshot::from_text(&market).map_err(|findings| anyhow!("{findings}"))?;
    let mut drawn = Vec::new();
    for product in &PRODUCTS {
        let path = format!("otc/contract/tests/sheets/products/{}.json", product.name);
        let sheet = TermSheet::from_text(&read(&path)?).map_err(|f| anyhow!("{path}: {f}"))?;
        let picture =
            curves::picture(product, &sheet, &market).with_context(|| product.name.to_owned())?;
        let file = Path::new(FOLDER).join(format!("{}.svg", product.name));
        drawn.push((file, picture.svg()));
    }
    Ok(drawn)
}
