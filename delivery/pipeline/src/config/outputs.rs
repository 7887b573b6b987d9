//! Keywords with a structure of their own: needs, artifacts, caches, environment, retry, parallel.

use super::fields::Fields;
use super::keys::{REPORTS, RETRY_WHEN};
use super::model::{AutoCancel, Matrix, NeedSpec, Parallel, combinations};
use crate::expression::regex_field;
use crate::plan::{
    Artifacts, ArtifactsWhen, Cache, CacheKey, CachePolicy, CoverageReport, Environment,
    EnvironmentAction, OnNewCommit, Retry,
};
use crate::yaml::{Entry, Map, Mark, Node, Value};

const MAX_PARALLEL: i64 = 200;
const MAX_CACHES: usize = 4;
const MAX_KEY_FILES: usize = 2;
pub(crate) const MAX_NEEDS: usize = 50;

const SAVE_WHEN: [(&str, ArtifactsWhen); 3] = [
    ("on_success", ArtifactsWhen::OnSuccess),
    ("on_failure", ArtifactsWhen::OnFailure),
    ("always", ArtifactsWhen::Always),
];

/// `needs`, of a job or of a rule.
pub(crate) fn needs(fields: &mut Fields<'_>, field: &str, entry: &Entry) -> Vec<NeedSpec> {
    let node = &entry.value;
    let one = std::slice::from_ref(node);
    let items: &[Node] = match &node.value {
        Value::List(items) => items,
        Value::Map(_) => one,
        Value::Text(job) => {
            let message = format!("`{field}` must be a list of job names, not text");
            fields.error_fix(
                node.mark,
                "wrong_type",
                &message,
                &format!("write [\"{job}\"]"),
            );
            &[]
        }
        _ => {
            fields.wrong(field, node, "a list of job names");
            &[]
        }
    };
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        match &item.value {
            Value::Text(job) => out.push(NeedSpec {
                job: job.to_string(),
                artifacts: true,
                optional: false,
                matrix: None,
                mark: item.mark,
                key: entry.key,
            }),
            Value::Map(map) => out.extend(need(fields, field, map, (item.mark, entry.key))),
            _ => fields.wrong(field, item, "a list of job names or maps"),
        }
    }
    if out.len() > MAX_NEEDS {
        let message = format!(
            "`{field}` has {} entries; at most {MAX_NEEDS} are allowed",
            out.len()
        );
        fields.error(node.mark, "too_many_needs", &message);
    }
    out
}

fn need(
    fields: &mut Fields<'_>,
    field: &str,
    map: &Map,
    (mark, key): (Mark, Mark),
) -> Option<NeedSpec> {
    let mut need = NeedSpec {
        job: String::new(),
        artifacts: true,
        optional: false,
        matrix: None,
        mark,
        key,
    };
    for key in ["project", "pipeline"] {
        if let Some(entry) = map.get(key) {
            let fix = "use artifacts of jobs of this pipeline";
            fields.unsupported(entry.key, &format!("`{field}:{key}`"), fix);
            return None;
        }
    }
    for (key, entry) in map {
        let path = format!("{field}:{key}");
        match &**key {
            "ref" => {
                let message = format!("`{path}` belongs to `project`, which is missing");
                fields.error_fix(entry.key, "need_without_job", &message, "remove it");
            }
            "job" => need.job = fields.text(&path, &entry.value).unwrap_or_default(),
            "artifacts" => need.artifacts = fields.bool(&path, &entry.value).unwrap_or(true),
            "optional" => need.optional = fields.bool(&path, &entry.value).unwrap_or(false),
            "parallel" => match parallel(fields, &path, &entry.value) {
                Some(Parallel::Matrix(matrix)) => need.matrix = Some(matrix),
                Some(Parallel::Count(_)) => {
                    fields.wrong(&path, &entry.value, "a map with `matrix`");
                }
                None => {}
            },
            _ => fields.unknown(
                field,
                key,
                entry,
                &[
                    "job",
                    "artifacts",
                    "optional",
                    "parallel",
                    "project",
                    "ref",
                    "pipeline",
                ],
            ),
        }
    }
    if need.job.is_empty() {
        fields.error_fix(
            mark,
            "need_without_job",
            &format!("`{field}` names no job"),
            "add `job: name`",
        );
        return None;
    }
    Some(need)
}

