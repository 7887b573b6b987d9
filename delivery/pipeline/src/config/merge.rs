//! Deep merges, `extends` and `!reference`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::Sink;
use crate::yaml::{Entry, Map, Mark, Node, Value};

/// Longest line of parents, the job itself included.
const MAX_EXTENDS_LEVELS: usize = 11;
const MAX_REFERENCE_LEVELS: usize = 10;
/// Most values all references together may bring in.
const MAX_REFERENCED_NODES: usize = 1_000_000;

/// What null in the upper map does to a value below it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Null {
    /// Replaces it (includes).
    Replaces,
    /// Removes it (`extends`).
    Removes,
}

/// Merges `over` into `base`: maps are joined, everything else is replaced.
pub(crate) fn deep_merge(base: &mut Map, over: &Map, null: Null) {
    for (name, entry) in over {
        if null == Null::Removes && entry.value.is_null() && base.contains_key(name) {
            base.shift_remove(name);
            continue;
        }
        if let (Some(upper), Some(below)) = (entry.value.map(), base.get_mut(name))
            && let Value::Map(lower) = &mut below.value.value
        {
            deep_merge(Arc::make_mut(lower), upper, null);
            below.key = entry.key;
            below.value.mark = entry.value.mark;
        } else {
            base.insert(Arc::clone(name), entry.clone());
        }
    }
}

/// Resolves `extends` of all top-level maps, in place.
pub(crate) fn resolve_extends(root: &mut Map, sink: &mut Sink) {
    let extending: Vec<Arc<str>> = root
        .iter()
        .filter(|(_, entry)| {
            entry
                .value
                .map()
                .is_some_and(|map| map.contains_key("extends"))
        })
        .map(|(name, _)| Arc::clone(name))
        .collect();
    if extending.is_empty() {
        return;
    }
    let mut extender = Extender {
        root,
        sink,
        done: HashMap::new(),
        open: Vec::new(),
    };
    for name in &extending {
        extender.resolve(name);
    }
    let done = extender.done;
    for (name, resolved) in done {
        if let Some(entry) = root.get_mut(&name) {
            entry.value.value = Value::Map(resolved.map);
        }
    }
}

#[derive(Clone)]
struct Extended {
    map: Arc<Map>,
    levels: usize,
}

struct Extender<'a> {
    root: &'a Map,
    sink: &'a mut Sink,
    done: HashMap<Arc<str>, Extended>,
    open: Vec<Arc<str>>,
}

