//! Reads one job.

use std::sync::Arc;

use super::fields::Fields;
use super::keys::JOB;
use super::model::{Inherit, JobSpec};
use super::rules::{Place, RuleWhen, WHEN, read_policy, read_rules};
use super::{keys, outputs};
use crate::conditions::World;
use crate::diagnostic::Sink;
use crate::plan::AllowFailure;
use crate::yaml::{Entry, Map, Mark, Node};

const MAX_NAME_CHARS: usize = 255;
const MAX_TAGS: usize = 50;

/// Reads a visible job; what is wrong with it goes to the sink, the rest is kept.
pub(crate) fn read(
    name: &Arc<str>,
    mark: Mark,
    map: &Map,
    world: &World<'_>,
    sink: &mut Sink,
) -> JobSpec {
    let mut spec = JobSpec {
        name: Arc::clone(name),
        mark,
        ..JobSpec::default()
    };
    let mut reader = JobReader {
        fields: Fields {
            sink,
            job: Some(name),
        },
        world,
    };
    if name.chars().count() > MAX_NAME_CHARS {
        let message = format!("the name has more than {MAX_NAME_CHARS} characters");
        reader.fields.error(mark, "name_too_long", &message);
    }
    for (key, entry) in map {
        if entry.value.is_null() && JOB.contains(&&**key) {
            continue; // null means absent
        }
        if !reader.script_keyword(key, entry, &mut spec)
            && !reader.control_keyword(key, entry, &mut spec)
            && !reader.result_keyword(key, entry, &mut spec)
            && !reader.not_executed(key, entry)
        {
            reader.fields.unknown("", key, entry, JOB);
        }
    }
    reader.whole(map, &spec);
    spec
}

struct JobReader<'a, 'w> {
    fields: Fields<'a>,
    world: &'a World<'w>,
}

impl JobReader<'_, '_> {
    /// What runs, with what.
    fn script_keyword(&mut self, key: &str, entry: &Entry, spec: &mut JobSpec) -> bool {
        let (fields, value) = (&mut self.fields, &entry.value);
        match key {
            "script" => spec.script = fields.script(key, value),
            "before_script" => spec.before_script = fields.script(key, value),
            "after_script" => spec.after_script = fields.script(key, value),
            "variables" => spec.variables = fields.variables(key, value, false),
            "image" => {
                let what = "`image` has no effect: jobs run in a shell of the machine";
                let fix = "install on the machine what the job needs, or remove `image`";
                fields.no_effect_since(entry.key, what, fix);
                spec.image = self.image(value);
            }
            "services" => {
                spec.services = self.services(value);
                if !spec.services.is_empty() {
                    let what = "`services` are not started, and the runner fails such a job \
                                (`runner_unsupported`)";
                    let fix = "start them in `before_script` and remove `services`";
                    self.fields.not_started(entry.key, what, fix);
                }
            }
            "tags" => {
                spec.tags = fields.texts(key, value, false);
                if self.world.context.local && !spec.tags.is_empty() {
                    let what = "`tags` choose a runner on a server only; `rialto ci run` runs the \
                                job on this machine";
                    let fix = "nothing to do if this machine is fit for the job";
                    fields.no_effect_since(entry.key, what, fix);
                }
                if spec.tags.len() >= MAX_TAGS {
                    let message = format!("`tags` has {MAX_TAGS} entries or more");
                    fields.error(value.mark, "too_many_tags", &message);
                }
            }
            "timeout" => {
                spec.timeout_s = fields.duration(key, value);
                if spec.timeout_s == Some(0) {
                    fields.error(
                        value.mark,
                        "out_of_range",
                        "`timeout` must be longer than nothing",
                    );
                }
            }
            "parallel" => spec.parallel = outputs::parallel(fields, key, value),
            "inherit" => self.inherit(value, spec),
            _ => return false,
        }
        true
    }

    /// Whether and when it runs.
    fn control_keyword(&mut self, key: &str, entry: &Entry, spec: &mut JobSpec) -> bool {
        let (fields, value) = (&mut self.fields, &entry.value);
        match key {
            "stage" => spec.stage = fields.text(key, value).map(|stage| (stage, value.mark)),
            "needs" => spec.needs = Some(outputs::needs(fields, key, entry)),
            "dependencies" => spec.dependencies = Some(fields.marked_texts(key, value, false)),
            "rules" => {
                let job = Some(&*spec.name);
                spec.rules = Some(read_rules(value, Place::Job, job, self.world, fields.sink));
            }
            "only" => spec.only = Some(read_policy(fields, key, value, self.world)),
            "except" => spec.except = Some(read_policy(fields, key, value, self.world)),
            "when" => {
                if value.text() == Some("never") {
                    let message = "`when: never` is possible in `rules` only";
                    let fix = "write `rules: - when: never`";
                    fields.error_fix(value.mark, "bad_value", message, fix);
                } else {
                    spec.when = fields.choice(key, value, &WHEN[..WHEN.len() - 1]);
                }
            }
            "start_in" => spec.start_in_s = fields.start_in(key, value),
            "allow_failure" => spec.allow_failure = self.allow_failure(value),
            "retry" => spec.retry = outputs::retry(fields, value),
            "interruptible" => spec.interruptible = fields.bool(key, value).unwrap_or(false),
            "resource_group" => spec.resource_group = fields.text(key, value),
            _ => return false,
        }
        true
    }