/// `parallel`: a number or a matrix.
pub(crate) fn parallel(fields: &mut Fields<'_>, field: &str, node: &Node) -> Option<Parallel> {
    let Some(map) = node.map() else {
        let count = fields.int(field, node, 1, MAX_PARALLEL)?;
        return u32::try_from(count).ok().map(Parallel::Count);
    };
    let mut out = Vec::new();
    for (key, entry) in map.iter() {
        if &**key != "matrix" {
            fields.unknown(field, key, entry, &["matrix"]);
            continue;
        }
        let one = std::slice::from_ref(&entry.value);
        let items = entry.value.list().map_or(one, |list| list.as_slice());
        for item in items {
            out.push(matrix(fields, item)?);
        }
    }
    // Counted before anything is multiplied out.
    let total = out.iter().try_fold(0_usize, |sum, matrix| {
        let jobs = matrix
            .values()
            .try_fold(1_usize, |n, values| n.checked_mul(values.len()))?;
        sum.checked_add(jobs)
    });
    if total.is_none_or(|total| i64::try_from(total).is_ok_and(|n| n > MAX_PARALLEL)) {
        let message = format!("`{field}:matrix` makes more than {MAX_PARALLEL} jobs");
        fields.error(node.mark, "too_many_parallel", &message);
        return None;
    }
    if out
        .iter()
        .map(|matrix| combinations(matrix).len())
        .sum::<usize>()
        == 0
    {
        fields.error(
            node.mark,
            "empty_matrix",
            &format!("`{field}:matrix` makes no job"),
        );
        return None;
    }
    Some(Parallel::Matrix(out))
}

fn matrix(fields: &mut Fields<'_>, node: &Node) -> Option<Matrix> {
    let map = fields.map("parallel:matrix", node)?;
    let mut out = Matrix::new();
    for (name, entry) in map {
        let path = format!("parallel:matrix:{name}");
        let one = std::slice::from_ref(&entry.value);
        let items = entry.value.list().map_or(one, |list| list.as_slice());
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match item.scalar_text().filter(|_| !item.is_null()) {
                Some(text) => {
                    fields.reads_differently(&path, item, &text);
                    values.push(text.into_owned());
                }
                None => fields.wrong(&path, item, "text or a number"),
            }
        }
        out.insert(name.to_string(), values);
    }
    Some(out)
}

/// `artifacts`.
pub(crate) fn artifacts(fields: &mut Fields<'_>, node: &Node) -> Option<Artifacts> {
    const KEYS: [&str; 10] = [
        "paths",
        "exclude",
        "expose_as",
        "name",
        "untracked",
        "when",
        "access",
        "public",
        "expire_in",
        "reports",
    ];
    let map = fields.map("artifacts", node)?;
    let mut out = Artifacts::default();
    for (key, entry) in map {
        let (path, value) = (format!("artifacts:{key}"), &entry.value);
        if value.is_null() && KEYS.contains(&&**key) {
            continue;
        }
        match &**key {
            "paths" => out.paths = fields.texts(&path, value, false),
            "exclude" => out.exclude = fields.texts(&path, value, false),
            "expose_as" => {
                out.expose_as = fields.text(&path, value);
                fields.no_effect(entry.key, "`artifacts:expose_as`");
            }
            "name" => out.name = fields.text(&path, value),
            "untracked" => out.untracked = fields.bool(&path, value).unwrap_or(false),
            "when" => out.when = fields.choice(&path, value, &SAVE_WHEN).unwrap_or_default(),
            "expire_in" if value.text() == Some("never") => out.expire_in_s = Some(0),
            "expire_in" => out.expire_in_s = fields.duration(&path, value),
            "reports" => reports(fields, value, &mut out),
            "public" => {
                if fields.bool(&path, value) == Some(false) {
                    fields.no_effect(entry.key, "`artifacts:public: false`");
                }
            }
            "access" => {
                let words = [("all", 0), ("developer", 1), ("maintainer", 2), ("none", 3)];
                if fields
                    .choice(&path, value, &words)
                    .is_some_and(|word| word > 0)
                {
                    fields.no_effect(entry.key, "`artifacts:access`");
                }
            }
            _ => fields.unknown("artifacts", key, entry, &KEYS),
        }
    }
    Some(out)
}

