//! The routing table (specification, section 5.2).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::template::{Embedded, ParseTemplateError, Segment, Template};

/// What is asked of a request beside host, path and method.
pub trait Facts {
    /// A header's first value, by lower-case name.
    fn header(&self, name: &str) -> Option<&str>;
    /// A query parameter's first value, decoded.
    fn query(&self, name: &str) -> Option<&str>;
    /// An attribute of the caller, known after authentication.
    fn caller(&self, name: &str) -> Option<&str>;
}

/// Where a predicate looks.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A header, by lower-case name.
    Header(String),
    /// A query parameter.
    Query(String),
    /// The media type of the body, without parameters.
    ContentType,
    /// An attribute of the caller.
    Caller(String),
}

/// A condition of a route.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Predicate {
    /// Where it looks.
    pub source: Source,
    /// Values that hold; empty: any value that is there.
    pub one_of: BTreeSet<String>,
}

impl Predicate {
    fn holds(&self, facts: &dyn Facts) -> bool {
        let value = match &self.source {
            Source::Header(name) => facts.header(name),
            Source::Query(name) => facts.query(name),
            Source::Caller(name) => facts.caller(name),
            Source::ContentType => facts
                .header("content-type")
                .map(|value| value.split(';').next().unwrap_or(value).trim()),
        };
        value.is_some_and(|value| self.one_of.is_empty() || self.one_of.contains(value))
    }

    /// Whether no request can meet both.
    fn excludes(&self, other: &Self) -> bool {
        let told = !self.one_of.is_empty() && !other.one_of.is_empty();
        self.source == other.source && told && self.one_of.is_disjoint(&other.one_of)
    }
}

/// A route as it is published.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Route {
    /// Its id, told in errors and explanations.
    pub id: String,
    /// `api.example`, `*.example`, or nothing for any host.
    #[serde(default)]
    pub host: Option<String>,
    /// `GET`, or `*` for any method.
    pub method: String,
    /// The path template.
    pub path: String,
    /// All of them must hold.
    #[serde(default)]
    pub predicates: Vec<Predicate>,
    /// Among routes with as many predicates the lower comes first.
    #[serde(default)]
    pub order: i32,
}

/// Why routes make no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileRoutesError {
    /// A path is no template.
    #[error("route {route}: {error}")]
    Template {
        /// The route.
        route: String,
        /// What is wrong.
        error: ParseTemplateError,
    },
    /// Two routes take the same requests with the same weight.
    #[error(
        "ambiguous-route: {first} and {second} take the same requests; give one more predicates or another order"
    )]
    Ambiguous {
        /// One route.
        first: String,
        /// The other.
        second: String,
    },
    /// A host pattern with a star elsewhere than in front.
    #[error("route {route}: the host {host} is neither a name nor `*.` and a name")]
    Host {
        /// The route.
        route: String,
        /// The host.
        host: String,
    },
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'r, 'p> {
    /// To this route: its number in the published order, and what its variables take.
    Found {
        /// The route's number.
        route: usize,
        /// Names and values of the path's variables.
        variables: Vec<(&'r str, &'p str)>,
    },
    /// The path is known, the method is not: methods that are, sorted.
    MethodNotAllowed(Vec<&'r str>),
    /// Nothing takes it.
    NotFound,
}

/// Hears which routes were passed over, and why. Nothing is recorded by `()`.
pub trait Recorder {
    /// Whether anybody listens; a table walks no further than it must otherwise.
    const LISTENS: bool;
    /// A route was passed over.
    fn passed_over(&mut self, route: usize, why: PassedOver);
}

/// Why a route was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedOver {
    /// Another host was nearer.
    Host,
    /// Its template does not match the path.
    Path,
    /// Another template is more exact.
    LessExact,
    /// Its method is another.
    Method,
    /// Its predicate of this number does not hold.
    Predicate(usize),
    /// It comes after the one chosen.
    Later,
}

impl Recorder for () {
    const LISTENS: bool = false;

    fn passed_over(&mut self, _: usize, _: PassedOver) {}
}

/// A compiled table.
#[derive(Debug)]
pub struct Router {
    routes: Vec<Compiled>,
    /// By host as published; the empty name stands for any.
    hosts: HashMap<String, Tree>,
    /// Suffixes of wildcard hosts (`.example`), the longest first.
    suffixes: Vec<String>,
}

#[derive(Debug)]
struct Compiled {
    host: String,
    method: String,
    template: Template,
    predicates: Vec<Predicate>,
    order: i32,
}

/// Templates by their segments.
#[derive(Debug, Default)]
struct Tree {
    literals: HashMap<String, Tree>,
    embedded: Vec<(Embedded, Tree)>,
    variable: Option<Box<Tree>>,
    tail: Option<Methods>,
    end: Option<Methods>,
}

