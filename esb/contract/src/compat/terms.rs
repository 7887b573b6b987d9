//! Who may call, and what errors mean.

use std::collections::BTreeSet;

use super::{At, Report};
use crate::definition::{Operation, SecurityNeed};
use crate::finding::Severity::{Error, Info, Warning};
use crate::words::Words;

pub(super) fn security(
    old: &[SecurityNeed],
    new: &[SecurityNeed],
    at: &At<'_>,
    report: &mut Report,
) {
    let at = At {
        at: "security".to_owned(),
        ..at.clone()
    };
    let open = |needs: &[SecurityNeed]| {
        needs.is_empty() || needs.iter().any(|need| need.schemes.is_empty())
    };
    match (open(old), open(new)) {
        (true, true) => return,
        (true, false) => {
            report.add(
                "SE01",
                Error,
                &at,
                Words::new(
                    "Callers must identify themselves now.",
                    "现在要求身份认证。",
                ),
            );
            return;
        }
        (false, true) => {
            report.add(
                "SE08",
                Warning,
                &at,
                Words::new(
                    "Callers need not identify themselves any more.",
                    "不再要求身份认证。",
                ),
            );
            return;
        }
        (false, false) => {}
    }
    for need in old {
        alternative(need, new, &at, report);
    }
    for need in new.iter().filter(|need| !old.contains(need)) {
        if !old
            .iter()
            .any(|other| names(need).is_superset(&names(other)))
        {
            let what = Words::new("A way to identify oneself was added.", "新增认证方式。");
            report.add("SE09", Info, &at, what);
        }
    }
}

/// Whether callers that met an alternative are still let in.
fn alternative(need: &SecurityNeed, new: &[SecurityNeed], at: &At<'_>, report: &mut Report) {
    // A caller that met this alternative is safe when the new version lets it in by any.
    let met = |other: &SecurityNeed| {
        other.schemes.iter().all(|(name, scopes)| {
            let had = need.schemes.iter().find(|(known, _)| known == name);
            had.is_some_and(|(_, granted)| scopes.iter().all(|scope| granted.contains(scope)))
        })
    };
    if new.iter().any(met) {
        return;
    }
    let said = names(need).into_iter().collect::<Vec<_>>().join(" + ");
    let same = new.iter().find(|other| names(other) == names(need));
    let more = new
        .iter()
        .find(|other| names(other).is_superset(&names(need)));
    let (rule, en, zh) = match (same, more) {
        (Some(_), _) => ("SE04", "needs a scope more", "需要更多 scope"),
        (None, Some(_)) => ("SE03", "no longer suffices alone", "不再单独足够"),
        _ => ("SE02", "is no longer accepted", "不再被接受"),
    };
    report.add(
        rule,
        Error,
        at,
        Words::new(format!("`{said}` {en}."), format!("`{said}` {zh}。")),
    );
}

/// Names of the schemes of an alternative.
fn names(need: &SecurityNeed) -> BTreeSet<&str> {
    need.schemes.iter().map(|(name, _)| name.as_str()).collect()
}

pub(super) fn errors(old: &Operation, new: &Operation, at: &At<'_>, report: &mut Report) {
    let at = At {
        at: "errors".to_owned(),
        ..at.clone()
    };
    for error in &old.errors {
        let code = &error.code;
        match new.errors.iter().find(|other| other.code == *code) {
            None => report.add(
                "XT09",
                Warning,
                &at,
                Words::new(
                    format!("The error code {code} was removed."),
                    format!("删除错误码 {code}。"),
                ),
            ),
            Some(other) if other.meaning != error.meaning || other.status != error.status => {
                report.add(
                    "XT01",
                    Error,
                    &at,
                    Words::new(
                        format!("The error code {code} changed its meaning."),
                        format!("错误码 {code} 含义改变。"),
                    ),
                );
            }
            Some(_) => {}
        }
    }
    for error in new
        .errors
        .iter()
        .filter(|error| !old.errors.iter().any(|other| other.code == error.code))
    {
        let code = &error.code;
        report.add(
            "XT09",
            Warning,
            &at,
            Words::new(
                format!("The error code {code} was added."),
                format!("新增错误码 {code}。"),
            ),
        );
    }
}