fn reports(fields: &mut Fields<'_>, node: &Node, out: &mut Artifacts) {
    let Some(map) = fields.map("artifacts:reports", node) else {
        return;
    };
    for (key, entry) in map {
        let (path, value) = (format!("artifacts:reports:{key}"), &entry.value);
        if value.is_null() && REPORTS.contains(&&**key) {
            continue;
        }
        match &**key {
            "junit" => out.reports.junit = fields.texts(&path, value, true),
            "dotenv" => out.reports.dotenv = fields.texts(&path, value, true),
            "coverage_report" => {
                let Some(map) = fields.map(&path, value) else {
                    continue;
                };
                let mut report = CoverageReport {
                    format: String::new(),
                    path: String::new(),
                };
                for (key, entry) in map {
                    let formats = [
                        ("cobertura", "cobertura"),
                        ("jacoco", "jacoco"),
                        ("lcov", "lcov"),
                    ];
                    match &**key {
                        "coverage_format" => {
                            let format = fields.choice(&path, &entry.value, &formats);
                            report.format = format.unwrap_or_default().to_owned();
                            if format == Some("jacoco") {
                                fields.no_effect(entry.value.mark, "`coverage_format: jacoco`");
                            }
                        }
                        "path" => {
                            report.path = fields.text(&path, &entry.value).unwrap_or_default()
                        }
                        _ => fields.unknown(&path, key, entry, &["coverage_format", "path"]),
                    }
                }
                if report.path.is_empty() || report.format.is_empty() {
                    let message = format!("`{path}` needs `coverage_format` and `path`");
                    fields.error(entry.key, "coverage_report_incomplete", &message);
                }
                out.reports.coverage = Some(report);
            }
            known if REPORTS.contains(&known) => {
                fields.no_effect(entry.key, &format!("`{path}`"));
            }
            _ => fields.unknown("artifacts:reports", key, entry, REPORTS),
        }
    }
}

/// `cache`: a map or a list of up to four.
pub(crate) fn caches(fields: &mut Fields<'_>, node: &Node) -> Vec<Cache> {
    let one = std::slice::from_ref(node);
    let items = node.list().map_or(one, |list| list.as_slice());
    if items.len() > MAX_CACHES {
        let message = format!(
            "`cache` has {} entries; at most {MAX_CACHES} are allowed",
            items.len()
        );
        fields.error(node.mark, "too_many_caches", &message);
    }
    items
        .iter()
        .filter_map(|item| cache(fields, item))
        .collect()
}

fn cache(fields: &mut Fields<'_>, node: &Node) -> Option<Cache> {
    const KEYS: [&str; 7] = [
        "paths",
        "key",
        "untracked",
        "unprotect",
        "when",
        "policy",
        "fallback_keys",
    ];
    let map = fields.map("cache", node)?;
    if map.is_empty() {
        return None; // `cache: {}` switches an inherited cache off
    }
    let mut out = Cache {
        key: CacheKey::Text("default".to_owned()),
        paths: Vec::new(),
        untracked: false,
        unprotect: false,
        policy: CachePolicy::default(),
        when: ArtifactsWhen::default(),
        fallback_keys: Vec::new(),
    };
    for (key, entry) in map {
        let (path, value) = (format!("cache:{key}"), &entry.value);
        if value.is_null() && KEYS.contains(&&**key) {
            continue;
        }
        match &**key {
            "paths" => out.paths = fields.texts(&path, value, false),
            "key" => out.key = cache_key(fields, value).unwrap_or(out.key),
            "untracked" => out.untracked = fields.bool(&path, value).unwrap_or(false),
            "unprotect" => out.unprotect = fields.bool(&path, value).unwrap_or(false),
            "when" => out.when = fields.choice(&path, value, &SAVE_WHEN).unwrap_or_default(),
            "policy" => {
                if value.text().is_some_and(|text| text.starts_with('$')) {
                    let fix = "write pull, push or pull-push";
                    fields.unsupported(value.mark, "a variable in `cache:policy`", fix);
                    continue;
                }
                let words = [
                    ("pull-push", CachePolicy::PullPush),
                    ("pull", CachePolicy::Pull),
                    ("push", CachePolicy::Push),
                ];
                out.policy = fields.choice(&path, value, &words).unwrap_or_default();
            }
            "fallback_keys" => out.fallback_keys = fields.texts(&path, value, false),
            _ => fields.unknown("cache", key, entry, &KEYS),
        }
    }
    Some(out)
}