impl Extender<'_> {
    /// The map of `name` with its parents merged below it.
    fn resolve(&mut self, name: &Arc<str>) -> Option<Extended> {
        if let Some(done) = self.done.get(name) {
            return Some(done.clone());
        }
        let own = Arc::clone(self.root.get(name)?.value.map()?);
        let Some(extends) = own.get("extends").cloned() else {
            return Some(Extended {
                map: own,
                levels: 1,
            });
        };
        if self.open.len() >= MAX_EXTENDS_LEVELS {
            self.too_deep(name, extends.key);
            return None;
        }
        self.open.push(Arc::clone(name));
        let mut merged = Map::default();
        let mut levels = 1;
        for (parent, mark) in self.parents(name, &extends) {
            if let Some(at) = self.open.iter().position(|open| *open == parent) {
                let chain: Vec<&str> = self.open[at..].iter().map(|n| &**n).collect();
                let message = format!(
                    "`extends` goes in a circle: {} -> {parent}",
                    chain.join(" -> ")
                );
                self.sink.error_fix(
                    mark,
                    "extends_cycle",
                    message,
                    "remove one of these `extends`",
                );
                continue;
            }
            if let Some(base) = self.resolve(&parent) {
                levels = levels.max(base.levels + 1);
                deep_merge(&mut merged, &base.map, Null::Removes);
            }
        }
        self.open.pop();
        if levels > MAX_EXTENDS_LEVELS {
            self.too_deep(name, extends.key);
        }
        let mut own = (*own).clone();
        own.shift_remove("extends");
        deep_merge(&mut merged, &own, Null::Removes);
        let extended = Extended {
            map: Arc::new(merged),
            levels,
        };
        self.done.insert(Arc::clone(name), extended.clone());
        Some(extended)
    }

    fn too_deep(&mut self, name: &str, mark: Mark) {
        let message = format!("`{name}` has more than {MAX_EXTENDS_LEVELS} levels of `extends`");
        self.sink.error_fix(
            mark,
            "extends_too_deep",
            message,
            "extend fewer templates in a row",
        );
    }

    fn parents(&mut self, name: &str, extends: &Entry) -> Vec<(Arc<str>, Mark)> {
        let one = std::slice::from_ref(&extends.value);
        let items = extends.value.list().map_or(one, |list| list.as_slice());
        let mut parents = Vec::with_capacity(items.len());
        for item in items {
            let Value::Text(parent) = &item.value else {
                let message = format!(
                    "`{name}`: `extends` needs names of jobs, not {}",
                    item.kind()
                );
                self.sink.error(item.mark, "wrong_type", message);
                continue;
            };
            match self
                .root
                .get(parent)
                .map(|entry| entry.value.map().is_some())
            {
                Some(true) => parents.push((Arc::clone(parent), item.mark)),
                Some(false) => {
                    let message =
                        format!("`{name}` extends `{parent}`, which is no job or template");
                    self.sink.error(item.mark, "extends_unknown", message);
                }
                None => {
                    let message = format!("`{name}` extends `{parent}`, which does not exist");
                    let names = self.root.keys().map(|key| &**key);
                    let hint = self.sink.wants_hints();
                    match hint.then(|| super::keys::nearest(parent, names)).flatten() {
                        Some(near) => {
                            let fix = format!("did you mean `{near}`?");
                            self.sink
                                .error_fix(item.mark, "extends_unknown", message, fix);
                        }
                        None => self.sink.error(item.mark, "extends_unknown", message),
                    }
                }
            }
        }
        parents
    }
}

/// Resolves every `!reference`, in place. A list item that refers to a list takes in its items.
pub(crate) fn resolve_references(root: &mut Map, sink: &mut Sink) {
    let snapshot = root.clone();
    let mut resolver = Resolver {
        root: &snapshot,
        sink,
        open: Vec::new(),
        circles: HashSet::new(),
        nodes: 0,
    };
    for entry in root.values_mut() {
        if let Some(node) = resolver.node(&entry.value) {
            entry.value = node;
        }
    }
}

struct Resolver<'a> {
    root: &'a Map,
    sink: &'a mut Sink,
    open: Vec<Vec<Arc<str>>>,
    /// Circles that were told, each as the set of its members.
    circles: HashSet<BTreeSet<Vec<Arc<str>>>>,
    nodes: usize,
}

