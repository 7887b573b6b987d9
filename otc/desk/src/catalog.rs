//! Templates with an example of each.

use std::sync::LazyLock;

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::names::preset_zh;
use rialto_otc_contract::sheet::Product;
use rialto_otc_contract::templates::catalog;
use rialto_otc_pricing::solve::unknowns;
use rust_embed::RustEmbed;

use crate::Desk;
use crate::summary;
use crate::view::TemplateView;

/// One sheet for each template and preset: those the contract's own tests walk and price.
#[derive(RustEmbed)]
#[folder = "../contract/tests/sheets/products"]
#[include = "*.json"]
struct Sheets;

fn family(name: &str) -> &'static str {
    match name {
        "snowball" | "phoenix" => "autocallable",
        "accumulator" | "decumulator" | "range_accrual" => "accumulator",
        "forward" | "trs" | "enhanced_index" => "linear",
        "barrier" | "sharkfin" | "double_sharkfin" | "airbag" => "barrier",
        "digital" | "one_touch" | "no_touch" | "double_touch" | "double_no_touch"
        | "binary_convex" | "binary_concave" => "binary",
        "asian" | "enhanced_asian" => "asian",
        "exchange" | "spread" | "basket" | "worst_of" | "best_of" => "basket",
        _ => "option",
    }
}

fn view(sheet: &TermSheet, example: serde_json::Value) -> Option<TemplateView> {
    let Product::Template { name, preset, .. } = &sheet.product else {
        return None;
    };
    let mut title = summary::title(sheet);
    let product = catalog::find(name)?;
    let en = name.replace('_', " ");
    (title.en, title.zh) = match preset {
        Some(preset) => (
            format!("{en} ({})", preset.replace('_', " ")),
            format!("{}（{}）", product.zh, preset_zh(preset)),
        ),
        None => (en, product.zh.to_owned()),
    };
    Some(TemplateView {
        name: name.clone(),
        preset: preset.clone(),
        family: family(name).to_owned(),
        title,
        example,
        unknowns: unknowns(sheet)
            .iter()
            .map(|u| u.name().to_owned())
            .collect(),
    })
}

static TEMPLATES: LazyLock<Vec<TemplateView>> = LazyLock::new(|| {
    let mut names: Vec<String> = Sheets::iter().map(|name| name.into_owned()).collect();
    names.sort();
    let views = names.iter().filter_map(|name| {
        let text = String::from_utf8(Sheets::get(name)?.data.into_owned()).ok()?;
        let example = serde_json::from_str(&text).ok()?;
        view(&TermSheet::from_text(&text).ok()?, example)
    });
    let mut views: Vec<TemplateView> = views.collect();
    let place = |view: &TemplateView| {
        let products = &catalog::PRODUCTS;
        products
            .iter()
            .position(|product| product.name == view.name)
    };
    views.sort_by_key(|view| (place(view), view.preset.clone()));
    views.dedup_by(|a, b| a.name == b.name && a.preset == b.preset);
    views
});

impl Desk {
    /// All templates, in the order of the specification, each preset with its own example.
    #[must_use]
    pub fn templates(&self) -> &'static [TemplateView] {
        &TEMPLATES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_product_has_an_example_that_reads() {
        for product in &catalog::PRODUCTS {
            assert!(
                TEMPLATES.iter().any(|view| view.name == product.name),
                "{}",
                product.name
            );
        }
        assert!(
            TEMPLATES
                .iter()
                .all(|view| view.unknowns.contains(&"premium".to_owned()))
        );
    }
}