fn cache_key(fields: &mut Fields<'_>, node: &Node) -> Option<CacheKey> {
    let Some(map) = node.map() else {
        let text = node
            .scalar_text()
            .filter(|_| !node.is_null() && node.list().is_none());
        if text.is_none() {
            fields.wrong("cache:key", node, "text or a map");
        }
        let text = text?.into_owned();
        cache_key_text(fields, "cache:key", node.mark, &text);
        return Some(CacheKey::Text(text));
    };
    let mut files = None;
    let mut prefix = None;
    for (key, entry) in map.iter() {
        let path = format!("cache:key:{key}");
        match &**key {
            "files" | "files_commits" => {
                let list = fields.texts(&path, &entry.value, false);
                if list.is_empty() || list.len() > MAX_KEY_FILES {
                    let message = format!("`{path}` needs one or two files, not {}", list.len());
                    fields.error(entry.key, "cache_key_files", &message);
                }
                files = Some((list, &**key == "files_commits"));
            }
            "prefix" => {
                prefix = fields.text(&path, &entry.value);
                if let Some(text) = &prefix {
                    cache_key_text(fields, &path, entry.value.mark, text);
                }
            }
            _ => fields.unknown(
                "cache:key",
                key,
                entry,
                &["files", "files_commits", "prefix"],
            ),
        }
    }
    match files {
        Some((files, by_commits)) => Some(CacheKey::Files {
            files,
            prefix,
            by_commits,
        }),
        None => {
            fields.error(
                node.mark,
                "cache_key_files",
                "`cache:key` as a map needs `files`",
            );
            None
        }
    }
}

/// A key names a folder of the cache, so it must be one name and not a way elsewhere.
fn cache_key_text(fields: &mut Fields<'_>, path: &str, mark: Mark, text: &str) {
    let decoded = text.replace("%2F", "/").replace("%2f", "/");
    let dots = text.replace("%2E", ".").replace("%2e", ".");
    if decoded.contains('/') {
        let message = format!("`{path}` cannot contain `/` or `%2F`");
        let fix = format!("write \"{}\"", decoded.replace('/', "-"));
        fields.error_fix(mark, "cache_key", &message, &fix);
    } else if !dots.is_empty() && dots.bytes().all(|byte| byte == b'.') {
        let message = format!("`{path}` cannot be only `.` or `%2E`");
        fields.error_fix(mark, "cache_key", &message, "give the cache a name");
    }
}

/// `retry`: a number or a map.
pub(crate) fn retry(fields: &mut Fields<'_>, node: &Node) -> Retry {
    let mut out = Retry::default();
    let max = |fields: &mut Fields<'_>, node: &Node| {
        fields
            .int("retry:max", node, 0, 2)
            .and_then(|n| u8::try_from(n).ok())
            .unwrap_or(0)
    };
    let Some(map) = node.map() else {
        out.max = max(fields, node);
        return out;
    };
    for (key, entry) in map.iter() {
        match &**key {
            "max" => out.max = max(fields, &entry.value),
            "when" => {
                let words: Vec<(&str, &str)> =
                    RETRY_WHEN.iter().map(|word| (*word, *word)).collect();
                let one = std::slice::from_ref(&entry.value);
                let items = entry.value.list().map_or(one, |list| list.as_slice());
                for item in items {
                    out.when
                        .extend(fields.choice("retry:when", item, &words).map(str::to_owned));
                }
                // `always` is every reason there is, which an empty list means.
                if out.when.iter().any(|word| word == "always") {
                    out.when.clear();
                }
            }
            "exit_codes" => out.exit_codes = exit_codes(fields, "retry:exit_codes", &entry.value),
            _ => fields.unknown("retry", key, entry, &["max", "when", "exit_codes"]),
        }
    }
    out
}

/// One exit code or a list.
pub(crate) fn exit_codes(fields: &mut Fields<'_>, field: &str, node: &Node) -> Vec<i32> {
    let one = std::slice::from_ref(node);
    let items = node.list().map_or(one, |list| list.as_slice());
    items
        .iter()
        .filter_map(|item| fields.int(field, item, 0, i64::from(i32::MAX)))
        .filter_map(|code| i32::try_from(code).ok())
        .collect()
}

