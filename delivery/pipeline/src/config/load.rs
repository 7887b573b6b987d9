//! Reads the pipeline file and everything it includes into one map.

use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;

use super::inputs;
use super::merge::{Null, deep_merge};
use super::rules;
use crate::conditions::World;
use crate::diagnostic::Sink;
use crate::yaml::{self, Map, Mark, Node, Value};

/// Most files of one configuration, repetitions counted.
const MAX_FILES: usize = 150;

/// Loads the file named by the context. `None`: it cannot be read, and `sink` says why.
pub(crate) fn load(world: &World<'_>, sink: &mut Sink) -> Option<Map> {
    let path = world.context.path().trim_start_matches('/').to_owned();
    let file = sink.add_file(&path);
    let start = Mark {
        file,
        line: 1,
        column: 1,
    };
    let mut loader = Loader {
        world,
        sink,
        parsed: HashMap::new(),
        open: Vec::new(),
        includes: 0,
        full: false,
    };
    let documents = loader.documents(&path, start)?;
    loader.open.push(path);
    loader.file(documents, None, start)
}

/// An `include` entry that is ours to follow.
struct Local {
    path: String,
    mark: Mark,
    inputs: Option<Arc<Map>>,
}

struct Loader<'a, 'w> {
    world: &'a World<'w>,
    sink: &'a mut Sink,
    parsed: HashMap<String, Option<Vec<Node>>>,
    open: Vec<String>,
    includes: usize,
    full: bool,
}

impl Loader<'_, '_> {
    /// The documents of a file; each is read once.
    fn documents(&mut self, path: &str, from: Mark) -> Option<Vec<Node>> {
        if let Some(known) = self.parsed.get(path) {
            return known.clone();
        }
        let documents = self.read(path, from);
        self.parsed.insert(path.to_owned(), documents.clone());
        documents
    }

    fn bytes(&mut self, path: &str, from: Mark) -> Option<Vec<u8>> {
        let file = self.sink.add_file(path);
        let start = Mark {
            file,
            line: 1,
            column: 1,
        };
        if let Some(size) = self.world.repository.size(path)
            && size > yaml::MAX_FILE_BYTES
        {
            yaml::too_large(size, start, self.sink);
            return None;
        }
        let bytes = self.world.repository.read(path);
        if bytes.is_none() {
            let root = self.open.is_empty();
            let why = self.world.repository.unreadable(path);
            let (code, message) = match why {
                Some(why) => ("file_unreadable", format!("`{path}` {why}")),
                None => ("file_missing", format!("the file `{path}` does not exist")),
            };
            let fix = match (code, root) {
                ("file_missing", true) => "create it, or name another one with `--file`",
                ("file_missing", false) => {
                    "check the path; it counts from the root of the repository"
                }
                (_, true) => "put a regular file there, or name another one with `--file`",
                (_, false) => "include a regular file of this repository",
            };
            self.sink.error_fix(from, code, message, fix);
        }
        bytes
    }

    fn read(&mut self, path: &str, from: Mark) -> Option<Vec<Node>> {
        let bytes = self.bytes(path, from)?;
        let file = self.sink.add_file(path);
        yaml::read(&bytes, file, self.sink)
    }

    /// The map of one file with its includes below it.
    fn file(
        &mut self,
        documents: Vec<Node>,
        given: Option<&(Arc<Map>, Mark)>,
        start: Mark,
    ) -> Option<Map> {
        let body = self.body(documents, given, start)?;
        let mark = Mark {
            line: body.mark.line.max(1),
            column: body.mark.column.max(1),
            ..start
        };
        let Value::Map(map) = body.value else {
            // Where a commit is read, a symbolic link is the text of its target.
            let link = body
                .text()
                .is_some_and(|text| !text.contains(char::is_whitespace));
            let fix = if link {
                "begin with `job:` and a `script:` below it; if this is a symbolic link, commit the \
                 file itself in its place"
            } else {
                "begin with `job:` and a `script:` below it"
            };
            let (code, message) = if matches!(body.value, Value::Null) {
                (
                    "empty_file",
                    "the file is empty; it needs at least one job".to_owned(),
                )
            } else {
                let kind = Node::new(body.value, mark).kind();
                (
                    "not_a_map",
                    format!("the file must be a map of jobs and settings, not {kind}"),
                )
            };
            self.sink.error_fix(mark, code, message, fix);
            return None;
        };
        let mut own = Arc::try_unwrap(map).unwrap_or_else(|shared| (*shared).clone());
        let Some(include) = own.shift_remove("include") else {
            return Some(own);
        };
        let mut merged = Map::default();
        for local in self.entries(&include.value) {
            if let Some(map) = self.include(&local) {
                deep_merge(&mut merged, &map, Null::Replaces);
            }
        }
        deep_merge(&mut merged, &own, Null::Replaces);
        Some(merged)
    }

