//! What there is: products, engines, measures, the schema.

use pyo3::prelude::*;
use rialto_otc_contract::SCHEMA_JSON;
use rialto_otc_contract::templates::catalog::PRODUCTS;

use crate::measures::Measure;

/// Products: name, Chinese name, presets.
#[pyfunction]
pub fn products() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let all = PRODUCTS.iter();
    all.map(|product| (product.name, product.zh, product.presets.to_vec()))
        .collect()
}

/// Names of the engines.
#[pyfunction]
pub fn engines() -> Vec<&'static str> {
    rialto_otc_pricing::select::names().collect()
}

/// Names of the measures of a table.
#[pyfunction]
pub fn measures() -> Vec<&'static str> {
    Measure::ALL.iter().map(|measure| measure.name()).collect()
}

/// The published JSON Schema of term sheets.
#[pyfunction]
pub const fn schema() -> &'static str {
    SCHEMA_JSON
}