/// `environment`: a name or a map.
pub(crate) fn environment(fields: &mut Fields<'_>, node: &Node) -> Option<Environment> {
    const KEYS: [&str; 7] = [
        "name",
        "url",
        "on_stop",
        "action",
        "auto_stop_in",
        "kubernetes",
        "deployment_tier",
    ];
    let mut out = Environment {
        name: String::new(),
        url: None,
        action: EnvironmentAction::default(),
        on_stop: None,
        deployment_tier: None,
        auto_stop_in_s: None,
    };
    let Some(map) = node.map() else {
        out.name = fields.text("environment", node)?;
        return Some(out);
    };
    for (key, entry) in map.iter() {
        let (path, value) = (format!("environment:{key}"), &entry.value);
        if value.is_null() && KEYS.contains(&&**key) {
            continue;
        }
        match &**key {
            "name" => out.name = fields.text(&path, value).unwrap_or_default(),
            "url" => out.url = fields.text(&path, value),
            "on_stop" => {
                out.on_stop = fields.text(&path, value);
                fields.no_effect_since(
                    entry.key,
                    "`environment:on_stop` has no effect: no environment is stopped by itself yet",
                    "play the job that stops it",
                );
            }
            "action" => {
                let words = [
                    ("start", EnvironmentAction::Start),
                    ("prepare", EnvironmentAction::Prepare),
                    ("stop", EnvironmentAction::Stop),
                    ("verify", EnvironmentAction::Verify),
                    ("access", EnvironmentAction::Access),
                ];
                out.action = fields.choice(&path, value, &words).unwrap_or_default();
                if out.action == EnvironmentAction::Stop {
                    fields.no_effect_since(entry.key, "`environment:action: stop`: the job runs, but the environment is not recorded as stopped yet", "nothing to do if the script is all that counts");
                }
            }
            "auto_stop_in" if value.text() == Some("never") => {}
            "auto_stop_in" => {
                out.auto_stop_in_s = fields.duration(&path, value);
                fields.no_effect_since(entry.key, "`environment:auto_stop_in` has no effect: no environment is stopped by itself yet", "play the job that stops it");
            }
            "deployment_tier" => out.deployment_tier = tier(fields, &path, value),
            "kubernetes" => fields.no_effect(entry.key, "`environment:kubernetes`"),
            _ => fields.unknown("environment", key, entry, &KEYS),
        }
    }
    if out.name.is_empty() {
        fields.error_fix(
            node.mark,
            "environment_name",
            "`environment` has no name",
            "add `name:`",
        );
        return None;
    }
    Some(out)
}

fn tier(fields: &mut Fields<'_>, path: &str, node: &Node) -> Option<String> {
    if let Some(text) = node.text()
        && text.contains('$')
    {
        return Some(text.to_owned());
    }
    let words =
        ["production", "staging", "testing", "development", "other"].map(|word| (word, word));
    fields.choice(path, node, &words).map(str::to_owned)
}

/// `coverage`, without its slashes.
pub(crate) fn coverage(fields: &mut Fields<'_>, node: &Node) -> Option<String> {
    let text = fields.text("coverage", node)?;
    match regex_field(&text) {
        Ok(source) => Some(source.to_string()),
        Err(reason) => {
            fields.error(node.mark, "bad_regex", &format!("`coverage`: {reason}"));
            None
        }
    }
}

/// `workflow:auto_cancel`, also of a workflow rule.
pub(crate) fn auto_cancel(fields: &mut Fields<'_>, field: &str, node: &Node) -> AutoCancel {
    let mut out = AutoCancel::default();
    let Some(map) = fields.map(field, node) else {
        return out;
    };
    for (key, entry) in map {
        let path = format!("{field}:{key}");
        match &**key {
            "on_new_commit" => {
                let words = [
                    ("conservative", OnNewCommit::Conservative),
                    ("interruptible", OnNewCommit::Interruptible),
                    ("none", OnNewCommit::None),
                ];
                out.on_new_commit = fields.choice(&path, &entry.value, &words);
            }
            "on_job_failure" => {
                let words = [("none", false), ("all", true)];
                out.on_job_failure_all = fields.choice(&path, &entry.value, &words);
            }
            _ => fields.unknown(field, key, entry, &["on_new_commit", "on_job_failure"]),
        }
    }
    out
}