    /// The document that holds the configuration, inputs filled in.
    fn body(
        &mut self,
        mut documents: Vec<Node>,
        given: Option<&(Arc<Map>, Mark)>,
        start: Mark,
    ) -> Option<Node> {
        let header = documents
            .first()
            .and_then(Node::map)
            .and_then(|map| map.get("spec"))
            .map(|entry| entry.value.clone());
        let second = (documents.len() == 2).then(|| documents.swap_remove(1));
        let Some(spec) = header else {
            if let Some((_, mark)) = given {
                let message = "`inputs` are given to a file that declares none";
                let fix = "declare them under `spec: inputs:` in a first document of that file";
                self.sink.error_fix(*mark, "unknown_input", message, fix);
            }
            if let Some(second) = second {
                let message =
                    "this second document has no effect: the first one is no `spec` header";
                self.sink.warn(second.mark, "extra_document", message);
            }
            return documents
                .into_iter()
                .next()
                .or(Some(Node::new(Value::Null, start)));
        };
        let Some(second) = second else {
            let message = "a `spec` header needs a second document with the configuration";
            self.sink.error_fix(
                spec.mark,
                "spec_alone",
                message,
                "put `---` after the header",
            );
            return None;
        };
        inputs::fill(&spec, second, given, self.sink)
    }

    fn include(&mut self, local: &Local) -> Option<Map> {
        if let Some(at) = self.open.iter().position(|open| *open == local.path) {
            let chain = self.open[at..].join(" -> ");
            let message = format!("`include` goes in a circle: {chain} -> {}", local.path);
            self.sink.error_fix(
                local.mark,
                "include_cycle",
                message,
                "remove one of these includes",
            );
            return None;
        }
        self.includes += 1;
        if self.includes > MAX_FILES {
            if !std::mem::replace(&mut self.full, true) {
                let message = format!(
                    "more than {MAX_FILES} files are included; `{}` is one too many",
                    local.path
                );
                self.sink.error(local.mark, "too_many_includes", message);
            }
            return None;
        }
        let documents = self.documents(&local.path, local.mark)?;
        let file = self.sink.add_file(&local.path);
        let start = Mark {
            file,
            line: 1,
            column: 1,
        };
        self.open.push(local.path.clone());
        let given = local.inputs.clone().map(|map| (map, local.mark));
        let map = self.file(documents, given.as_ref(), start);
        self.open.pop();
        map
    }