impl Resolver<'_> {
    /// The resolved node; `None` when there is nothing to resolve in it.
    fn node(&mut self, node: &Node) -> Option<Node> {
        match &node.value {
            Value::Reference(path) => {
                let found = self.reference(path, node.mark);
                Some(found.unwrap_or_else(|| {
                    self.sink.unresolved(node.mark);
                    Node::new(Value::Null, node.mark)
                }))
            }
            Value::List(items) => self.list(items, node.mark).map(|items| Node {
                value: Value::List(Arc::new(items)),
                ..node.clone()
            }),
            Value::Map(map) => {
                let mut changed: Option<Map> = None;
                for (name, entry) in map.iter() {
                    if let Some(value) = self.node(&entry.value) {
                        let target = changed.get_or_insert_with(|| (**map).clone());
                        target.insert(
                            Arc::clone(name),
                            Entry {
                                key: entry.key,
                                value,
                            },
                        );
                    }
                }
                changed.map(|map| Node {
                    value: Value::Map(Arc::new(map)),
                    ..node.clone()
                })
            }
            _ => None,
        }
    }

    fn list(&mut self, items: &[Node], mark: Mark) -> Option<Vec<Node>> {
        let mut changed: Option<Vec<Node>> = None;
        for (at, item) in items.iter().enumerate() {
            let resolved = self.node(item);
            if resolved.is_some() && changed.is_none() {
                changed = Some(items[..at].to_vec());
            }
            let is_reference = matches!(item.value, Value::Reference(_));
            if let Some(node) = resolved.as_ref().filter(|_| is_reference)
                && self.sink.is_unresolved(node.mark)
            {
                self.sink.unresolved(mark);
            }
            let Some(out) = &mut changed else { continue };
            match resolved {
                Some(Node {
                    value: Value::List(inner),
                    ..
                }) if is_reference => {
                    out.extend(inner.iter().cloned());
                }
                // A reference that leads nowhere has its error; nothing else follows from it.
                Some(node) if node.is_null() && is_reference => {}
                Some(node) => out.push(node),
                None => out.push(item.clone()),
            }
        }
        changed
    }

    fn reference(&mut self, path: &[Node], mark: Mark) -> Option<Node> {
        let keys: Option<Vec<Arc<str>>> = path
            .iter()
            .map(|key| match &key.value {
                Value::Text(key) => Some(Arc::clone(key)),
                _ => None,
            })
            .collect();
        let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
            let fix = "write `!reference [job, script]`";
            self.sink.error_fix(
                mark,
                "bad_reference",
                "`!reference` needs a list of keys",
                fix,
            );
            return None;
        };
        if let Some(at) = self.open.iter().position(|open| *open == keys) {
            // Whoever leads into a circle, and from wherever: it is one mistake.
            if !self
                .circles
                .insert(self.open[at..].iter().cloned().collect())
            {
                return None;
            }
            let mut chain: Vec<String> = self.open[at..].iter().map(|keys| show(keys)).collect();
            chain.push(show(&keys));
            let message = format!("`!reference` goes in a circle: {}", chain.join(" -> "));
            self.sink.error_fix(
                mark,
                "reference_cycle",
                message,
                "remove one of these references",
            );
            return None;
        }
        if self.open.len() >= MAX_REFERENCE_LEVELS {
            let message =
                format!("references are nested more than {MAX_REFERENCE_LEVELS} levels deep");
            self.sink.error(mark, "reference_too_deep", message);
            return None;
        }
        let Some(found) = self.find(&keys, mark) else {
            let message = format!("`!reference {}` leads nowhere", show(&keys));
            let hint = self.sink.wants_hints();
            let names = self.root.keys().map(|key| &**key);
            match hint
                .then(|| super::keys::nearest(&keys[0], names))
                .flatten()
            {
                Some(near) if near != &*keys[0] => {
                    let fix = format!("did you mean `{near}`?");
                    self.sink.error_fix(mark, "reference_unknown", message, fix);
                }
                _ => self.sink.error(mark, "reference_unknown", message),
            }
            return None;
        };
        self.nodes += count(&found);
        if self.nodes > MAX_REFERENCED_NODES {
            let message = format!("references bring in more than {MAX_REFERENCED_NODES} values");
            self.sink.error(mark, "reference_budget", message);
            return None;
        }
        self.open.push(keys);
        let resolved = self.node(&found);
        self.open.pop();
        if let Some(resolved) = &resolved {
            self.nodes += count(resolved);
        }
        Some(resolved.unwrap_or(found))
    }

    /// Follows the keys; a reference on the way is followed too.
    fn find(&mut self, keys: &[Arc<str>], mark: Mark) -> Option<Node> {
        let mut at = self.root.get(&keys[0])?.value.clone();
        for key in &keys[1..] {
            if let Value::Reference(path) = &at.value {
                at = self.reference(&Arc::clone(path), mark)?;
            }
            at = at.map()?.get(key)?.value.clone();
        }
        Some(at)
    }
}

fn show(keys: &[Arc<str>]) -> String {
    let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
    format!("[{}]", keys.join(", "))
}

/// Values in a node, lists only one level at a time deep enough for a budget.
fn count(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(map) => 1 + map.values().map(|entry| count(&entry.value)).sum::<usize>(),
        _ => 1,
    }
}