/// Routes of a template by method, the first to be tried first.
type Methods = BTreeMap<String, Vec<usize>>;

impl Router {
    /// Compiles a table.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn compile(routes: &[Route]) -> Result<Self, Vec<CompileRoutesError>> {
        let mut errors = Vec::new();
        let mut compiled = Vec::with_capacity(routes.len());
        for route in routes {
            let host = route
                .host
                .as_deref()
                .map(host_key)
                .unwrap_or(Some(String::new()));
            let template = Template::parse(&route.path);
            if host.is_none() {
                errors.push(CompileRoutesError::Host {
                    route: route.id.clone(),
                    host: route.host.clone().unwrap_or_default(),
                });
            }
            let template = template.unwrap_or_else(|error| {
                let route = route.id.clone();
                errors.push(CompileRoutesError::Template { route, error });
                Template {
                    segments: Vec::new(),
                    names: Vec::new(),
                }
            });
            compiled.push(Compiled {
                host: host.unwrap_or_default(),
                method: route.method.to_ascii_uppercase(),
                template,
                predicates: route.predicates.clone(),
                order: route.order,
            });
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut router = Self {
            routes: compiled,
            hosts: HashMap::new(),
            suffixes: Vec::new(),
        };
        router.grow();
        let errors = router.ambiguous(routes);
        if errors.is_empty() {
            Ok(router)
        } else {
            Err(errors)
        }
    }

    fn grow(&mut self) {
        let mut suffixes = BTreeSet::new();
        for (n, route) in self.routes.iter().enumerate() {
            if route.host.starts_with('.') {
                suffixes.insert(route.host.clone());
            }
            let tree = self.hosts.entry(route.host.clone()).or_default();
            let methods = tree.place(&route.template.segments);
            methods.entry(route.method.clone()).or_default().push(n);
        }
        self.suffixes = suffixes.into_iter().collect();
        self.suffixes
            .sort_by_key(|suffix| std::cmp::Reverse(suffix.len()));
        let routes = &self.routes;
        for tree in self.hosts.values_mut() {
            tree.sort(&|n: &usize| {
                let route = &routes[*n];
                (std::cmp::Reverse(route.predicates.len()), route.order, *n)
            });
        }
    }

    fn ambiguous(&self, routes: &[Route]) -> Vec<CompileRoutesError> {
        let mut errors = Vec::new();
        let mut check = |group: &[usize]| {
            for (n, first) in group.iter().enumerate() {
                for second in &group[n + 1..] {
                    let (a, b) = (&self.routes[*first], &self.routes[*second]);
                    let level = a.predicates.len() == b.predicates.len() && a.order == b.order;
                    let apart = a
                        .predicates
                        .iter()
                        .any(|one| b.predicates.iter().any(|other| one.excludes(other)));
                    if level && !apart {
                        errors.push(CompileRoutesError::Ambiguous {
                            first: routes[*first].id.clone(),
                            second: routes[*second].id.clone(),
                        });
                    }
                }
            }
        };
        for tree in self.hosts.values() {
            tree.each(&mut |methods| methods.values().for_each(|group| check(group)));
        }
        errors.sort_by_key(ToString::to_string);
        errors
    }

    /// Finds the route of a request whose host and path are in normal form ([`crate::path`]).
    pub fn find<'r, 'p, R: Recorder>(
        &'r self,
        host: &str,
        path: &'p str,
        method: &str,
        facts: &dyn Facts,
        recorder: &mut R,
    ) -> Decision<'r, 'p> {
        let host = self.nearest(host);
        if R::LISTENS {
            self.tell_others(host, path, recorder);
        }
        let Some(tree) = self.hosts.get(host) else {
            return Decision::NotFound;
        };
        let Some(rest) = path.strip_prefix('/') else {
            return Decision::NotFound;
        };
        let Some(methods) = tree.walk(rest) else {
            return Decision::NotFound;
        };
        let by = |name: &str| methods.get(name);
        let group = by(method)
            .or_else(|| if method == "HEAD" { by("GET") } else { None })
            .or_else(|| by("*"));
        let Some(group) = group else {
            let mut allowed: BTreeSet<&str> = methods.keys().map(String::as_str).collect();
            if allowed.contains("GET") {
                allowed.insert("HEAD");
            }
            return Decision::MethodNotAllowed(allowed.into_iter().collect());
        };
        if R::LISTENS {
            let others = methods.values().flatten().filter(|n| !group.contains(n));
            others.for_each(|n| recorder.passed_over(*n, PassedOver::Method));
        }
        self.choose(group, path, facts, recorder)
    }

