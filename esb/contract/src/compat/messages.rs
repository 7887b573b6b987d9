//! Bodies, answers and headers compared.

use std::collections::HashSet;

use super::rules::Way;
use super::schemas::Pair;
use super::{At, Report};
use crate::definition::{Body, Definition, Header, Media, Operation, Outcome};
use crate::finding::Severity::{Error, Info, Warning};
use crate::words::Words;

pub(super) fn bodies(
    from: &Definition,
    to: &Definition,
    old: &Operation,
    new: &Operation,
    at: &At<'_>,
    report: &mut Report,
) {
    let at = At {
        at: "body:".to_owned(),
        way: Some(Way::Request),
        ..at.clone()
    };
    let mut tell =
        |rule, severity, en: &str, zh: &str| report.add(rule, severity, &at, Words::new(en, zh));
    let (old, new): (&Body, &Body) = match (&old.body, &new.body) {
        (None, None) => return,
        (None, Some(body)) if body.required => {
            return tell(
                "BO01",
                Error,
                "A required body was added.",
                "新增必填请求体。",
            );
        }
        (None, Some(_)) => {
            return tell(
                "BO07",
                Info,
                "An optional body was added.",
                "新增可选请求体。",
            );
        }
        (Some(_), None) => return tell("BO06", Warning, "The body was removed.", "删除请求体。"),
        (Some(old), Some(new)) => (old, new),
    };
    if !old.required && new.required {
        tell(
            "BO02",
            Error,
            "The body became required.",
            "请求体变为必填。",
        );
    }
    media(
        from,
        to,
        (&old.media, &new.media),
        Way::Request,
        &at,
        report,
    );
}

/// Forms of a body, matched by media type without parameters.
fn media(
    from: &Definition,
    to: &Definition,
    (old, new): (&[Media], &[Media]),
    way: Way,
    at: &At<'_>,
    report: &mut Report,
) {
    let essence = |media: &Media| {
        let name = media.name.split(';').next().unwrap_or_default();
        name.trim().to_ascii_lowercase()
    };
    let (removed, added) = match way {
        Way::Request => ("BO03", "BO07"),
        Way::Response => ("RE03", "RE12"),
    };
    for one in old {
        let Some(other) = new.iter().find(|other| essence(other) == essence(one)) else {
            let name = &one.name;
            report.add(
                removed,
                Error,
                at,
                Words::new(
                    format!("The media type {name} was removed."),
                    format!("删除媒体类型 {name}。"),
                ),
            );
            continue;
        };
        if one.encoding != other.encoding {
            report.add(
                "BO04",
                Error,
                at,
                Words::new("The encoding of the form changed.", "表单编码方式已改变。"),
            );
        }
        form((from, to), (one, other), way, at, report);
    }
    for one in new {
        if !old.iter().any(|other| essence(other) == essence(one)) {
            let name = &one.name;
            report.add(
                added,
                Info,
                at,
                Words::new(
                    format!("The media type {name} was added."),
                    format!("新增媒体类型 {name}。"),
                ),
            );
        }
    }
}

/// One form of a body in both versions.
fn form(
    (from, to): (&Definition, &Definition),
    (one, other): (&Media, &Media),
    way: Way,
    at: &At<'_>,
    report: &mut Report,
) {
    let (Some(a), Some(b)) = (&one.schema, &other.schema) else {
        if one.schema.is_some() != other.schema.is_some() {
            let (rule, severity) = match (way, other.schema.is_some()) {
                (Way::Request, true) => ("SC35", Error),
                (Way::Response, false) => ("SC35", Error),
                _ => ("SC35", Info),
            };
            report.add(
                rule,
                severity,
                at,
                Words::new(
                    "A schema was introduced or dropped.",
                    "新增或取消了数据结构约束。",
                ),
            );
        }
        return;
    };
    let mut pair = Pair {
        old: from,
        new: to,
        way,
        report,
        seen: HashSet::new(),
    };
    pair.compare(&[a], &[b], at);
}

