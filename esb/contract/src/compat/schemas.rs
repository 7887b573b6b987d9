//! Schemas compared, keyword by keyword.

use std::collections::{BTreeSet, HashSet};

use rialto_document::Node;

use super::rules::{Way, weight};
use super::{At, Report};
use crate::definition::{Definition, Spot};
use crate::finding::Severity;
use crate::joined::{Joined, covers};
use crate::words::Words;

/// Two versions of a schema being compared.
pub(super) struct Pair<'a, 'd> {
    pub(super) old: &'d Definition,
    pub(super) new: &'d Definition,
    pub(super) way: Way,
    pub(super) report: &'a mut Report,
    /// Pairs under comparison or compared: recursion ends at them.
    pub(super) seen: HashSet<(usize, usize)>,
}

impl<'d> Pair<'_, 'd> {
    pub(super) fn tell(
        &mut self,
        rule: &'static str,
        weigh: &str,
        at: &At<'_>,
        en: String,
        zh: String,
    ) {
        self.report
            .add(rule, weight(weigh, self.way), at, Words::new(en, zh));
    }

    /// Compares parts that must all hold with parts that must all hold.
    pub(super) fn compare(&mut self, old: &[&'d Node], new: &[&'d Node], at: &At<'_>) {
        let address = |nodes: &[&Node]| {
            let first = nodes.first().map(|node| std::ptr::from_ref(*node).addr());
            first.unwrap_or_default()
        };
        let (from, to) = (followed(old, self.old), followed(new, self.new));
        if !self.seen.insert((address(&from), address(&to))) {
            return;
        }
        let mut here = at.clone();
        here.old = old
            .first()
            .map(|node| spot_of(node, self.old, at.old.as_ref()))
            .or(here.old);
        here.new = new
            .first()
            .map(|node| spot_of(node, self.new, at.new.as_ref()))
            .or(here.new);
        let (a, b) = (Joined::of(old, self.old), Joined::of(new, self.new));
        if a.lost || b.lost {
            let same = old == new;
            if !same {
                self.undecidable(&here, "a reference that leads nowhere", "引用无效");
            }
            return;
        }
        if a.never != b.never {
            let rule = if b.never { "SC08" } else { "SC07" };
            let (en, zh) = if b.never {
                ("No value is allowed any more.", "不再允许任何值。")
            } else {
                ("Values are allowed now.", "现在允许取值。")
            };
            self.tell(rule, rule, &here, en.into(), zh.into());
            return;
        }
        self.types(&a, &b, &here);
        self.values(&a, &b, &here);
        self.bounds(&a, &b, &here);
        self.texts(&a, &b, &here);
        self.flags(&a, &b, &here);
        self.objects(&a, &b, &here);
        self.arrays(&a, &b, &here);
        self.branches(&a, &b, &here);
        self.others(&a, &b, &here);
    }

    pub(super) fn undecidable(&mut self, at: &At<'_>, en: &str, zh: &str) {
        let what = Words::new(
            format!("It cannot be decided whether callers are safe: {en}."),
            format!("无法判定对调用方是否安全：{zh}。"),
        );
        self.report.add("undecidable", Severity::Error, at, what);
    }

    fn types(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        let (mut old, mut new) = (a.kinds(), b.kinds());
        let (had, has) = (old.remove("null"), new.remove("null"));
        // A const or enum says more about null than the types do.
        if had != has && !a.keywords.contains_key("enum") && !b.keywords.contains_key("enum") {
            let (rule, en, zh) = if has {
                ("SC09", "null is allowed now.", "现在允许 null。")
            } else {
                ("SC10", "null is no longer allowed.", "不再允许 null。")
            };
            self.tell(rule, rule, at, en.into(), zh.into());
        }
        if old == new {
            return;
        }
        let wider = old.iter().all(|kind| covers(&new, kind));
        let narrower = new.iter().all(|kind| covers(&old, kind));
        let rule = match (wider, narrower) {
            (true, _) => "SC07",
            (_, true) => "SC08",
            _ => "SC06",
        };
        let said = |kinds: &BTreeSet<&str>| {
            if kinds.len() >= 6 {
                "any".to_owned()
            } else {
                kinds.iter().copied().collect::<Vec<_>>().join(" or ")
            }
        };
        let (from, to) = (said(&old), said(&new));
        self.tell(
            rule,
            rule,
            at,
            format!("The type changed from {from} to {to}."),
            format!("类型由 {from} 变为 {to}。"),
        );
    }

    fn objects(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        for (name, new) in &b.properties {
            let here = at.deeper(&rialto_document::pointer_step(name));
            match a.properties.get(name) {
                Some(old) => self.compare(old, new, &here),
                None => {
                    let mut here = here;
                    here.new = new
                        .first()
                        .map(|node| spot_of(node, self.new, at.new.as_ref()));
                    let required = b.required.contains(name);
                    let en = format!(
                        "The {} property `{name}` was added.",
                        if required { "required" } else { "optional" }
                    );
                    let zh = format!(
                        "新增{}字段 `{name}`。",
                        if required { "必填" } else { "可选" }
                    );
                    if required {
                        self.tell("SC01", "SC01", &here, en, zh);
                    } else {
                        // An old caller that closed its reader refuses what it does not know.
                        let strict = self.way == Way::Response && is_closed(a);
                        self.tell(
                            "SC02",
                            if strict { "strict" } else { "SC02" },
                            &here,
                            en,
                            zh,
                        );
                    }
                }
            }
        }
        self.removed(a, b, at);
        self.required(a, b, at);
        match (is_closed(a), is_closed(b)) {
            (false, true) => self.tell(
                "SC27",
                "SC27",
                at,
                "Other properties are refused now.".into(),
                "现在拒绝额外字段。".into(),
            ),
            (true, false) => self.tell(
                "SC28",
                "SC28",
                at,
                "Other properties are allowed now.".into(),
                "现在允许额外字段。".into(),
            ),
            _ => self.part("additionalProperties", a, b, &at.deeper("/*")),
        }
    }

    fn removed(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        for (name, old) in a
            .properties
            .iter()
            .filter(|(name, _)| !b.properties.contains_key(*name))
        {
            let mut here = at.deeper(&rialto_document::pointer_step(name));
            here.old = old
                .first()
                .map(|node| spot_of(node, self.old, at.old.as_ref()));
            let strict = match self.way {
                Way::Request => is_closed(b),
                Way::Response => a.required.contains(name),
            };
            self.tell(
                "SC03",
                if strict { "strict" } else { "SC03" },
                &here,
                format!("The property `{name}` was removed."),
                format!("删除字段 `{name}`。"),
            );
        }
    }

    fn required(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        for name in b.required.difference(&a.required) {
            // A property that is new and required was told as such.
            if a.properties.contains_key(name) || !b.properties.contains_key(name) {
                let here = at.deeper(&rialto_document::pointer_step(name));
                self.tell(
                    "SC04",
                    "SC04",
                    &here,
                    format!("`{name}` became required."),
                    format!("`{name}` 变为必填。"),
                );
            }
        }
        for name in a.required.difference(&b.required) {
            if b.properties.contains_key(name) || !a.properties.contains_key(name) {
                let here = at.deeper(&rialto_document::pointer_step(name));
                self.tell(
                    "SC05",
                    "SC05",
                    &here,
                    format!("`{name}` became optional."),
                    format!("`{name}` 变为可选。"),
                );
            }
        }
    }

    /// A keyword whose value is a schema, on either side perhaps absent (anything goes).
    fn part(&mut self, name: &str, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        static ANYTHING: Node = Node {
            value: rialto_document::Value::Bool(true),
            place: rialto_document::Place { line: 0, column: 0 },
        };
        let all = |flat: &Joined<'d>| {
            flat.keywords
                .get(name)
                .cloned()
                .unwrap_or_else(|| vec![&ANYTHING])
        };
        if a.keywords.contains_key(name) || b.keywords.contains_key(name) {
            self.compare(&all(a), &all(b), at);
        }
    }

    fn arrays(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        self.part("items", a, b, &at.deeper("/*"));
        if a.keywords.get("prefixItems") != b.keywords.get("prefixItems") {
            self.tell(
                "SC38",
                "SC38",
                at,
                "The positions of the tuple changed.".into(),
                "元组位置已改变。".into(),
            );
        }
    }

    fn branches(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        for name in ["oneOf", "anyOf"] {
            let (old, new) = match (a.one(name), b.one(name)) {
                (Ok(old), Ok(new)) => (old.and_then(Node::list), new.and_then(Node::list)),
                _ => {
                    if a.keywords.get(name) != b.keywords.get(name) {
                        self.undecidable(
                            at,
                            &format!("several `{name}` at once"),
                            &format!("同时存在多个 `{name}`"),
                        );
                    }
                    continue;
                }
            };
            match (old, new) {
                (None, None) => {}
                (None, Some(_)) => self.tell(
                    "SC35",
                    "SC35",
                    at,
                    format!("`{name}` was introduced."),
                    format!("新增 `{name}` 限制。"),
                ),
                (Some(_), None) => self.tell(
                    "SC35",
                    "SC35-removed",
                    at,
                    format!("`{name}` was dropped."),
                    format!("取消 `{name}` 限制。"),
                ),
                (Some(old), Some(new)) => self.matched(old, new, at),
            }
        }
        let discriminator = |flat: &Joined<'d>| {
            let one = flat.one("discriminator").ok().flatten();
            one.and_then(|node| node.get_text("propertyName"))
        };
        if discriminator(a) != discriminator(b) {
            self.tell(
                "SC31",
                "SC31",
                at,
                "The discriminator changed.".into(),
                "鉴别字段已改变。".into(),
            );
        }
    }

    /// Branches matched by reference, then by equality, then in order.
    fn matched(&mut self, old: &'d [Node], new: &'d [Node], at: &At<'_>) {
        let mut free: Vec<&Node> = new.iter().collect();
        let mut left = Vec::new();
        for branch in old {
            let same = |other: &&&Node| match (branch.get_text("$ref"), other.get_text("$ref")) {
                (Some(a), Some(b)) => a == b,
                (None, None) => *branch == ***other,
                _ => false,
            };
            match free.iter().find(same).copied() {
                Some(found) => {
                    free.retain(|other| !std::ptr::eq(*other, found));
                    self.compare(&[branch], &[found], &at.deeper("/<branch>"));
                }
                None => left.push(branch),
            }
        }
        let titled = |branch: &Node| {
            branch
                .get_text("$ref")
                .or(branch.get_text("title"))
                .map(str::to_owned)
        };
        let mut gone = Vec::new();
        for branch in left {
            let next = free
                .iter()
                .position(|other| titled(other).is_none() && titled(branch).is_none());
            match next {
                Some(n) => {
                    let found = free.remove(n);
                    self.compare(&[branch], &[found], &at.deeper("/<branch>"));
                }
                None => gone.push(branch),
            }
        }
        let name = |branch: &Node| {
            titled(branch).map_or_else(String::new, |name| {
                format!(" {}", name.trim_start_matches("#/$defs/"))
            })
        };
        for branch in gone {
            self.tell(
                "SC34",
                "SC34",
                at,
                format!("The alternative{} was removed.", name(branch)),
                format!("删除备选结构{}。", name(branch)),
            );
        }
        for branch in free {
            self.tell(
                "SC33",
                "SC33",
                at,
                format!("The alternative{} was added.", name(branch)),
                format!("新增备选结构{}。", name(branch)),
            );
        }
    }

    /// Keywords whose meaning is not weighed: any change cannot be decided.
    fn others(&mut self, a: &Joined<'d>, b: &Joined<'d>, at: &At<'_>) {
        const WEIGHED: &[&str] = &[
            "const",
            "enum",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
            "multipleOf",
            "pattern",
            "format",
            "contentEncoding",
            "contentMediaType",
            "uniqueItems",
            "readOnly",
            "writeOnly",
            "default",
            "additionalProperties",
            "items",
            "prefixItems",
            "oneOf",
            "anyOf",
            "discriminator",
            "deprecated",
        ];
        let names: BTreeSet<&str> = a
            .keywords
            .keys()
            .chain(b.keywords.keys())
            .copied()
            .collect();
        for name in names {
            if WEIGHED.contains(&name)
                || name.starts_with("x-")
                || a.keywords.get(name) == b.keywords.get(name)
            {
                continue;
            }
            let rule = match (a.keywords.contains_key(name), b.keywords.contains_key(name)) {
                (false, true) => Some("SC36"),
                (true, false) => Some("SC37"),
                _ => None,
            };
            match rule {
                Some(rule) => {
                    let (en, zh) = if rule == "SC36" {
                        ("was introduced", "新增")
                    } else {
                        ("was dropped", "取消")
                    };
                    self.tell(
                        rule,
                        rule,
                        at,
                        format!("`{name}` {en}."),
                        format!("{zh} `{name}`。"),
                    );
                }
                None => self.undecidable(
                    at,
                    &format!("`{name}` changed"),
                    &format!("`{name}` 已改变"),
                ),
            }
        }
    }
}

/// Whether an object takes no properties but those it names.
fn is_closed(flat: &Joined<'_>) -> bool {
    let told = flat.keywords.get("additionalProperties");
    told.into_iter()
        .flatten()
        .any(|node| node.bool() == Some(false))
}

/// The nodes their references lead to, as far as the definition knows them.
fn followed<'d>(nodes: &[&'d Node], within: &'d Definition) -> Vec<&'d Node> {
    let follow = |node: &'d Node| {
        node.get_text("$ref")
            .and_then(|text| within.schema(text))
            .unwrap_or(node)
    };
    nodes.iter().map(|node| follow(node)).collect()
}

/// Where a schema was written: a reference stands where it leads, all else in the file of what it
/// stands in.
fn spot_of(node: &Node, within: &Definition, around: Option<&Spot>) -> Spot {
    let here = || Spot {
        file: around.unwrap_or(&within.spot).file.clone(),
        line: node.place.line,
        column: node.place.column,
        pointer: String::new(),
    };
    let Some(reference) = node.get_text("$ref") else {
        return here();
    };
    let name = reference.strip_prefix("#/$defs/").unwrap_or(reference);
    within.schema_spots.get(name).cloned().unwrap_or_else(here)
}
