//! Which route a request takes (specification, section 5.2).

use http::{HeaderMap, header};
use rialto_esb_policy::path;
use rialto_esb_policy::route::{Decision, Facts, PassedOver, Recorder};

use super::decide::{Head, Trail};
use super::refusal::Refusal;
use super::table::Table;

/// Names of a path's variables and what they take.
pub(crate) type Variables = Vec<(String, String)>;

struct Seen<'a> {
    headers: &'a HeaderMap,
    query: Vec<(String, String)>,
}

impl Facts for Seen<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn query(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(one, _)| one == name);
        found.next().map(|(_, value)| value.as_str())
    }

    fn caller(&self, _: &str) -> Option<&str> {
        None
    }
}

/// Hears the router.
#[derive(Default)]
struct Passed(Vec<(usize, PassedOver)>);

impl Recorder for Passed {
    const LISTENS: bool = true;

    fn passed_over(&mut self, route: usize, why: PassedOver) {
        self.0.push((route, why));
    }
}

/// Most routes told that were passed over.
const MOST_PASSED_OVER: usize = 20;

/// Number of the route, and its variables where its requests are checked.
pub(crate) fn route<T: Trail>(
    table: &Table,
    head: &Head<'_>,
    path: &str,
    query: Option<&str>,
    trail: &mut T,
) -> Result<(usize, Variables), Refusal> {
    let host = path::host(head.authority);
    let facts = Seen {
        headers: head.headers,
        query: if table.reads_query {
            decoded(query.unwrap_or_default())
        } else {
            Vec::new()
        },
    };
    let decision = if T::LISTENS {
        let mut passed = Passed::default();
        let decision = table
            .router
            .find(&host, path, head.method, &facts, &mut passed);
        // Those nearest to the request first.
        passed
            .0
            .sort_by_key(|(n, why)| (matches!(why, PassedOver::Host | PassedOver::Path), *n));
        for (n, why) in passed.0.into_iter().take(MOST_PASSED_OVER) {
            let id = &table.snapshot.routes[table.route_of[n]].id;
            trail.step("route", "passed over", || {
                format!("{id}: {}", passed_over(why))
            });
        }
        decision
    } else {
        table.router.find(&host, path, head.method, &facts, &mut ())
    };
    match decision {
        Decision::Found { route, variables } => {
            let number = table.route_of[route];
            trail.step("route", "matched", || {
                let spec = &table.snapshot.routes[number];
                let taken: Vec<String> =
                    variables.iter().map(|(n, v)| format!("{n}={v}")).collect();
                format!(
                    "{} {} {} [{}]",
                    spec.id,
                    spec.operation,
                    spec.path,
                    taken.join(", ")
                )
            });
            let taken = match &table.routes[number].rules {
                Some(_) => variables
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                None => Vec::new(),
            };
            Ok((number, taken))
        }
        Decision::MethodNotAllowed(allowed) => {
            let allowed = allowed.join(", ");
            trail.step("route", "refused", || format!("methods here: {allowed}"));
            Err(Refusal::new(
                "method-not-allowed",
                format!("allowed here: {allowed}"),
                format!("此处允许的方法：{allowed}"),
            )
            .with_header(header::ALLOW, &allowed))
        }
        Decision::NotFound => {
            trail.step("route", "refused", || format!("nothing at {host} {path}"));
            Err(Refusal::new(
                "route-not-found",
                format!("no interface takes {} {path}", head.method),
                format!("没有接口处理 {} {path}", head.method),
            ))
        }
    }
}

fn passed_over(why: PassedOver) -> String {
    match why {
        PassedOver::Host => "its host is another".to_owned(),
        PassedOver::Path => "its path does not match".to_owned(),
        PassedOver::LessExact => "another path is more exact".to_owned(),
        PassedOver::Method => "its method is another".to_owned(),
        PassedOver::Predicate(n) => format!("its condition {} does not hold", n + 1),
        PassedOver::Later => "it comes after the one chosen".to_owned(),
    }
}

/// Names and values of a query, decoded.
fn decoded(query: &str) -> Vec<(String, String)> {
    let part = |text: &str| -> String {
        let spaced = text.replace('+', " ");
        let bytes = spaced.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let code = bytes
                .get(at + 1..at + 3)
                .and_then(|two| str::from_utf8(two).ok());
            match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
                Some(value) if *byte == b'%' => {
                    out.push(value);
                    at += 3;
                }
                _ => {
                    out.push(*byte);
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (part(name), part(value)))
        .collect()
}
