//! Reads the merged map: top-level keywords, defaults, jobs.

use std::collections::HashSet;
use std::sync::Arc;

use super::fields::{Fields, unknown_key};
use super::keys::{DEFAULT, GLOBAL_DEFAULTS, TOP_LEVEL, nearest};
use super::model::{Config, Workflow};
use super::rules::{Place, read_rules};
use super::{job, outputs};
use crate::conditions::World;
use crate::diagnostic::Sink;
use crate::yaml::{Entry, Map, Node, Value};

const DEFAULT_STAGES: [&str; 5] = [".pre", "build", "test", "deploy", ".post"];
const MAX_STAGE_CHARS: usize = 255;

/// Reads a map whose `extends` and references are resolved.
pub(crate) fn read(root: &Map, world: &World<'_>, sink: &mut Sink) -> Config {
    let mut config = Config {
        stages: DEFAULT_STAGES.map(str::to_owned).to_vec(),
        ..Config::default()
    };
    let defaults = defaults(root, sink);
    for (key, entry) in root {
        if !TOP_LEVEL.contains(&&**key) && !key.starts_with('.') {
            visible_job(key, entry, &defaults, world, sink, &mut config);
            continue;
        }
        if entry.value.is_null() {
            continue;
        }
        let mut fields = Fields { sink, job: None };
        match &**key {
            "stages" => config.stages = stages(&mut fields, &entry.value),
            "variables" => config.variables = fields.variables(key, &entry.value, true),
            "workflow" => config.workflow = workflow(&mut fields, &entry.value, world),
            "types" => {
                fields.error_fix(
                    entry.key,
                    "unknown_keyword",
                    "`types` is gone",
                    "write `stages`",
                );
                continue;
            }
            _ => continue, // defaults, templates, a header that has been used
        }
        config.resolved.insert(Arc::clone(key), entry.clone());
    }
    config
}

fn visible_job(
    key: &Arc<str>,
    entry: &Entry,
    defaults: &[(Arc<str>, Entry)],
    world: &World<'_>,
    sink: &mut Sink,
    config: &mut Config,
) {
    let Value::Map(map) = &entry.value.value else {
        let message = format!(
            "`{key}` is no keyword, and a job must be a map, not {}",
            entry.value.kind()
        );
        let near = sink
            .wants_hints()
            .then(|| nearest(key, TOP_LEVEL.iter().copied()))
            .flatten();
        let fix = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                format!("write `{key}:` with a `script:` below it, or start the name with a `.`")
            }
        };
        sink.error_fix(entry.key, "unknown_keyword", message, fix);
        return;
    };
    if key.is_empty() {
        sink.error(entry.key, "no_name", "a job needs a name");
        return;
    }
    let missing = |key: &str| map.get(key).is_none_or(|entry| entry.value.is_null());
    let mut map = Arc::clone(map);
    for (name, default) in defaults {
        if missing(name) && job::takes_default(&map, name) {
            let target = Arc::make_mut(&mut map);
            target.insert(Arc::clone(name), default.clone());
        }
    }
    let spec = job::read(key, entry.key, &map, world, sink);
    if !sink.spend(spec.weight(), entry.key) {
        return;
    }
    if &**key == "pages" && !map.contains_key("pages") {
        let message = "the job named `pages` runs like any other; its files are not published yet";
        sink.warn(entry.key, "no_effect", message);
    }
    flatten_lists(&mut map);
    let value = Node {
        value: Value::Map(map),
        ..entry.value.clone()
    };
    config.resolved.insert(
        Arc::clone(key),
        Entry {
            key: entry.key,
            value,
        },
    );
    config.jobs.push(spec);
}

/// Makes the lists flat that may be nested through anchors and references, for the resolved file to
/// show what runs. What is nested too deep has been refused when the job was read.
fn flatten_lists(map: &mut Arc<Map>) {
    const KEYS: [&str; 4] = ["before_script", "script", "after_script", "rules"];
    for key in KEYS {
        let list = map.get(key).and_then(|entry| entry.value.list());
        let Some(list) = list.filter(|list| list.iter().any(|item| item.list().is_some())) else {
            continue;
        };
        let flat = Value::List(Arc::new(flattened(list)));
        if let Some(entry) = Arc::make_mut(map).get_mut(key) {
            entry.value.value = flat;
        }
    }
}

fn flattened(list: &[Node]) -> Vec<Node> {
    // Nesting of a file is limited when it is read, so the recursion is.
    let parts = list.iter().map(|item| match item.list() {
        Some(inner) => flattened(inner),
        None => vec![item.clone()],
    });
    parts.flatten().collect()
}

/// The values of `default` and of its old top-level spelling.
fn defaults(root: &Map, sink: &mut Sink) -> Vec<(Arc<str>, Entry)> {
    let mut out: Vec<(Arc<str>, Entry)> = Vec::new();
    let default = root.get("default").filter(|entry| !entry.value.is_null());
    if let Some(entry) = default {
        let mut fields = Fields {
            sink: &mut *sink,
            job: None,
        };
        for (key, entry) in fields.map("default", &entry.value).into_iter().flatten() {
            if !DEFAULT.contains(&&**key) {
                unknown_key(sink, "`default`", key, entry.key, DEFAULT);
            } else if !entry.value.is_null() {
                out.push((Arc::clone(key), entry.clone()));
                if &**key == "timeout" {
                    let message =
                        "`default:timeout` is honoured here; GitLab ignores it (issue 213634)";
                    sink.warn_fix(
                        entry.key,
                        "default_timeout",
                        message,
                        "set `timeout` in the jobs",
                    );
                }
            }
        }
    }
    for key in GLOBAL_DEFAULTS {
        let Some(entry) = root.get(*key).filter(|entry| !entry.value.is_null()) else {
            continue;
        };
        if out.iter().any(|(known, _)| &**known == *key) {
            let message = format!("`{key}` stands at the top level and under `default`");
            sink.error_fix(
                entry.key,
                "default_twice",
                message,
                "keep the one under `default`",
            );
        } else {
            out.push(((*key).into(), entry.clone()));
        }
    }
    out
}

fn stages(fields: &mut Fields<'_>, node: &Node) -> Vec<String> {
    let mut out = vec![".pre".to_owned()];
    let mut seen: HashSet<String> = [".pre".to_owned(), ".post".to_owned()].into();
    for (stage, mark) in fields.marked_texts("stages", node, false) {
        if stage.chars().count() > MAX_STAGE_CHARS {
            let message =
                format!("the name of this stage has more than {MAX_STAGE_CHARS} characters");
            fields.error(mark, "name_too_long", &message);
        }
        if seen.insert(stage.clone()) {
            out.push(stage);
        }
    }
    out.push(".post".to_owned());
    out
}

fn workflow(fields: &mut Fields<'_>, node: &Node, world: &World<'_>) -> Workflow {
    let mut out = Workflow {
        mark: node.mark,
        ..Workflow::default()
    };
    let Some(map) = fields.map("workflow", node) else {
        return out;
    };
    for (key, entry) in map {
        let value = &entry.value;
        if value.is_null() {
            continue;
        }
        match &**key {
            "name" => out.name = fields.text("workflow:name", value),
            "rules" => {
                out.rules = Some(read_rules(value, Place::Workflow, None, world, fields.sink));
            }
            "auto_cancel" => {
                out.auto_cancel = outputs::auto_cancel(fields, "workflow:auto_cancel", value);
            }
            _ => fields.unknown("workflow", key, entry, &["name", "rules", "auto_cancel"]),
        }
    }
    out
}