    /// What it leaves behind.
    fn result_keyword(&mut self, key: &str, entry: &Entry, spec: &mut JobSpec) -> bool {
        let (fields, value) = (&mut self.fields, &entry.value);
        match key {
            "artifacts" => spec.artifacts = outputs::artifacts(fields, value),
            "cache" => spec.cache = outputs::caches(fields, value),
            "coverage" => spec.coverage = outputs::coverage(fields, value),
            "environment" => {
                let environment = outputs::environment(fields, value);
                spec.environment = environment.map(|environment| (environment, value.mark));
            }
            _ => return false,
        }
        true
    }

    /// Known words nothing executes yet.
    fn not_executed(&mut self, key: &str, entry: &Entry) -> bool {
        let fix = match key {
            "trigger" => "start the other pipeline through the API from a script",
            "release" => "create the release from a script",
            "pages" | "publish" => "publish the files from a script",
            "secrets" => "use a masked project variable",
            "id_tokens" | "identity" => "use a token in a masked project variable",
            "hooks" => "move the commands into `before_script`",
            "run" => "write the steps as `script`",
            "inputs" => "use `variables`",
            "manual_confirmation" => "remove it; playing the job is the confirmation",
            "dast_configuration" => {
                self.fields.no_effect(entry.key, "`dast_configuration`");
                return true;
            }
            _ => return false,
        };
        self.fields.unsupported(entry.key, &format!("`{key}`"), fix);
        true
    }

    /// Checks that concern several keywords at once.
    fn whole(&mut self, map: &Map, spec: &JobSpec) {
        let has = |key: &str| map.get(key).filter(|entry| !entry.value.is_null());
        let fields = &mut self.fields;
        // A script whose reference could not be followed is there; that it is empty says nothing.
        let lost = map
            .get("script")
            .is_some_and(|script| fields.sink.is_unresolved(script.value.mark));
        let body = ["script", "run", "trigger"]
            .iter()
            .any(|key| has(key).is_some());
        let body = body || lost;
        if !body {
            match keys::nearest(&spec.name, keys::TOP_LEVEL.iter().copied()) {
                Some(near) => {
                    let message = "this is no keyword, and as a job it has no `script`";
                    let fix = format!("did you mean `{near}`?");
                    fields.error_fix(spec.mark, "unknown_keyword", message, &fix);
                }
                None => {
                    let fix = "add `script:`, or start the name with a `.` if it is a template";
                    fields.error_fix(spec.mark, "no_script", "there is no `script`", fix);
                }
            }
        } else if let Some(script) = has("script")
            && spec.script.is_empty()
            && !lost
            && (script.value.list().is_some_and(|list| list.is_empty()))
        {
            fields.error(script.value.mark, "no_script", "`script` is empty");
        }
        if let Some(rules) = has("rules")
            && let Some(key) = ["only", "except"]
                .into_iter()
                .find(|key| has(key).is_some())
        {
            let message = format!("`{key}` cannot stand beside `rules`");
            fields.error_fix(
                rules.key,
                "rules_and_only",
                &message,
                "move all of it into `rules`",
            );
        }
        self.delay(map, spec);
    }

    /// `when: delayed` and `start_in` belong together, in the job or in a rule.
    fn delay(&mut self, map: &Map, spec: &JobSpec) {
        let has = |key: &str| map.get(key).filter(|entry| !entry.value.is_null());
        let fields = &mut self.fields;
        let delayed = spec.when == Some(RuleWhen::Delayed);
        let beside = has("start_in").or_else(|| has("when").filter(|_| delayed));
        if let Some(beside) = beside.filter(|_| has("rules").is_some()) {
            let message = "`when: delayed` and `start_in` of a job cannot stand beside `rules`";
            let fix = "move both into a rule: `- when: delayed` with its `start_in`";
            fields.error_fix(beside.key, "rules_and_start_in", message, fix);
            return;
        }
        if delayed && spec.start_in_s.is_none() {
            let message = "`when: delayed` needs `start_in`";
            fields.error_fix(
                spec.mark,
                "start_in_missing",
                message,
                "add `start_in: 5 minutes`",
            );
        }
        if let Some(start_in) = has("start_in")
            && !delayed
        {
            let message = "`start_in` needs `when: delayed`";
            fields.error_fix(
                start_in.key,
                "start_in_alone",
                message,
                "add `when: delayed`",
            );
        }
    }