pub(super) fn outcomes(
    from: &Definition,
    to: &Definition,
    old: &Operation,
    new: &Operation,
    at: &At<'_>,
    report: &mut Report,
) {
    let found =
        |list: &'_ [Outcome], status: &str| list.iter().position(|one| one.status == status);
    for one in &old.outcomes {
        let status = &one.status;
        let mut here = At {
            at: format!("{status}:"),
            way: Some(Way::Response),
            old: Some(one.spot.clone()),
            ..at.clone()
        };
        let Some(n) = found(&new.outcomes, status) else {
            let (rule, severity) = match status.as_str() {
                "default" => ("RE08", Warning),
                _ if one.is_success() => ("RE01", Error),
                _ => ("RE07", Warning),
            };
            report.add(
                rule,
                severity,
                &here,
                Words::new(
                    format!("The answer {status} was removed."),
                    format!("删除响应 {status}。"),
                ),
            );
            continue;
        };
        let other = &new.outcomes[n];
        here.new = Some(other.spot.clone());
        if !one.media.is_empty() && other.media.is_empty() {
            report.add(
                "RE02",
                Error,
                &here,
                Words::new("The body of the answer was removed.", "删除响应体。"),
            );
        } else {
            media(
                from,
                to,
                (&one.media, &other.media),
                Way::Response,
                &here,
                report,
            );
        }
        headers(from, to, one, other, &here, report);
    }
    new_outcomes(old, new, at, report);
}

fn new_outcomes(old: &Operation, new: &Operation, at: &At<'_>, report: &mut Report) {
    let found =
        |list: &'_ [Outcome], status: &str| list.iter().position(|one| one.status == status);
    for one in new
        .outcomes
        .iter()
        .filter(|one| found(&old.outcomes, &one.status).is_none())
    {
        let status = &one.status;
        let here = At {
            at: format!("{status}:"),
            way: Some(Way::Response),
            new: Some(one.spot.clone()),
            ..at.clone()
        };
        let (rule, severity) = if one.is_success() {
            ("RE06", Warning)
        } else {
            ("RE11", Info)
        };
        report.add(
            rule,
            severity,
            &here,
            Words::new(
                format!("The answer {status} was added."),
                format!("新增响应 {status}。"),
            ),
        );
    }
}

fn headers(
    from: &Definition,
    to: &Definition,
    old: &Outcome,
    new: &Outcome,
    at: &At<'_>,
    report: &mut Report,
) {
    for header in &old.headers {
        let name = &header.name;
        let same = new
            .headers
            .iter()
            .find(|other| other.name.eq_ignore_ascii_case(name));
        let here = At {
            at: format!("{}header:{name}", at.at),
            ..at.clone()
        };
        match same {
            None if header.required => report.add(
                "RE04",
                Error,
                &here,
                Words::new(
                    format!("The header {name} was removed."),
                    format!("删除响应头 {name}。"),
                ),
            ),
            None => report.add(
                "RE09",
                Warning,
                &here,
                Words::new(
                    format!("The header {name} was removed."),
                    format!("删除响应头 {name}。"),
                ),
            ),
            Some(other) => kept_header((from, to), (header, other), &here, report),
        }
    }
    for header in &new.headers {
        if !old
            .headers
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&header.name))
        {
            let name = &header.name;
            report.add(
                "RE12",
                Info,
                at,
                Words::new(
                    format!("The header {name} was added."),
                    format!("新增响应头 {name}。"),
                ),
            );
        }
    }
}

fn kept_header(
    (from, to): (&Definition, &Definition),
    (old, new): (&Header, &Header),
    at: &At<'_>,
    report: &mut Report,
) {
    let name = &old.name;
    if old.required && !new.required {
        let en = format!("The header {name} became optional.");
        report.add(
            "RE04",
            Error,
            at,
            Words::new(en, format!("响应头 {name} 变为可选。")),
        );
    }
    if let (Some(a), Some(b)) = (&old.schema, &new.schema) {
        let mut pair = Pair {
            old: from,
            new: to,
            way: Way::Response,
            report,
            seen: HashSet::new(),
        };
        pair.compare(&[a], &[b], at);
    }
}
