//! Operations, bodies, answers and security compared.

use std::collections::HashMap;

use super::messages::{bodies, outcomes};
use super::terms::{errors, security};
use super::{At, Report, parameters};
use crate::definition::{Definition, Idempotency, Method, Operation};
use crate::finding::Severity::{Error, Info, Warning};
use crate::words::Words;

pub(super) fn compare(old: &Definition, new: &Definition, today: &str, report: &mut Report) {
    let shapes = |definition: &'_ Definition| -> HashMap<(Method, String), usize> {
        let all = definition.operations.iter().enumerate();
        all.map(|(n, one)| (one.shape(), n)).collect()
    };
    let (before, after) = (shapes(old), shapes(new));
    for one in &old.operations {
        match after.get(&one.shape()) {
            Some(n) => both(old, new, one, &new.operations[*n], report),
            None => gone(one, &one.name(), today, report),
        }
    }
    for one in &new.operations {
        if before.contains_key(&one.shape()) {
            continue;
        }
        let name = one.name();
        let at = here(&name, None, Some(one));
        let what = Words::new(format!("{name} was added."), format!("新增操作 {name}。"));
        report.add("OP08", Info, &at, what);
        takes_over(old, one, &name, report);
    }
    servers(old, new, report);
}

fn here<'a>(operation: &'a str, old: Option<&Operation>, new: Option<&Operation>) -> At<'a> {
    At {
        operation,
        at: String::new(),
        way: None,
        old: old.map(|one| one.spot.clone()),
        new: new.map(|one| one.spot.clone()),
    }
}

fn gone(one: &Operation, name: &str, today: &str, report: &mut Report) {
    let at = here(name, Some(one), None);
    let (rule, severity, en, zh) = match (&one.sunset, one.deprecated) {
        (Some(day), true) if day.as_str() <= today => (
            "OP07",
            Info,
            "was removed after its sunset",
            "在日落日之后删除",
        ),
        (Some(_), true) => (
            "OP02",
            Error,
            "was removed before its sunset",
            "在日落日之前删除",
        ),
        _ => (
            "OP01",
            Error,
            "was removed without notice",
            "未经弃用即删除",
        ),
    };
    report.add(
        rule,
        severity,
        &at,
        Words::new(format!("{name} {en}."), format!("操作 {name} {zh}。")),
    );
}

/// A new template that takes requests which a variable of an old one served.
fn takes_over(old: &Definition, one: &Operation, name: &str, report: &mut Report) {
    let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let new = segments(&one.path);
    for before in old
        .operations
        .iter()
        .filter(|other| other.method == one.method)
    {
        let path = segments(&before.path);
        let captured = path.len() == new.len()
            && path
                .iter()
                .zip(&new)
                .all(|(a, b)| a == b || a.contains('{'))
            && path
                .iter()
                .zip(&new)
                .any(|(a, b)| a.contains('{') && !b.contains('{'));
        if captured {
            let at = here(name, Some(before), Some(one));
            let what = Words::new(
                format!("{name} takes requests that {} served.", before.name()),
                format!("{name} 会截走原由 {} 处理的请求。", before.name()),
            );
            report.add("OP13", Error, &at, what);
        }
    }
}

fn servers(old: &Definition, new: &Definition, report: &mut Report) {
    for server in &old.servers {
        if new.servers.iter().any(|other| other.url == server.url) {
            continue;
        }
        let at = At {
            operation: "*",
            at: "servers".to_owned(),
            way: None,
            old: Some(old.spot.clone()),
            new: Some(new.spot.clone()),
        };
        let url = &server.url;
        report.add(
            "SE06",
            Error,
            &at,
            Words::new(
                format!("The server {url} was removed."),
                format!("删除服务地址 {url}。"),
            ),
        );
    }
}

fn both(from: &Definition, to: &Definition, old: &Operation, new: &Operation, report: &mut Report) {
    let name = old.name();
    let at = here(&name, Some(old), Some(new));
    notices(old, new, &at, report);
    terms(old, new, &at, report);
    parameters::compare(from, to, old, new, report);
    bodies(from, to, old, new, &at, report);
    outcomes(from, to, old, new, &at, report);
    security(&old.security, &new.security, &at, report);
    errors(old, new, &at, report);
}

fn notices(old: &Operation, new: &Operation, at: &At<'_>, report: &mut Report) {
    let mut tell =
        |rule, severity, en: &str, zh: &str| report.add(rule, severity, at, Words::new(en, zh));
    if old.path != new.path {
        tell(
            "OP09",
            Info,
            "A path parameter was renamed.",
            "路径参数改名。",
        );
    }
    if old.id != new.id && old.id.is_some() {
        tell(
            "OP06",
            Warning,
            "The operationId changed.",
            "operationId 已改变。",
        );
    }
    match (old.deprecated, new.deprecated, &new.sunset) {
        (false, true, Some(_)) => tell(
            "OP10",
            Info,
            "It is deprecated with a sunset.",
            "已弃用并给出日落日。",
        ),
        (false, true, None) => tell(
            "OP05",
            Warning,
            "It is deprecated without a sunset.",
            "已弃用但未给出日落日。",
        ),
        (true, false, _) => tell("OP11", Info, "Its deprecation was withdrawn.", "撤销弃用。"),
        _ => {}
    }
    if let (Some(before), Some(after)) = (&old.sunset, &new.sunset)
        && after < before
    {
        tell(
            "OP04",
            Error,
            "Its sunset was moved earlier.",
            "日落日提前。",
        );
    }
}

/// Texts, and what an idempotency key means.
fn terms(old: &Operation, new: &Operation, at: &At<'_>, report: &mut Report) {
    let mut tell = |rule, severity, en: &str, zh: &str| {
        report.add(rule, severity, at, Words::new(en, zh));
    };
    let texts = |one: &Operation| {
        (
            one.summary.clone(),
            one.description.clone(),
            one.tags.clone(),
        )
    };
    if texts(old) != texts(new) {
        tell(
            "OP12",
            Info,
            "Its texts or tags changed.",
            "说明或标签已改变。",
        );
    }
    let required = |one: &Operation| one.idempotency == Idempotency::Required;
    if required(old) != required(new)
        || (old.idempotency != Idempotency::None && new.idempotency == Idempotency::None)
    {
        tell(
            "XT03",
            Error,
            "What its idempotency key means changed.",
            "幂等键要求已改变。",
        );
    }
}
