//! The table beside a naive scan with the same comparison.

use proptest::prelude::*;

use super::*;
use crate::template::Template;

#[derive(Default)]
struct Request {
    headers: Vec<(&'static str, &'static str)>,
}

impl Facts for Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(one, _)| *one == name)
            .map(|(_, value)| *value)
    }

    fn query(&self, _: &str) -> Option<&str> {
        None
    }

    fn caller(&self, _: &str) -> Option<&str> {
        None
    }
}

fn route(id: &str, method: &str, path: &str) -> Route {
    Route {
        id: id.to_owned(),
        host: None,
        method: method.to_owned(),
        path: path.to_owned(),
        predicates: Vec::new(),
        order: 0,
    }
}

fn when(mut route: Route, header: &str, values: &[&str]) -> Route {
    route.predicates.push(Predicate {
        source: Source::Header(header.to_owned()),
        one_of: values.iter().map(|value| (*value).to_owned()).collect(),
    });
    route
}

fn found(routes: &[Route], host: &str, method: &str, path: &str, request: &Request) -> String {
    let router = Router::compile(routes).expect("a table");
    match router.find(host, path, method, request, &mut ()) {
        Decision::Found { route, .. } => routes[route].id.clone(),
        Decision::MethodNotAllowed(allowed) => format!("405 {}", allowed.join(", ")),
        Decision::NotFound => "404".to_owned(),
    }
}

#[test]
fn a_literal_branch_that_ends_dead_hides_nothing() {
    let routes = [
        route("literal", "GET", "/a/b/c"),
        route("variable", "GET", "/a/{x}/d"),
        route("tail", "GET", "/{*all}"),
    ];
    let go = |path| found(&routes, "h", "GET", path, &Request::default());
    assert_eq!(go("/a/b/c"), "literal");
    assert_eq!(go("/a/b/d"), "variable");
    assert_eq!(go("/a/b/e"), "tail");
}

#[test]
fn the_chosen_host_is_final() {
    let at = |host: &str, id: &str, path: &str| Route {
        host: Some(host.to_owned()),
        ..route(id, "GET", path)
    };
    let routes = [
        at("api.example", "exact", "/a"),
        at("*.example", "wide", "/b"),
        at("*.api.example", "narrow", "/b"),
        route("any", "GET", "/a"),
    ];
    let go = |host, path| found(&routes, host, "GET", path, &Request::default());
    assert_eq!(go("api.example", "/a"), "exact");
    assert_eq!(go("api.example", "/b"), "404");
    assert_eq!(go("x.api.example", "/b"), "narrow");
    assert_eq!(go("y.example", "/b"), "wide");
    assert_eq!(go("example", "/a"), "any");
}

#[test]
fn methods_fall_back_and_are_told() {
    let routes = [
        route("get", "GET", "/a"),
        route("post", "POST", "/a"),
        route("all", "*", "/b"),
    ];
    let go = |method, path| found(&routes, "h", method, path, &Request::default());
    assert_eq!(go("HEAD", "/a"), "get");
    assert_eq!(go("DELETE", "/a"), "405 GET, HEAD, POST");
    assert_eq!(go("DELETE", "/b"), "all");
}

#[test]
fn more_predicates_come_first_and_all_must_hold() {
    let routes = [
        route("plain", "GET", "/a"),
        when(route("v2", "GET", "/a"), "x-version", &["2"]),
        when(
            when(route("v2-beta", "GET", "/a"), "x-version", &["2"]),
            "x-beta",
            &[],
        ),
    ];
    let go = |headers: &[(&'static str, &'static str)]| {
        found(
            &routes,
            "h",
            "GET",
            "/a",
            &Request {
                headers: headers.to_vec(),
            },
        )
    };
    assert_eq!(go(&[]), "plain");
    assert_eq!(go(&[("x-version", "2")]), "v2");
    assert_eq!(go(&[("x-version", "2"), ("x-beta", "1")]), "v2-beta");
    assert_eq!(go(&[("x-version", "3")]), "plain");
}

