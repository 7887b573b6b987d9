//! What both document families say alike.

use rialto_document::Node;

use super::collect::Collector;
use super::cursor::Cursor;
use crate::definition::{
    BusinessError, Idempotency, In, Method, Operation, Parameter, SecurityNeed, path_names,
};
use crate::words::Words;

/// Texts of a list.
pub(super) fn texts(at: &Cursor<'_>, name: &str) -> Vec<String> {
    let items = at.items_of(name);
    items
        .iter()
        .filter_map(|item| item.node.text().map(str::to_owned))
        .collect()
}

pub(super) fn business_errors(at: &Cursor<'_>) -> Vec<BusinessError> {
    let text = |node: &Node| node.text().or(node.number()).map(str::to_owned);
    let one = |item: Cursor<'_>| {
        Some(BusinessError {
            code: item.node.get("code").and_then(text)?,
            status: item.node.get("status").and_then(text),
            meaning: item
                .text("meaning")
                .or_else(|| item.text("description"))
                .unwrap_or_default(),
        })
    };
    at.items_of("x-error-codes")
        .into_iter()
        .filter_map(one)
        .collect()
}

pub(super) fn idempotency(at: &Cursor<'_>) -> Idempotency {
    match at.node.get_text("x-idempotency") {
        Some("required") => Idempotency::Required,
        Some("optional") => Idempotency::Optional,
        _ => Idempotency::None,
    }
}

/// Who may call: the operation's own say, else the document's.
pub(super) fn security(operation: &Cursor<'_>, root: &Cursor<'_>) -> Vec<SecurityNeed> {
    let told = operation.get("security").or_else(|| root.get("security"));
    let needs = told.map(|one| one.items()).unwrap_or_default();
    needs
        .iter()
        .map(|need| SecurityNeed {
            schemes: need
                .node
                .map()
                .into_iter()
                .flatten()
                .map(|(name, member)| {
                    let scopes = member.node.list().unwrap_or_default();
                    let scopes = scopes
                        .iter()
                        .filter_map(|scope| scope.text().map(str::to_owned));
                    (name.to_string(), scopes.collect())
                })
                .collect(),
        })
        .collect()
}

/// Whether the document says that anybody may call.
pub(super) fn open(operation: &Cursor<'_>, root: &Cursor<'_>) -> bool {
    let told = operation.get("security").or_else(|| root.get("security"));
    told.is_some_and(|one| {
        let needs = one.items();
        needs.is_empty()
            || needs
                .iter()
                .any(|need| need.node.map().is_some_and(|map| map.is_empty()))
    })
}

pub(super) fn place_of(text: &str) -> Option<In> {
    Some(match text {
        "path" => In::Path,
        "query" => In::Query,
        "header" => In::Header,
        "cookie" => In::Cookie,
        _ => return None,
    })
}

/// Parameters of the operation, then those of its path item that it does not tell anew.
pub(super) fn joined(own: Vec<Parameter>, shared: Vec<Parameter>) -> Vec<Parameter> {
    let mut all = own;
    for parameter in shared {
        let told = |one: &Parameter| one.place == parameter.place && one.name == parameter.name;
        if !all.iter().any(told) {
            all.push(parameter);
        }
    }
    all
}

impl<'b> Collector<'b> {
    /// Every path of the document with its item, what is no path told as a fault.
    pub(super) fn path_items(&mut self, root: &Cursor<'b>) -> Vec<(&'b str, Cursor<'b>)> {
        let Some(paths) = root.get("paths") else {
            if root.node.get("webhooks").is_none() && root.node.get("components").is_none() {
                let what = Words::new("The document has no `paths`.", "文档没有 `paths`。");
                let cure = Words::new("Describe at least one operation.", "请至少描述一个操作。");
                self.fault(root, "IM01", what, cure);
            }
            return Vec::new();
        };
        let mut items = Vec::new();
        for (path, item) in paths.fields() {
            if !path.starts_with('/') {
                let what = Words::new(
                    format!("The path `{path}` does not begin with `/`."),
                    format!("路径 `{path}` 未以 `/` 开头。"),
                );
                let cure = Words::new("Begin it with `/`.", "请以 `/` 开头。");
                self.fault(&item, "IM04", what, cure);
            }
            if let Some(item) = self.follow(&item) {
                items.push((path, item));
            }
        }
        items
    }