    fn allow_failure(&mut self, node: &Node) -> Option<AllowFailure> {
        let fields = &mut self.fields;
        let Some(map) = node.map() else {
            return fields.bool("allow_failure", node).map(|yes| {
                if yes {
                    AllowFailure::Yes
                } else {
                    AllowFailure::No
                }
            });
        };
        let mut codes = None;
        for (key, entry) in map.iter() {
            match &**key {
                "exit_codes" => {
                    codes = Some(outputs::exit_codes(
                        fields,
                        "allow_failure:exit_codes",
                        &entry.value,
                    ));
                }
                _ => fields.unknown("allow_failure", key, entry, &["exit_codes"]),
            }
        }
        codes.map(AllowFailure::ExitCodes)
    }

    fn image(&mut self, node: &Node) -> Option<String> {
        const KEYS: [&str; 5] = ["name", "entrypoint", "docker", "kubernetes", "pull_policy"];
        let Some(map) = node.map() else {
            return self.fields.text("image", node);
        };
        for (key, entry) in map.iter() {
            if !KEYS.contains(&&**key) {
                self.fields.unknown("image", key, entry, &KEYS);
            }
        }
        match map.get("name") {
            Some(entry) => self.fields.text("image:name", &entry.value),
            None => {
                self.fields.error_fix(
                    node.mark,
                    "image_name",
                    "`image` has no name",
                    "add `name:`",
                );
                None
            }
        }
    }

    fn services(&mut self, node: &Node) -> Vec<String> {
        const KEYS: [&str; 9] = [
            "name",
            "alias",
            "entrypoint",
            "command",
            "variables",
            "docker",
            "kubernetes",
            "pull_policy",
            "ports",
        ];
        let Some(items) = node.list() else {
            self.fields.wrong("services", node, "a list");
            return Vec::new();
        };
        let mut out = Vec::with_capacity(items.len());
        for item in items.iter() {
            let Some(map) = item.map() else {
                out.extend(self.fields.text("services", item));
                continue;
            };
            for (key, entry) in map.iter() {
                if !KEYS.contains(&&**key) {
                    self.fields.unknown("services", key, entry, &KEYS);
                }
            }
            match map.get("name") {
                Some(entry) => out.extend(self.fields.text("services:name", &entry.value)),
                None => {
                    let message = "a service has no name";
                    self.fields
                        .error_fix(item.mark, "image_name", message, "add `name:`");
                }
            }
        }
        out
    }

    fn inherit(&mut self, node: &Node, spec: &mut JobSpec) {
        let Some(map) = self.fields.map("inherit", node) else {
            return;
        };
        for (key, entry) in map {
            let path = format!("inherit:{key}");
            match &**key {
                // `default` is applied before the job is read; here only its form is checked.
                "default" => {
                    let known = keys::DEFAULT;
                    if let Inherit::Only(names) =
                        inherit_value(&mut self.fields, &path, &entry.value)
                    {
                        for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
                            let message = format!("`{path}`: `default` cannot hold `{name}`");
                            self.fields
                                .error(entry.value.mark, "unknown_keyword", &message);
                        }
                    }
                }
                "variables" => {
                    spec.inherit_variables = inherit_value(&mut self.fields, &path, &entry.value);
                }
                _ => self
                    .fields
                    .unknown("inherit", key, entry, &["default", "variables"]),
            }
        }
    }
}

/// `true`, `false` or a list of names.
fn inherit_value(fields: &mut Fields<'_>, path: &str, node: &Node) -> Inherit {
    match &node.value {
        crate::yaml::Value::Bool(true) => Inherit::All,
        crate::yaml::Value::Bool(false) => Inherit::Nothing,
        crate::yaml::Value::List(_) => Inherit::Only(fields.texts(path, node, false)),
        _ => {
            fields.wrong(path, node, "true, false or a list of names");
            Inherit::All
        }
    }
}

/// Whether a job takes `default:key`; the form of `inherit` is checked when the job is read.
pub(crate) fn takes_default(job: &Map, key: &str) -> bool {
    let default = job
        .get("inherit")
        .and_then(|entry| entry.value.map())
        .and_then(|map| map.get("default"))
        .map(|entry| &entry.value.value);
    match default {
        Some(crate::yaml::Value::Bool(takes)) => *takes,
        Some(crate::yaml::Value::List(names)) => names.iter().any(|name| name.text() == Some(key)),
        _ => true,
    }
}
