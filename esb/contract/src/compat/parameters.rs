//! Parameters compared.

use std::collections::HashSet;

use super::rules::Way;
use super::schemas::Pair;
use super::{At, Report};
use crate::definition::{Definition, In, Operation, Parameter, path_names};
use crate::finding::Severity::{self, Error, Info, Warning};
use crate::words::Words;

pub(super) fn compare(
    from: &Definition,
    to: &Definition,
    old: &Operation,
    new: &Operation,
    report: &mut Report,
) {
    let name = old.name();
    for one in &old.parameters {
        match counterpart(one, old, new) {
            Some(other) => both(from, to, (one, other), &name, report),
            None => gone(one, new, &name, report),
        }
    }
    for one in &new.parameters {
        if counterpart(one, new, old).is_some() || moved(one, old) {
            continue;
        }
        let at = here(&name, one, None, Some(one));
        let (rule, severity, en, zh) = if one.required {
            ("PA01", Error, "A required", "必填")
        } else {
            ("PA16", Info, "An optional", "可选")
        };
        let known = format!("{}:{}", one.place, one.name);
        report.add(
            rule,
            severity,
            &at,
            Words::new(
                format!("{en} parameter was added: {known}."),
                format!("新增{zh}参数 {known}。"),
            ),
        );
    }
}

/// The same parameter in the other version: path parameters by their place in the path.
fn counterpart<'p>(
    one: &Parameter,
    within: &Operation,
    other: &'p Operation,
) -> Option<&'p Parameter> {
    let names = path_names(&within.path);
    let place = names.iter().position(|name| *name == one.name);
    let name = match place.filter(|_| one.place == In::Path) {
        Some(n) => path_names(&other.path).get(n).copied()?,
        None => one.name.as_str(),
    };
    other.parameters.iter().find(|candidate| {
        candidate.place == one.place
            && (candidate.name == name
                || (one.place == In::Header && candidate.name.eq_ignore_ascii_case(name)))
    })
}

fn moved(one: &Parameter, other: &Operation) -> bool {
    let elsewhere =
        |candidate: &&Parameter| candidate.name == one.name && candidate.place != one.place;
    other
        .parameters
        .iter()
        .any(|candidate| elsewhere(&candidate))
}

fn here<'a>(
    operation: &'a str,
    known: &Parameter,
    old: Option<&Parameter>,
    new: Option<&Parameter>,
) -> At<'a> {
    At {
        operation,
        at: format!("{}:{}", known.place, known.name),
        way: Some(Way::Request),
        old: old.map(|one| one.spot.clone()),
        new: new.map(|one| one.spot.clone()),
    }
}

fn gone(one: &Parameter, new: &Operation, name: &str, report: &mut Report) {
    let at = here(name, one, Some(one), None);
    let (rule, severity, en, zh) = if moved(one, new) {
        ("PA03", Error, "moved to another place", "位置已改变")
    } else {
        ("PA14", Warning, "was removed", "已删除")
    };
    let known = format!("{}:{}", one.place, one.name);
    report.add(
        rule,
        severity,
        &at,
        Words::new(
            format!("The parameter {known} {en}."),
            format!("参数 {known} {zh}。"),
        ),
    );
}

fn both(
    from: &Definition,
    to: &Definition,
    (old, new): (&Parameter, &Parameter),
    name: &str,
    report: &mut Report,
) {
    let at = here(name, old, Some(old), Some(new));
    let mut tell = |rule, severity: Severity, en: &str, zh: &str| {
        report.add(rule, severity, &at, Words::new(en, zh))
    };
    match (old.required, new.required) {
        (false, true) => tell("PA02", Error, "It became required.", "变为必填。"),
        (true, false) => tell("PA17", Info, "It became optional.", "变为可选。"),
        _ => {}
    }
    let manner = |one: &Parameter| (one.style.clone(), one.explode, one.allow_reserved);
    if manner(old) != manner(new) {
        tell(
            "PA10",
            Error,
            "The way it is written changed (style, explode, allowReserved).",
            "书写方式（style、explode、allowReserved）已改变。",
        );
    }
    if old.allow_empty && !new.allow_empty {
        tell(
            "PA12",
            Error,
            "An empty value is no longer allowed.",
            "不再允许空值。",
        );
    }
    if old.content != new.content {
        tell(
            "PA11",
            Error,
            "The media type it is written in changed.",
            "参数的媒体类型已改变。",
        );
        return;
    }
    let (Some(a), Some(b)) = (&old.schema, &new.schema) else {
        return;
    };
    let mut found = Report::default();
    let mut pair = Pair {
        old: from,
        new: to,
        way: Way::Request,
        report: &mut found,
        seen: HashSet::new(),
    };
    pair.compare(&[a], &[b], &at);
    for mut change in found.changes.into_values() {
        let top = change.at == at.at;
        if let Some(rule) = parameter_rule(change.rule, change.severity).filter(|_| top) {
            change.rule = rule;
        }
        let at = At {
            operation: name,
            at: change.at,
            way: change.way,
            old: change.old,
            new: change.new,
        };
        report.add(change.rule, change.severity, &at, change.what);
    }
}

/// What a change of a parameter's own schema is called.
fn parameter_rule(rule: &str, severity: Severity) -> Option<&'static str> {
    Some(match rule {
        "SC29" => "PA15",
        _ if severity == Info => "PA18",
        "SC06" | "SC08" => "PA04",
        "SC15" | "SC16" => "PA05",
        "SC12" | "SC13" | "SC14" => "PA06",
        "SC17" | "SC19" | "SC26" => "PA07",
        "SC21" | "SC22" => "PA08",
        "SC24" => "PA09",
        "SC10" => "PA12",
        _ => return None,
    })
}