    /// The methods of a path item.
    pub(super) fn methods(&mut self, item: &Cursor<'b>, trace: bool) -> Vec<(Method, Cursor<'b>)> {
        let all = Method::ALL
            .iter()
            .filter(|(_, method)| trace || *method != Method::Trace);
        let known = |name: &str| {
            Method::ALL.iter().any(|(method, _)| *method == name)
                || matches!(
                    name,
                    "summary" | "description" | "servers" | "parameters" | "$ref"
                )
        };
        for (name, other) in item.fields() {
            if !known(name) {
                self.lost(
                    &other,
                    name,
                    "This is no method the house routes; it stays in the document only.",
                    "不是可路由的方法，仅保留在原文档中。",
                );
            }
        }
        all.filter_map(|(name, method)| Some((*method, item.get(name)?)))
            .collect()
    }

    /// Variables of the path and path parameters must be the same.
    pub(super) fn path_parameters(&mut self, operation: &Operation, at: &Cursor<'_>) {
        let names = path_names(&operation.path);
        let told = |name: &str| {
            operation
                .parameters
                .iter()
                .any(|one| one.place == In::Path && one.name == name)
        };
        for name in names.iter().filter(|name| !told(name)) {
            let what = Words::new(
                format!("`{{{name}}}` of {} has no parameter.", operation.name()),
                format!("{} 的 `{{{name}}}` 没有对应参数。", operation.name()),
            );
            let cure = Words::new(
                "Add a parameter with `in: path` and this name.",
                "请添加同名且 `in: path` 的参数。",
            );
            self.fault(at, "IM05", what, cure);
        }
        let stray = operation
            .parameters
            .iter()
            .filter(|one| one.place == In::Path && !names.contains(&one.name.as_str()));
        for parameter in stray {
            let what = Words::new(
                format!(
                    "The path of {} has no `{{{}}}`.",
                    operation.name(),
                    parameter.name
                ),
                format!(
                    "{} 的路径中没有 `{{{}}}`。",
                    operation.name(),
                    parameter.name
                ),
            );
            let cure = Words::new(
                "Put it into the path, or take the parameter out.",
                "请写入路径，或删除该参数。",
            );
            self.fault(at, "IM05", what, cure);
        }
    }

    /// What a parameter lacks that every parameter has.
    pub(super) fn parameter_fault(&mut self, at: &Cursor<'_>) {
        let what = Words::new(
            "A parameter needs a `name` and an `in` of path, query, header or cookie.",
            "参数需要 `name`，且 `in` 为 path、query、header 或 cookie。",
        );
        let cure = Words::new("Add what is missing.", "请补全。");
        self.fault(at, "IM06", what, cure);
    }

    /// Two operations that no request can tell apart.
    pub(super) fn twins(&mut self, operations: &[Operation]) {
        let mut seen = std::collections::HashMap::new();
        for operation in operations {
            let Some(first) = seen.insert(operation.shape(), operation.name()) else {
                continue;
            };
            let what = Words::new(
                format!("No request can tell {} from {first}.", operation.name()),
                format!("请求无法区分 {} 与 {first}。", operation.name()),
            );
            self.findings.push(crate::finding::Finding {
                rule: "IM07",
                severity: crate::finding::Severity::Error,
                spot: operation.spot.clone(),
                what,
                why: Words::new(
                    "OpenAPI: paths with the same hierarchy but other names are identical.",
                    "OpenAPI：层级相同而变量名不同的路径视为相同。",
                ),
                cure: Words::new("Change one of the paths.", "请修改其中一个路径。"),
            });
        }
    }
}
