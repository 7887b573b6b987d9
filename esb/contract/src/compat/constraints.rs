//! Keywords that bound a value, compared.

use std::collections::BTreeSet;

use rialto_document::Node;
use rust_decimal::Decimal;

use super::At;
use super::schemas::Pair;
use crate::joined::Joined;

impl<'d> Pair<'_, 'd> {
    pub(super) fn values(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        let constants = (a.one("const"), b.one("const"));
        match constants {
            (Ok(old), Ok(new)) if old == new => {}
            (Ok(Some(_)), Ok(Some(_))) => {
                self.tell(
                    "SC14",
                    "SC14",
                    at,
                    "The constant changed.".into(),
                    "常量值已改变。".into(),
                );
            }
            (Ok(None), Ok(Some(_))) => self.tell(
                "SC13",
                "SC13",
                at,
                "Only one value is allowed now.".into(),
                "现在只允许一个值。".into(),
            ),
            (Ok(Some(_)), Ok(None)) => self.tell(
                "SC13",
                "SC13-dropped",
                at,
                "Other values are allowed now.".into(),
                "现在允许其他值。".into(),
            ),
            _ => self.undecidable(at, "constants that contradict each other", "常量相互矛盾"),
        }
        self.listed(a, b, at);
    }

    fn listed(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        let (Ok(old), Ok(new)) = (a.one("enum"), b.one("enum")) else {
            if a.keywords.get("enum") != b.keywords.get("enum") {
                self.undecidable(at, "several lists of values at once", "同时存在多个枚举");
            }
            return;
        };
        match (old.and_then(Node::list), new.and_then(Node::list)) {
            (None, None) => {}
            (None, Some(_)) => self.tell(
                "SC13",
                "SC13",
                at,
                "A list of values was introduced.".into(),
                "新增了枚举限制。".into(),
            ),
            (Some(_), None) => self.tell(
                "SC13",
                "SC13-dropped",
                at,
                "The list of values was dropped.".into(),
                "取消了枚举限制。".into(),
            ),
            (Some(old), Some(new)) => {
                for value in new.iter().filter(|value| !old.contains(value)) {
                    let value = value.to_json();
                    self.tell(
                        "SC11",
                        "SC11",
                        at,
                        format!("The value {value} was added."),
                        format!("新增取值 {value}。"),
                    );
                }
                for value in old.iter().filter(|value| !new.contains(value)) {
                    let value = value.to_json();
                    self.tell(
                        "SC12",
                        "SC12",
                        at,
                        format!("The value {value} was removed."),
                        format!("删除取值 {value}。"),
                    );
                }
            }
        }
    }

    pub(super) fn bounds(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        for (name, lower, tight, loose) in [
            ("minimum", true, "SC17", "SC18"),
            ("maximum", false, "SC17", "SC18"),
            ("exclusiveMinimum", true, "SC17", "SC18"),
            ("exclusiveMaximum", false, "SC17", "SC18"),
            ("minLength", true, "SC19", "SC20"),
            ("maxLength", false, "SC19", "SC20"),
            ("minItems", true, "SC19", "SC20"),
            ("maxItems", false, "SC19", "SC20"),
            ("minProperties", true, "SC19", "SC20"),
            ("maxProperties", false, "SC19", "SC20"),
        ] {
            let (Some(old), Some(new)) = (tightest(a, name, lower), tightest(b, name, lower))
            else {
                self.undecidable(
                    at,
                    &format!("`{name}` is no number"),
                    &format!("`{name}` 不是数字"),
                );
                continue;
            };
            if old == new {
                continue;
            }
            let tighter = match (old, new) {
                (None, _) => true,
                (_, None) => false,
                (Some(old), Some(new)) => (new > old) == lower,
            };
            let rule = if tighter { tight } else { loose };
            let said = |bound: Option<Decimal>| {
                bound.map_or_else(|| "none".to_owned(), |bound| bound.to_string())
            };
            let (from, to) = (said(old), said(new));
            self.tell(
                rule,
                rule,
                at,
                format!("`{name}` changed from {from} to {to}."),
                format!("`{name}` 由 {from} 变为 {to}。"),
            );
        }
        match (
            a.one("multipleOf").map(number),
            b.one("multipleOf").map(number),
        ) {
            (Ok(old), Ok(new)) if old == new => {}
            (Ok(old), Ok(new)) => {
                let divides = |small: Option<Decimal>, big: Option<Decimal>| match (small, big) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some(small), Some(big)) => big.checked_rem(small) == Some(Decimal::ZERO),
                };
                let rule = if divides(new, old) { "SC25" } else { "SC24" };
                self.tell(
                    rule,
                    rule,
                    at,
                    "`multipleOf` changed.".into(),
                    "`multipleOf` 已改变。".into(),
                );
            }
            _ => self.undecidable(
                at,
                "several `multipleOf` at once",
                "同时存在多个 `multipleOf`",
            ),
        }
    }

    pub(super) fn texts(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        let set = |flat: &Joined<'d>, name: &str| -> BTreeSet<&'d str> {
            flat.keywords
                .get(name)
                .into_iter()
                .flatten()
                .filter_map(|node| node.text())
                .collect()
        };
        let (old, new) = (set(a, "pattern"), set(b, "pattern"));
        let rule = match (old.is_subset(&new), new.is_subset(&old)) {
            (true, true) => None,
            (true, false) => Some("SC21"),
            (false, true) => Some("SC23"),
            (false, false) => Some("SC22"),
        };
        if let Some(rule) = rule {
            self.tell(
                rule,
                rule,
                at,
                "The pattern changed.".into(),
                "正则模式已改变。".into(),
            );
        }
        let (old, new) = (set(a, "format"), set(b, "format"));
        if old != new {
            let (rule, weigh) = match (old.is_subset(&new), new.is_subset(&old)) {
                (true, _) => ("SC16", "SC16"),
                (_, true) => ("SC16", "SC16-removed"),
                _ => ("SC15", "SC15"),
            };
            let said = |set: &BTreeSet<&str>| set.iter().copied().collect::<Vec<_>>().join(", ");
            let (from, to) = (said(&old), said(&new));
            self.tell(
                rule,
                weigh,
                at,
                format!("The format changed from `{from}` to `{to}`."),
                format!("格式由 `{from}` 变为 `{to}`。"),
            );
        }
        for name in ["contentEncoding", "contentMediaType"] {
            if set(a, name) != set(b, name) {
                self.tell(
                    "SC39",
                    "SC39",
                    at,
                    format!("`{name}` changed."),
                    format!("`{name}` 已改变。"),
                );
            }
        }
    }

    pub(super) fn flags(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        match (a.is_set("uniqueItems"), b.is_set("uniqueItems")) {
            (false, true) => self.tell(
                "SC26",
                "SC26",
                at,
                "Items must be unique now.".into(),
                "现在要求元素唯一。".into(),
            ),
            (true, false) => self.tell(
                "SC26",
                "SC26-unset",
                at,
                "Items need not be unique any more.".into(),
                "不再要求元素唯一。".into(),
            ),
            _ => {}
        }
        if !a.is_set("readOnly") && b.is_set("readOnly") {
            self.tell(
                "SC30",
                "SC30",
                at,
                "It became read-only.".into(),
                "变为只读。".into(),
            );
        }
        if !a.is_set("writeOnly") && b.is_set("writeOnly") {
            self.tell(
                "SC30",
                "SC30-write",
                at,
                "It became write-only.".into(),
                "变为只写。".into(),
            );
        }
        if a.keywords.get("default") != b.keywords.get("default") {
            self.tell(
                "SC29",
                "SC29",
                at,
                "The default changed.".into(),
                "默认值已改变。".into(),
            );
        }
    }
}

fn number(node: Option<&Node>) -> Option<Decimal> {
    decimal(node?.number()?)
}

fn decimal(text: &str) -> Option<Decimal> {
    text.parse()
        .ok()
        .or_else(|| Decimal::from_scientific(text).ok())
}

/// The tightest of a bound's values; outer `None` when one is no number that fits.
#[expect(
    clippy::option_option,
    reason = "absent and unreadable are different answers"
)]
fn tightest(flat: &Joined<'_>, name: &str, lower: bool) -> Option<Option<Decimal>> {
    let mut out: Option<Decimal> = None;
    for node in flat.keywords.get(name).into_iter().flatten() {
        let value = decimal(node.number()?)?;
        out = Some(match out {
            None => value,
            Some(before) if (value > before) == lower => value,
            Some(before) => before,
        });
    }
    Some(out)
}
