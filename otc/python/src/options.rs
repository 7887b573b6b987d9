//! How a contract is to be valued, as Python told it.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rialto_otc_contract::document::{Node, Value};
use rialto_otc_market::view::{ModelConfig, ModelKind};
use rialto_otc_pricing::engine::{Greeking, MOST_PATHS};
use rialto_otc_pricing::valuation::{Request, tolerance_of};
use rialto_otc_time::AsOf;

use crate::fault::{Fault, Kind, unread};
use crate::node::node;

fn wrong(py: Python<'_>, name: &str, seen: &Node, en: &str, zh: &str) -> PyErr {
    let pointer = format!("/{name}");
    let seen = Some(seen.shown());
    Fault::at(Kind::Input, "E-INPUT-OPTION", &pointer, seen, en, zh).raise(py)
}

fn as_of(node: &Node) -> Option<AsOf> {
    match node.scalar() {
        Some(text) => text.parse().ok(),
        None => serde_json::from_str(&node.to_json()).ok(),
    }
}

fn model(node: &Node) -> Option<ModelKind> {
    ModelKind::named(node.scalar()?)
}

/// Reads options by name; `None` stands for the default.
pub fn request(py: Python<'_>, options: &Bound<'_, PyDict>, greeks: Greeking) -> PyResult<Request> {
    let mut request = Request {
        greeks,
        ..Request::default()
    };
    for (name, value) in options {
        let name: String = name.extract()?;
        let seen = node(&value).map_err(|wrong| unread(py, Kind::Input, wrong))?;
        if matches!(seen.value, Value::Null) {
            continue;
        }
        let refuse = |en: &str, zh: &str| wrong(py, &name, &seen, en, zh);
        match name.as_str() {
            "as_of" => {
                request.as_of = Some(as_of(&seen).ok_or_else(|| {
                    refuse(
                        "This is no moment. Write 2026-05-18, 2026-05-18:pre_open, \
                         2026-05-18:intraday:10:30, a date, or years of a numeric contract.",
                        "不是估值时点，请写日期、日期加阶段，或数值合约的年数。",
                    )
                })?);
            }
            "model" => {
                let kind = model(&seen).ok_or_else(|| {
                    refuse(
                        "There is no such model. It is quoted, gbm, local_vol or heston.",
                        "没有此模型；可选 quoted、gbm、local_vol、heston。",
                    )
                })?;
                request.config = ModelConfig { kind };
            }
            "engine" => request.engine = seen.scalar().map(str::to_owned),
            "tolerance" => {
                let text = seen.scalar().unwrap_or_default();
                request.tolerance = tolerance_of(text).map_err(|_| {
                    refuse(
                        "Give a share of the notional above 0: \"0.1bp\", \"0.001%\" or 1e-5.",
                        "请给出大于 0 的本金比例，例如 \"0.1bp\"、\"0.001%\" 或 1e-5。",
                    )
                })?;
            }
            "seed" => {
                let seed = seen.scalar().and_then(|text| text.parse().ok());
                request.seed = seed.ok_or_else(|| {
                    refuse(
                        "A seed is a whole number from 0.",
                        "种子须为不小于 0 的整数。",
                    )
                })?;
            }
            "paths" => {
                let paths = seen.scalar().and_then(|text| text.parse::<u64>().ok());
                let sound = paths.filter(|n| n.is_power_of_two() && (2..=MOST_PATHS).contains(n));
                request.paths = Some(sound.ok_or_else(|| {
                    refuse(
                        "Paths are a power of two, like 65536, up to 2^30.",
                        "路径数须为 2 的幂，例如 65536，至多 2^30。",
                    )
                })?);
            }
            _ => return Err(refuse("There is no such option.", "没有此选项。")),
        }
    }
    Ok(request)
}
