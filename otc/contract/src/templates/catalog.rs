//! The products by name.

use super::{Built, Context};
use super::{
    accumulator_terms, airbag, asian, barrier, binary, multi, phoenix_terms, presets, range,
    sharkfin, snowball_terms, trs, vanilla,
};
use crate::names;
use crate::reader::Field;

/// Reads terms (and a preset that the product knows) and builds the contract.
type Build = fn(&Field<'_>, Option<&str>, &Context<'_>) -> Option<Built>;

/// A product.
#[derive(Debug, Clone, Copy)]
pub struct Product {
    /// Template id.
    pub name: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// Names of its presets.
    pub presets: &'static [&'static str],
    build: Build,
}

const fn product(name: &'static str, zh: &'static str, build: Build) -> Product {
    Product {
        name,
        zh,
        presets: &[],
        build,
    }
}

/// All products, in the order of the specification.
pub const PRODUCTS: [Product; 29] = [
    product("forward", "远期", vanilla::forward),
    product("european", "欧式期权", vanilla::european),
    product("american", "美式期权", vanilla::american),
    product("combo", "期权组合", vanilla::combo),
    product("trs", "收益互换", trs::build),
    product("digital", "二元期权", binary::digital),
    product("one_touch", "触碰", binary::one_touch),
    product("no_touch", "不触碰", binary::no_touch),
    product("double_touch", "双触碰", binary::double_touch),
    product("double_no_touch", "双不触碰", binary::double_no_touch),
    product("binary_convex", "凸式二元", binary::convex),
    product("binary_concave", "凹式二元", binary::concave),
    product("asian", "亚式期权", asian::build),
    product("enhanced_asian", "增强亚式", asian::enhanced),
    product("exchange", "交换期权", multi::exchange),
    product("spread", "价差期权", multi::spread),
    product("basket", "篮子期权", multi::basket),
    product("worst_of", "最差表现期权", multi::worst_of),
    product("best_of", "最优表现期权", multi::best_of),
    product("enhanced_index", "指数增强", vanilla::enhanced_index),
    product("barrier", "障碍期权", barrier::build),
    product("sharkfin", "鲨鱼鳍", sharkfin::build),
    product("double_sharkfin", "双鲨", sharkfin::double),
    product("airbag", "安全气囊", airbag::build),
    product("range_accrual", "区间累计", range::build),
    product("accumulator", "累购", accumulator_terms::buying),
    product("decumulator", "累沽", accumulator_terms::selling),
    Product {
        name: "snowball",
        zh: "雪球",
        presets: &presets::NAMES,
        build: snowball_terms::build,
    },
    Product {
        name: "phoenix",
        zh: "凤凰",
        presets: &phoenix_terms::PRESETS,
        build: phoenix_terms::build,
    },
];

/// The product of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.name == name)
}

/// Builds a product; `None` after a finding.
pub fn build(
    template: &str,
    preset: Option<&str>,
    terms: &Field<'_>,
    context: &Context<'_>,
) -> Option<Built> {
    let Some(product) = find(template) else {
        let names: Vec<&str> = PRODUCTS.iter().map(|product| product.name).collect();
        let hint = crate::reader::nearest(template, &names);
        let (en, zh) = match hint {
            Some(name) => (
                format!("Did you mean {name:?}?"),
                format!("是否应为 {name:?}？"),
            ),
            None => {
                let told = |product: &Product| format!("{}（{}）", product.zh, product.name);
                let zh: Vec<String> = PRODUCTS.iter().map(told).collect();
                (
                    format!("Known: {}.", names.join(", ")),
                    format!("可用模板：{}。", zh.join("、")),
                )
            }
        };
        let en = format!("There is no template {template:?}. {en}");
        terms.error(
            "E-TERM-TEMPLATE",
            en,
            format!("没有模板 {template:?}。{zh}"),
        );
        return None;
    };
    if let Some(name) = preset.filter(|name| !product.presets.contains(name)) {
        let (en, zh) = match product.presets {
            [] => ("It has none.".to_owned(), "该模板没有预设。".to_owned()),
            presets => {
                let told = |name: &&str| format!("{}（{name}）", names::preset_zh(name));
                let zh: Vec<String> = presets.iter().map(told).collect();
                (
                    format!("It has: {}.", presets.join(", ")),
                    format!("可用预设：{}。", zh.join("、")),
                )
            }
        };
        let en = format!("Template {template:?} has no preset {name:?}. {en}");
        terms.error(
            "E-TERM-PRESET",
            en,
            format!("模板 {template:?} 没有预设 {name:?}。{zh}"),
        );
        return None;
    }
    (product.build)(terms, preset, context)
}
