//! The committed pictures are those the engine draws, and every page shows those of its products.

use std::path::Path;

use rialto_otc_contract::templates::catalog::PRODUCTS;

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_committed_plots_are_in_step_with_the_engine() {
    let stale: Vec<_> = rialto_otc_plots::all(&root())
        .expect("every product can be drawn")
        .into_iter()
        .filter(|(path, picture)| {
            std::fs::read_to_string(root().join(path)).ok().as_deref() != Some(picture)
        })
        .map(|(path, _)| path)
        .collect();
    assert!(stale.is_empty(), "run `cargo xtask plots`: {stale:?}");
}

#[test]
fn every_product_has_a_page_with_definition_formula_conventions_example_and_plot() {
    let folder = root().join("docs/reference/otc");
    let index = std::fs::read_to_string(folder.join("README.md")).expect("the index");
    for product in &PRODUCTS {
        let row = index
            .lines()
            .find(|line| line.contains(&format!("`{}`", product.name)))
            .unwrap_or_else(|| panic!("{} is not in the index", product.name));
        let name = row
            .split("](")
            .nth(1)
            .and_then(|rest| rest.split(')').next());
        let name = name.unwrap_or_else(|| panic!("{row}: no page"));
        let page = std::fs::read_to_string(folder.join(name)).expect("the page");
        for wanted in [
            "## Definition and formula",
            "## Terms",
            "## Conventions",
            "## Example",
            "## Plots",
            "rialto otc price",
        ] {
            assert!(page.contains(wanted), "{name} has no {wanted:?}");
        }
        let definition = page.split("## Terms").next().unwrap_or_default();
        assert!(
            definition.contains(&format!("`{}`", product.name)),
            "{name} does not define `{}`",
            product.name
        );
        let plot = format!("](plots/{}.svg)", product.name);
        assert!(page.contains(&plot), "{name} does not show {plot}");
    }
}