    fn choose<'r, 'p, R: Recorder>(
        &'r self,
        group: &[usize],
        path: &'p str,
        facts: &dyn Facts,
        recorder: &mut R,
    ) -> Decision<'r, 'p> {
        let mut decision = Decision::NotFound;
        for n in group {
            let route = &self.routes[*n];
            if decision != Decision::NotFound {
                recorder.passed_over(*n, PassedOver::Later);
                continue;
            }
            let fails = route.predicates.iter().position(|one| !one.holds(facts));
            if let Some(failing) = fails {
                recorder.passed_over(*n, PassedOver::Predicate(failing));
                continue;
            }
            let taken = route.template.matched(path).unwrap_or_default();
            let names = route.template.names.iter().map(String::as_str);
            decision = Decision::Found {
                route: *n,
                variables: names.zip(taken).collect(),
            };
            if !R::LISTENS {
                break;
            }
        }
        decision
    }

    /// The nearest host there are routes for: exact, then the longest suffix, then any.
    fn nearest<'a>(&'a self, host: &'a str) -> &'a str {
        if self.hosts.contains_key(host) {
            return host;
        }
        let fits = |suffix: &&String| host.ends_with(suffix.as_str()) && host.len() > suffix.len();
        self.suffixes.iter().find(fits).map_or("", String::as_str)
    }

    /// Routes of other hosts and templates, for explanations only.
    fn tell_others<R: Recorder>(&self, host: &str, path: &str, recorder: &mut R) {
        let matching =
            |route: &Compiled| route.host == host && route.template.matched(path).is_some();
        let best = self
            .routes
            .iter()
            .filter(|route| matching(route))
            .map(|route| &route.template.segments)
            .min();
        for (n, route) in self.routes.iter().enumerate() {
            if route.host != host {
                recorder.passed_over(n, PassedOver::Host);
            } else if !matching(route) {
                recorder.passed_over(n, PassedOver::Path);
            } else if Some(&route.template.segments) != best {
                recorder.passed_over(n, PassedOver::LessExact);
            }
        }
    }
}

fn host_key(text: &str) -> Option<String> {
    let host = crate::path::host(text);
    match host.strip_prefix('*') {
        Some(rest) if rest.starts_with('.') && rest.len() > 1 && !rest.contains('*') => {
            Some(rest.to_owned())
        }
        Some(_) => None,
        None => (!host.is_empty() && !host.contains('*')).then_some(host),
    }
}

impl Tree {
    /// The place of a template, made on the way.
    fn place(&mut self, segments: &[Segment]) -> &mut Methods {
        let Some((first, rest)) = segments.split_first() else {
            return self.end.get_or_insert_default();
        };
        match first {
            Segment::Tail => self.tail.get_or_insert_default(),
            Segment::Literal(text) => self.literals.entry(text.clone()).or_default().place(rest),
            Segment::Variable => self.variable.get_or_insert_default().place(rest),
            Segment::Embedded(embedded) => {
                let n = match self.embedded.binary_search_by(|(one, _)| one.cmp(embedded)) {
                    Ok(n) => n,
                    Err(n) => {
                        self.embedded.insert(n, (embedded.clone(), Tree::default()));
                        n
                    }
                };
                self.embedded[n].1.place(rest)
            }
        }
    }

    /// The most exact template that matches; goes back when a branch ends dead.
    fn walk(&self, path: &str) -> Option<&Methods> {
        let (first, rest) = match path.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let literal = self.literals.get(first).and_then(|tree| tree.after(rest));
        literal
            .or_else(|| {
                let mut parts = self.embedded.iter();
                parts.find_map(|(one, tree)| one.taken(first).and_then(|_| tree.after(rest)))
            })
            .or_else(|| {
                let variable = self.variable.as_ref().filter(|_| !first.is_empty());
                variable.and_then(|tree| tree.after(rest))
            })
            .or(self.tail.as_ref())
    }

    fn after(&self, rest: Option<&str>) -> Option<&Methods> {
        match rest {
            Some(rest) => self.walk(rest),
            None => self.end.as_ref(),
        }
    }

    fn each(&self, visit: &mut dyn FnMut(&Methods)) {
        self.tail.iter().chain(&self.end).for_each(&mut *visit);
        for tree in self
            .literals
            .values()
            .chain(self.embedded.iter().map(|(_, tree)| tree))
        {
            tree.each(visit);
        }
        if let Some(tree) = &self.variable {
            tree.each(visit);
        }
    }

    fn sort<K: Ord>(&mut self, key: &dyn Fn(&usize) -> K) {
        for methods in self.tail.iter_mut().chain(&mut self.end) {
            methods
                .values_mut()
                .for_each(|group| group.sort_by_key(key));
        }
        for tree in self
            .literals
            .values_mut()
            .chain(self.embedded.iter_mut().map(|(_, tree)| tree))
        {
            tree.sort(key);
        }
        if let Some(tree) = &mut self.variable {
            tree.sort(key);
        }
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