    fn entries(&mut self, include: &Node) -> Vec<Local> {
        let one = std::slice::from_ref(include);
        let items = include.list().map_or(one, |list| list.as_slice());
        let mut out = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text)
                    if text.starts_with("http://") || text.starts_with("https://") =>
                {
                    self.refuse("remote", item.mark);
                }
                Value::Text(text) => self.local(text, item.mark, None, &mut out),
                Value::Map(map) => self.entry(map, item.mark, &mut out),
                _ => {
                    let message = format!("`include` needs a path or a map, not {}", item.kind());
                    let fix = "write `include: - local: path/to/file.yml`";
                    self.sink.error_fix(item.mark, "wrong_type", message, fix);
                }
            }
        }
        out
    }

    fn entry(&mut self, map: &Map, mark: Mark, out: &mut Vec<Local>) {
        const KINDS: [&str; 5] = ["local", "project", "remote", "template", "component"];
        const KEYS: [&str; 11] = [
            "local",
            "project",
            "remote",
            "template",
            "component",
            "file",
            "ref",
            "inputs",
            "rules",
            "integrity",
            "cache",
        ];
        /// Keys that only a file from elsewhere can have.
        const ELSEWHERE: [&str; 4] = ["file", "ref", "integrity", "cache"];
        for (key, entry) in map {
            if !KEYS.contains(&&**key) {
                super::fields::unknown_key(self.sink, "`include`", key, entry.key, &KEYS);
            }
        }
        if let Some(entry) = map.get("rules")
            && !self.wanted(&entry.value)
        {
            return;
        }
        let kinds: Vec<&str> = KINDS
            .into_iter()
            .filter(|kind| map.contains_key(*kind))
            .collect();
        match kinds.as_slice() {
            ["local"] => {
                let entry = &map["local"];
                for (key, entry) in ELSEWHERE.iter().filter_map(|key| map.get_key_value(*key)) {
                    let message = format!("`include:{key}` means nothing beside `local`");
                    let fix = "remove it; `local` is a file of this commit";
                    self.sink.error_fix(entry.key, "include_what", message, fix);
                }
                let inputs = map.get("inputs").filter(|entry| !entry.value.is_null());
                if let Some(entry) = inputs.filter(|entry| entry.value.map().is_none()) {
                    let message =
                        format!("`include:inputs` must be a map, not {}", entry.value.kind());
                    let fix = "write `inputs: {name: value}`";
                    self.sink
                        .error_fix(entry.value.mark, "wrong_type", message, fix);
                }
                let inputs = inputs.and_then(|entry| entry.value.map()).cloned();
                match entry.value.text() {
                    Some(text) => self.local(text, entry.value.mark, inputs, out),
                    None => {
                        let message =
                            format!("`include:local` must be a path, not {}", entry.value.kind());
                        self.sink.error(entry.value.mark, "wrong_type", message);
                    }
                }
            }
            [kind] => self.refuse(kind, map[*kind].key),
            [] => {
                let fix = "write `local: path/to/file.yml`";
                let message = "this `include` does not say what to include";
                self.sink.error_fix(mark, "include_what", message, fix);
            }
            several => {
                let message = format!(
                    "this `include` names several sources: {}",
                    several.join(", ")
                );
                self.sink
                    .error_fix(mark, "include_what", message, "make one entry of each");
            }
        }
    }

    fn refuse(&mut self, kind: &str, mark: Mark) {
        let what = format!("`include:{kind}`");
        let fix = "copy the file into this repository and use `include: local`";
        self.sink.unread(mark, &what, fix);
    }

    /// Whether the entry's rules let it in.
    fn wanted(&mut self, node: &Node) -> bool {
        let rules = rules::read_rules(node, rules::Place::Include, None, self.world, self.sink);
        let scope = self.world.outside();
        match rules::first_match(&rules, self.world, &scope, self.sink) {
            Some(rule) => rule.when != Some(rules::RuleWhen::Never),
            None => false,
        }
    }

    fn local(&mut self, text: &str, mark: Mark, inputs: Option<Arc<Map>>, out: &mut Vec<Local>) {
        let expanded = self.world.outside().expand(text);
        let path = expanded
            .trim_start_matches('/')
            .trim_start_matches("./")
            .to_owned();
        if path.split('/').any(|part| part == "..") {
            let message = format!("`{text}` leads out of the repository");
            let fix = "paths count from the root of the repository";
            self.sink.error_fix(mark, "path_outside", message, fix);
            return;
        }
        if !(path.ends_with(".yml") || path.ends_with(".yaml")) {
            let message = format!("`{path}` does not end in .yml or .yaml");
            self.sink.error(mark, "include_extension", message);
            return;
        }
        if !path.contains('*') {
            out.push(Local { path, mark, inputs });
            return;
        }
        let pattern = include_pattern(&path);
        let mut paths: Vec<&String> = match &pattern {
            Some(regex) => self
                .world
                .files()
                .iter()
                .filter(|file| regex.is_match(file))
                .collect(),
            None => Vec::new(),
        };
        paths.sort();
        if paths.is_empty() {
            self.sink
                .warn(mark, "include_nothing", format!("no file matches `{path}`"));
        }
        out.extend(paths.into_iter().map(|path| {
            let inputs = inputs.clone();
            Local {
                path: path.clone(),
                mark,
                inputs,
            }
        }));
    }
}

/// `*` is anything within a folder, `**` anything at all.
fn include_pattern(path: &str) -> Option<Regex> {
    let mut pattern = String::from("^");
    for (at, part) in path.split("**").enumerate() {
        if at > 0 {
            pattern.push_str(".*");
        }
        let pieces: Vec<String> = part.split('*').map(regex::escape).collect();
        pattern.push_str(&pieces.join("[^/]*"));
    }
    pattern.push('$');
    Regex::new(&pattern).ok()
}