#[test]
fn routes_that_take_the_same_requests_are_refused_together() {
    let same = [
        route("a", "GET", "/x/{y}"),
        route("b", "GET", "/x/{z}"),
        route("c", "GET", "/{"),
        route("d", "GET", "/d"),
    ];
    let errors = Router::compile(&same).expect_err("refused");
    assert!(
        matches!(errors[..], [CompileRoutesError::Template { .. }]),
        "{errors:?}"
    );
    let errors = Router::compile(&[same[0].clone(), same[1].clone()]).expect_err("refused");
    let expected = CompileRoutesError::Ambiguous {
        first: "a".to_owned(),
        second: "b".to_owned(),
    };
    assert_eq!(errors, [expected]);
    let apart = [
        when(same[0].clone(), "h", &["1"]),
        when(same[1].clone(), "h", &["2"]),
    ];
    assert!(Router::compile(&apart).is_ok());
    let level = [
        when(same[0].clone(), "h", &["1"]),
        when(same[1].clone(), "k", &["2"]),
    ];
    assert!(Router::compile(&level).is_err());
}

#[derive(Default)]
struct Heard(Vec<(usize, PassedOver)>);

impl Recorder for Heard {
    const LISTENS: bool = true;

    fn passed_over(&mut self, route: usize, why: PassedOver) {
        self.0.push((route, why));
    }
}

#[test]
fn an_explanation_names_every_route_passed_over_and_decides_the_same() {
    let routes = [
        when(route("beta", "GET", "/a/{x}"), "x-beta", &["1"]),
        route("plain", "GET", "/a/{x}"),
        route("post", "POST", "/a/{x}"),
        route("tail", "GET", "/{*all}"),
        route("other", "GET", "/b"),
    ];
    let router = Router::compile(&routes).expect("a table");
    let mut heard = Heard::default();
    let explained = router.find("h", "/a/1", "GET", &Request::default(), &mut heard);
    assert_eq!(
        explained,
        router.find("h", "/a/1", "GET", &Request::default(), &mut ())
    );
    assert_eq!(
        explained,
        Decision::Found {
            route: 1,
            variables: vec![("x", "1")]
        }
    );
    heard.0.sort_by_key(|(route, _)| *route);
    let why = [
        (0, PassedOver::Predicate(0)),
        (2, PassedOver::Method),
        (3, PassedOver::LessExact),
        (4, PassedOver::Path),
    ];
    assert_eq!(heard.0, why);
}

/// The best route by scanning all of them.
fn scanned(routes: &[Route], path: &str) -> Option<usize> {
    let parsed = routes
        .iter()
        .map(|route| Template::parse(&route.path).expect("a template"));
    let matching = parsed
        .enumerate()
        .filter(|(_, template)| template.matched(path).is_some());
    matching
        .min_by(|(_, a), (_, b)| a.segments.cmp(&b.segments))
        .map(|(n, _)| n)
}

proptest! {
    #[test]
    fn the_table_finds_what_a_scan_finds(
        paths in prop::collection::btree_set("(/(a|b|ab|\\{x\\}|a\\{x\\}|\\{x\\}b|aa\\{x\\})){1,3}(/\\{\\*t\\})?", 1..12),
        asked in prop::collection::vec("(/(a|b|ab|aab|c|)){1,4}", 1..12),
    ) {
        // Names must differ within a template; what tells templates apart are their segments.
        let mut routes: Vec<Route> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for path in &paths {
            let mut named = String::new();
            for (n, part) in path.split("{x}").enumerate() {
                if n > 0 {
                    named.push_str(&format!("{{x{n}}}"));
                }
                named.push_str(part);
            }
            let template = Template::parse(&named).expect("a template");
            if seen.insert(template.segments) {
                routes.push(route(&named, "GET", &named));
            }
        }
        let router = Router::compile(&routes).expect("a table");
        for path in &asked {
            let decided = match router.find("h", path, "GET", &Request::default(), &mut ()) {
                Decision::Found { route, .. } => Some(route),
                _ => None,
            };
            prop_assert_eq!(decided, scanned(&routes, path), "{} in {:?}", path, routes.iter().map(|r| &r.path).collect::<Vec<_>>());
        }
    }
}
